import { Command } from 'commander'
import { hooksOf } from '../kit/sandbox.ts'
import { buildHere, describeBundle, RELEASE_FOLDER, writeRelease } from './release.ts'

export function buildCommand(): Command {
  return new Command('build')
    .description('make the one file that is pushed: checked for size and for what a sandbox refuses; the same sources give the same bytes')
    .action(async () => {
      const bundle = await buildHere()
      await hooksOf(bundle)
      writeRelease(process.cwd(), bundle)
      console.log(`${describeBundle(bundle)}\nwritten to ${RELEASE_FOLDER}/`)
    })
}
