import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { abandonedFolders, makeFleetingFolder, makeThrowawayFolder } from './throwaway-folder.ts'

const NOBODYS_PID = 99_999_999

const made: string[] = []
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test.each([
  ['on disk', () => makeThrowawayFolder()],
  ['in memory, where there is plenty', makeFleetingFolder],
])('a folder %s is abandoned when its maker is gone, and not before', (_where, make) => {
  const own = make()
  const left = join(dirname(own), `souk-test-${NOBODYS_PID}-left`)
  made.push(own, left)
  mkdirSync(left)
  const abandoned = abandonedFolders()
  expect(abandoned).toContain(left)
  expect(abandoned).not.toContain(own)
  expect(new Set(abandoned).size).toBe(abandoned.length)
})

test('what is to be on disk is', () => {
  made.push(makeThrowawayFolder())
  expect(dirname(made[0]!)).toBe(tmpdir())
})
