import { parseArgs } from 'node:util'
import { startTestServer } from '@souk/local-postgres/test-server.ts'
import { NOT_HELD, PREVIOUS_RELEASE } from '@souk/migrations/lint/previous-release.ts'
import { buildTemplate, isReleaseBeforeKnown, layOutReleaseBefore, runCoreTests } from '@souk/migrations/testing/release-before.ts'
import { describeFailure, Explained } from './explained.ts'
import { root } from './pnpm.mjs'

// All tests of core of the release before, or those that are named, on a schema that today's migrations have expanded; or, with
// --too-early, those of today on the schema of the release before, as programs meet it that were rolled out before it: docs/fleet.md.

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { positionals: files, values } = parseArgs({
      allowPositionals: true,
      options: { 'too-early': { type: 'boolean', default: false } },
    })
    const tooEarly = values['too-early']
    if (!isReleaseBeforeKnown())
      throw new Explained(`The history here does not reach back to ${PREVIOUS_RELEASE.commit}, the release before. Fetch all of it.`)
    const server = await startTestServer()
    const release = layOutReleaseBefore()
    try {
      const template = await buildTemplate(server.facts, release.migrations, tooEarly ? 'before' : 'expanded')
      const commit = PREVIOUS_RELEASE.commit.slice(0, 7)
      console.log(tooEarly ? `The tests of today on the schema of ${commit} ...` : `The tests of ${commit} on the schema of today ...`)
      const leftOut = tooEarly ? [] : NOT_HELD
      for (const { file, why } of leftOut) console.log(`Left out: ${file} (${why}).`)
      const { code, output } = await runCoreTests(tooEarly ? root : release.root, template, {
        files,
        leftOut: leftOut.map(({ file }) => file),
      })
      console.log(output)
      return code
    } finally {
      release.remove()
      await server.close()
    }
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}
