import { afterEach, expect, test } from 'vitest'
import { SourceChecks } from './source-checks.ts'
import { bundleOf, HARMLESS } from './testing/plugins.ts'

const opened: SourceChecks[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((checks) => checks.close()))
})

function open(file = './source-check-thread.ts'): SourceChecks {
  const checks = new SourceChecks(new URL(file, import.meta.url), 60_000)
  opened.push(checks)
  return checks
}

test('a bundle is read once, and the verdict remembered', async () => {
  const checks = open()
  expect(checks.known(HARMLESS.digest)).toBeUndefined()
  expect(await Promise.all([checks.check(HARMLESS), checks.check(HARMLESS)])).toEqual([{ mayRun: true }, { mayRun: true }])
  expect(checks.known(HARMLESS.digest)).toEqual({ mayRun: true })
  const refused = { mayRun: false, reason: 'refused', detail: 'a plugin may not contain a BigInt literal (line 1, column 5)' }
  expect(await checks.check(bundleOf('a = 1n'))).toEqual(refused)
})

test('a wrong digest says nothing about the right bundle', async () => {
  const checks = open()
  const wrong = { digest: HARMLESS.digest, source: 'let other = 1' }
  expect(await checks.check(wrong)).toEqual({ mayRun: false, reason: 'refused', detail: 'the bundle is not what its digest says' })
  expect(checks.known(HARMLESS.digest)).toBeUndefined()
  expect(await checks.check(HARMLESS)).toEqual({ mayRun: true })
})

test('whoever waits when the thread ends is told, and the next one gets a new thread', async () => {
  const broken = open('./testing/ending-thread.ts')
  expect(await broken.check(HARMLESS)).toEqual({ mayRun: false, reason: 'unavailable', detail: 'the bundle could not be read in time' })
  expect(await broken.check(HARMLESS)).toMatchObject({ reason: 'unavailable' })
  const closing = open()
  const waiting = closing.check(HARMLESS)
  await closing.close()
  expect(await waiting).toMatchObject({ reason: 'unavailable' })
})

test('the largest bundle is read', async () => {
  const line = 'function f(a) { return a.map((x) => x + 1).filter((y) => y % 2) }\n'
  expect(await open().check(bundleOf(line.repeat(Math.floor(511_000 / line.length))))).toEqual({ mayRun: true })
})
