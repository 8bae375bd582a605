import type { TestServerFacts } from '@souk/local-postgres/test-server.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PREVIOUS_RELEASE } from './lint/previous-release.ts'
import {
  buildTemplate,
  isReleaseBeforeKnown,
  type LaidOutRelease,
  layOutReleaseBefore,
  runCoreTests,
  SOLD_BY,
} from './testing/release-before.ts'

// By the tests that the release before had for what a shop does all day. `npm run previous-release` runs all it had of core.

const known = isReleaseBeforeKnown()
const why = known ? '' : ` (left out: the history here does not reach back to ${PREVIOUS_RELEASE.commit.slice(0, 7)})`

describe.skipIf(!known)(`while a release is rolled out${why}`, () => {
  const facts = JSON.parse(process.env.SOUK_TEST_SERVER as string) as TestServerFacts
  let release: LaidOutRelease
  beforeAll(() => {
    release = layOutReleaseBefore()
  })
  afterAll(() => release.remove())

  test('programs of the release before sell on a schema that this one has expanded', async () => {
    const { code, output } = await runCoreTests(release.root, await buildTemplate(facts, release.migrations, 'expanded'), {
      files: SOLD_BY,
    })
    expect(output).toMatch(/Tests +\d+ passed/)
    expect(code, output).toBe(0)
  })
})
