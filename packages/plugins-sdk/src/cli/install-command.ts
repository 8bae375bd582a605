import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { PluginFault } from '../kit/bundle.ts'
import { type ConnectionOptions, connect, withConnection } from './connection.ts'
import { findInstall, type Install, installSchema } from './install.ts'
import { buildHere } from './release.ts'

interface InstallOptions extends ConnectionOptions {
  range?: string
  configuration?: string
  failurePolicy?: string
  rollout?: string
}

const POLICIES = ['skip', 'refuse', 'fallback']

export function installCommand(): Command {
  const command = new Command('install')
    .description('make a pushed release take part in the shop, or change how it does')
    .argument('[plugin]', 'its name; left out: the plugin of this folder')
    .option('--range <range>', 'a version to pin, or a range such as ^1.2 to follow; left out: the version of this folder')
    .option('--configuration <file>', 'a JSON file with what the manifest lets a merchant set')
    .option('--failure-policy <policy>', `when it fails: ${POLICIES.join(', ')}`)
    .option('--rollout <percent>', 'give a new version to so many percent of buyers first')
  return withConnection(command).action(async (plugin: string | undefined, options: InstallOptions) => {
    const shop = connect(options)
    const here = plugin === undefined ? (await buildHere()).manifest : undefined
    const name = plugin ?? here!.name
    const installed = await findInstall(shop, name)
    // Of what is installed, a change of settings alone leaves the version where it is.
    const onlySettings =
      installed !== undefined &&
      (options.configuration !== undefined || options.failurePolicy !== undefined) &&
      options.rollout === undefined
    const version = options.range ?? (onlySettings ? undefined : here?.version)
    const body = {
      ...(version !== undefined && { version }),
      ...(options.configuration !== undefined && { configuration: readConfiguration(options.configuration) }),
      ...(options.failurePolicy !== undefined && { providers: providersOf(installed, here, options.failurePolicy) }),
    }
    if (installed === undefined) {
      if (version === undefined) throw new PluginFault('Which version? Give --range.')
      if (options.rollout !== undefined) throw new PluginFault('A first version is given to everyone; --rollout is for the next one.')
      return printInstall(installSchema.parse(await shop.post('/v1/admin/plugins/installs', { plugin: name, ...body })))
    }
    const changes = { ...body, ...(options.rollout !== undefined && { rollout_percent: options.rollout }) }
    printInstall(installSchema.parse(await shop.patch(`/v1/admin/plugins/installs/${installed.id}`, changes)))
  })
}

function readConfiguration(file: string): unknown {
  if (!existsSync(file)) throw new PluginFault(`There is no ${file}.`)
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    throw new PluginFault(`${file} is no JSON object.`)
  }
}

function providersOf(installed: Install | undefined, here: { contracts: object } | undefined, policy: string) {
  if (!POLICIES.includes(policy)) throw new PluginFault(`--failure-policy is one of ${POLICIES.join(', ')}.`)
  const points = installed?.providers.map(({ point }) => point) ?? Object.keys(here?.contracts ?? {})
  return points.map((point) => ({ point, failure_policy: policy }))
}

function printInstall({ id, plugin, state, version, version_range, candidate, providers }: Install): void {
  const next = candidate === null ? '' : `, ${candidate.version} for ${candidate.percent} % of buyers`
  console.log(`${plugin} ${version} (${version_range})${next} is ${state}: install ${id}`)
  for (const { point, position, failure_policy } of providers) console.log(`  ${point}: place ${position}, on failure ${failure_policy}`)
}
