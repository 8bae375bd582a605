import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { readFixture } from '../kit/fixture.ts'
import { runFixture } from '../kit/run-fixtures.ts'
import { type ConnectionOptions, connect, withConnection } from './connection.ts'
import { printFixtures } from './print.ts'
import { loadFixture } from './recorded-call.ts'
import { buildHere, describeBundle } from './release.ts'

export function replayCommand(): Command {
  const command = new Command('replay')
    .description('run recorded calls against the plugin of this folder and say where it answers differently')
    .argument('<calls...>', 'ids of calls of a shop (see `souk-plugin logs`), or files')
  return withConnection(command).action(async (calls: string[], options: ConnectionOptions) => {
    const bundle = await buildHere()
    console.log(describeBundle(bundle))
    const results = []
    for (const call of calls) {
      const fixture = existsSync(call)
        ? { name: basename(resolve(call), '.json'), ...readFixture(resolve(call)) }
        : await loadFixture(connect(options), call)
      results.push(await runFixture(bundle, fixture))
    }
    printFixtures(results)
    if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
  })
}
