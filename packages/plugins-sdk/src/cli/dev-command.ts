import { existsSync, watch } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { Command } from 'commander'
import { PluginFault } from '../kit/bundle.ts'
import { type NamedFixture, readFixture, readFixtures } from '../kit/fixture.ts'
import { runFixture } from '../kit/run-fixtures.ts'
import { type ConnectionOptions, connect, withConnection } from './connection.ts'
import { printFixtures } from './print.ts'
import { loadFixture } from './recorded-call.ts'
import { buildHere, describeBundle } from './release.ts'
import { FIXTURES_FOLDER } from './test-command.ts'

const SETTLE_MS = 50
const WATCHED = ['src', FIXTURES_FOLDER]

interface DevOptions extends ConnectionOptions {
  fixture?: string
  call?: string
  once?: boolean
}

export function devCommand(): Command {
  const command = new Command('dev')
    .description('build and run at every change, and print what each call costs')
    .option('--fixture <file>', 'run this one only')
    .option('--call <id>', 'run a call that a shop recorded (with --shop and --key): see `souk-plugin logs`')
    .option('--once', 'run once and end')
  return withConnection(command).action(async (options: DevOptions) => {
    const recorded = options.call === undefined ? undefined : await loadFixture(connect(options), options.call)
    const fixtures = () => chosen(options, recorded)
    if (options.once) return round(fixtures)
    // Watching begins before the first round: what is saved during it counts.
    const watching = watchFor(() => round(fixtures))
    await watching.now()
    console.log('Watching src/ and fixtures/. Ctrl-C ends.')
    await watching.forever
  })
}

function chosen({ fixture }: DevOptions, recorded: NamedFixture | undefined): NamedFixture[] {
  if (recorded !== undefined) return [recorded]
  if (fixture === undefined) return readFixtures(join(process.cwd(), FIXTURES_FOLDER))
  const file = resolve(fixture)
  if (!existsSync(file)) throw new PluginFault(`There is no ${fixture}.`)
  return [{ name: basename(file, '.json'), ...readFixture(file) }]
}

/** One build and one run. A mistake is printed, and the next change tried again. */
async function round(fixtures: () => NamedFixture[]): Promise<void> {
  const begun = performance.now()
  try {
    const bundle = await buildHere()
    const built = performance.now() - begun
    console.log(`\n${new Date().toISOString().slice(11, 19)}  ${describeBundle(bundle)}  built in ${built.toFixed(0)} ms`)
    const results = []
    for (const fixture of fixtures()) results.push(await runFixture(bundle, fixture))
    printFixtures(results)
    process.exitCode = results.every(({ faults }) => faults.length === 0) ? 0 : 1
  } catch (error) {
    process.exitCode = 1
    console.error((error as Error).message)
  }
}

/** Calls back after changes, and at `now()`: one round at a time. `forever` never settles; the author ends it. */
function watchFor(again: () => Promise<void>): { now(): Promise<void>; forever: Promise<never> } {
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  const now = () => {
    running = running.then(again)
    return running
  }
  for (const folder of WATCHED.filter((name) => existsSync(name))) {
    watch(folder, { recursive: true }, () => {
      clearTimeout(timer)
      timer = setTimeout(now, SETTLE_MS)
    })
  }
  return { now, forever: new Promise(() => {}) }
}
