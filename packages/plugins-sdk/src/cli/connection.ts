import { type Command, Option } from 'commander'
import { PluginFault } from '../kit/bundle.ts'
import { Shop } from './shop.ts'

/** Options as commander hands them over. */
export interface ConnectionOptions {
  shop?: string
  key?: string
}

/** Adds --shop and --key, which may also come from the environment: a key in a command line stays in its history. */
export function withConnection(command: Command): Command {
  return command
    .addOption(new Option('--shop <url>', "the shop's address, such as https://kaffa.example.com").env('SOUK_SHOP'))
    .addOption(new Option('--key <key>', 'an API key with plugins:read and plugins:write').env('SOUK_API_KEY'))
}

export function connect({ shop, key }: ConnectionOptions): Shop {
  if (shop === undefined) throw new PluginFault('Which shop? Give --shop or set SOUK_SHOP.')
  if (key === undefined) throw new PluginFault('Give an API key of the shop with --key, or set SOUK_API_KEY.')
  return new Shop({ shop, key })
}
