import { mkdirSync } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { PluginFault } from '../kit/bundle.ts'
import { writeFixture } from '../kit/fixture.ts'
import { type ConnectionOptions, connect, withConnection } from './connection.ts'
import { findInstall } from './install.ts'
import { type ListedCall, listedCallSchema, loadFixture } from './recorded-call.ts'
import { buildHere } from './release.ts'
import type { Shop } from './shop.ts'

interface LogsOptions extends ConnectionOptions {
  failed?: boolean
  limit: string
  save?: string
}

export function logsCommand(): Command {
  const command = new Command('logs')
    .description("list a plugin's kept calls, the newest first; --save makes fixtures of them")
    .argument('[plugin]', 'its name; left out: the plugin of this folder')
    .option('--failed', 'only those that failed')
    .option('--limit <number>', 'how many', '20')
    .option('--save <folder>', 'write each as a fixture, byte for byte what the shop recorded')
  return withConnection(command).action(async (plugin: string | undefined, options: LogsOptions) => {
    const shop = connect(options)
    const name = plugin ?? (await buildHere()).manifest.name
    const calls = await listCalls(shop, name, options)
    if (calls.length === 0) console.log('No calls are kept. A shop keeps failures, the first calls of a version and a sample.')
    for (const call of calls) console.log(lineOf(call))
    if (options.save !== undefined) await saveCalls(shop, calls, options.save)
  })
}

async function listCalls(shop: Shop, plugin: string, { failed, limit }: LogsOptions): Promise<ListedCall[]> {
  const install = await findInstall(shop, plugin)
  if (install === undefined) throw new PluginFault(`${plugin} is not installed in this shop.`)
  const answer = await shop.get(`/v1/admin/plugins/installs/${install.id}/calls`, { limit, ...(failed && { outcome: 'failed' }) })
  return z.object({ data: z.array(listedCallSchema) }).parse(answer).data
}

async function saveCalls(shop: Shop, calls: readonly ListedCall[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const { id } of calls) {
    const { name, ...fixture } = await loadFixture(shop, id)
    console.log(`saved ${writeFixture(folder, name, fixture)}`)
  }
}

function lineOf({ id, called_at, version, hook, outcome, reason, detail, wall_us, cpu_us }: ListedCall): string {
  const cost = `${(wall_us / 1_000).toFixed(2)} ms, ${(cpu_us / 1_000).toFixed(2)} ms of CPU`
  const why = outcome === 'ok' ? '' : `  ${reason}: ${detail}`
  return `${called_at}  ${id}  ${version}  ${hook}  ${outcome}  ${cost}${why}`
}
