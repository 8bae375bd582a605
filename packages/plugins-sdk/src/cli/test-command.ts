import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Bundle, bundleOf, PluginFault } from '../kit/bundle.ts'
import { conformance } from '../kit/conformance.ts'
import { readFixtures, writeFixture } from '../kit/fixture.ts'
import { runFixtures } from '../kit/run-fixtures.ts'
import { printConformance, printFixtures } from './print.ts'
import { buildHere, describeBundle } from './release.ts'

export const FIXTURES_FOLDER = 'fixtures'

export function testCommand(): Command {
  return new Command('test')
    .description('build, run the fixtures in the sandbox, then the conformance suite')
    .option('--fixtures-only', 'leave out the conformance suite')
    .option('--update', 'write what the plugin answers into the fixtures instead of comparing')
    .action(async ({ fixturesOnly, update }: { fixturesOnly?: boolean; update?: boolean }) => {
      const bundle = await buildHere()
      console.log(describeBundle(bundle))
      const folder = join(process.cwd(), FIXTURES_FOLDER)
      if (update) await updateFixtures(bundle, folder)
      const results = await runFixtures(bundle, folder)
      printFixtures(results)
      let passed = results.every(({ faults }) => faults.length === 0)
      if (!fixturesOnly) passed = (await tryContracts(bundle, folder)) && passed
      if (!passed) process.exitCode = 1
    })
}

export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('say which contract versions a bundle meets')
    .argument('[bundle]', 'a built bundle beside its manifest.json; left out: the plugin of this folder')
    .action(async (file?: string) => {
      const bundle = file === undefined ? await buildHere() : readBundle(file)
      console.log(describeBundle(bundle))
      if (!(await tryContracts(bundle, join(process.cwd(), FIXTURES_FOLDER)))) process.exitCode = 1
    })
}

async function tryContracts(bundle: Bundle, fixtures: string): Promise<boolean> {
  const configurations = readFixtures(fixtures).map(({ configuration }) => configuration)
  const report = await conformance(bundle, configurations)
  printConformance(report)
  return report.meets
}

async function updateFixtures(bundle: Bundle, folder: string): Promise<void> {
  for (const { fixture, answer } of await runFixtures(bundle, folder)) {
    if (answer?.ok) writeFixture(folder, fixture.name, { ...fixture, output: answer.output })
  }
}

function readBundle(file: string): Bundle {
  const manifest = join(file, '..', 'manifest.json')
  for (const needed of [file, manifest]) if (!existsSync(needed)) throw new PluginFault(`There is no ${needed}.`)
  return bundleOf(JSON.parse(readFileSync(manifest, 'utf8')), readFileSync(file, 'utf8'))
}
