import { expect, it } from 'vitest'
import { isTest, sourceTree } from '../testing/source-tree.ts'
import { EVENT_CATALOGUE, eventsPage } from './event-catalogue.ts'

const TYPES = new Set(EVENT_CATALOGUE.map(({ type }) => type))
const KINDS = new Set([...TYPES].map((type) => type.split('.')[0]!))

/** Types that are put together from a status. */
const PUT_TOGETHER = /^(return|shipment)\./

/** Named like events: entries of the audit log. */
const AUDITED = ['payment.capture_requested', 'payment.void_requested', 'payment.captured_by_hand']

const sources = sourceTree().filter(
  ({ path }) =>
    path.startsWith('packages/core/src/') &&
    !isTest(path) &&
    !path.includes('/testing/') &&
    !path.endsWith('/crash-point.ts') &&
    !path.endsWith('/event-catalogue.ts'),
)

it('is what docs/events.md says', async () => {
  await expect(eventsPage()).toMatchFileSnapshot('../../../../docs/events.md')
})

it('has every type once', () => {
  expect(TYPES.size).toBe(EVENT_CATALOGUE.length)
})

it('has every event that is recorded anywhere', () => {
  const recording = sources.filter(({ text }) => /\brecord\w*\(|\btell\w*\(|Event\(tx/.test(text))
  const written = recording.flatMap(({ path, text }) =>
    text
      .split('\n')
      // Crash points and audit entries are named alike.
      .filter((line) => !/crashPoint\(|action: |^\s*(\*|\/\/|\/\*)/.test(line))
      .flatMap((line) =>
        [...line.matchAll(/'([a-z_]+)\.([a-z_]+)'/g)].map(([, kind, what]) => ({ kind: kind!, type: `${kind}.${what}`, path })),
      ),
  )
  const missing = written.filter(({ kind, type }) => KINDS.has(kind) && !TYPES.has(type) && !AUDITED.includes(type))
  expect(missing.map(({ type, path }) => `${type} in ${path}`)).toEqual([])
})

it('has no event that is recorded nowhere', () => {
  const everything = sources.map(({ text }) => text).join('\n')
  expect([...TYPES].filter((type) => !PUT_TOGETHER.test(type) && !everything.includes(`'${type}'`))).toEqual([])
})
