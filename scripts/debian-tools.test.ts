import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fetchTools } from './debian-tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'souk-tools-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('what is on the path is not fetched', async () => {
  expect(await fetchTools(folder, [{ program: 'node', variable: 'SOUK_NODE', inPackage: 'bin/node' }])).toEqual({ environment: {} })
  expect(readdirSync(folder)).toEqual([])
})

test('what is in no package is named, and leaves nothing', async () => {
  const { environment, remark } = await fetchTools(folder, [
    { program: 'no-such-souk', variable: 'SOUK_NONE', inPackage: 'bin/no-such-souk' },
  ])
  expect(environment).toEqual({})
  expect(remark).toContain('no-such-souk')
  expect(readdirSync(folder)).toEqual([])
})
