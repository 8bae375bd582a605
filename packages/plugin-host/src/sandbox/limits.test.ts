import { readdirSync, readFileSync } from 'node:fs'
import * as promised from '@souk/plugins-sdk/limits.ts'
import { expect, test } from 'vitest'
import * as kept from './limits.ts'
import { PRELUDE } from './prelude.ts'

test('what authors are promised is what the sandbox keeps', () => {
  expect(kept.BUNDLE_BYTES_MAX).toBe(promised.BUNDLE_BYTES_MAX)
  expect(kept.CONFIGURATION_BYTES_MAX).toBe(promised.CONFIGURATION_BYTES_MAX)
  expect(kept.INPUT_BYTES_MAX).toBe(promised.INPUT_BYTES_MAX)
  expect(kept.LOG_LINES_MAX).toBe(promised.LOG_LINES_MAX)
  expect(kept.LOG_LINE_BYTES_MAX).toBe(promised.LOG_LINE_BYTES_MAX)
  expect(kept.ISOLATE_MEMORY_MIB * 1_048_576).toBeGreaterThanOrEqual(promised.MEMORY_BYTES_MAX)
  expect(kept.wallMsOf('discount@1.run')).toBe(promised.WALL_MS_CHECKOUT)
  expect(kept.wallMsOf('fulfillment@1.rates')).toBe(promised.WALL_MS_FULFILLMENT)
  for (const lines of [0, 1, 1_000]) expect(kept.outputBytesMax({ lines: Array(lines) })).toBe(promised.outputBytesMax(lines))
  expect(PRELUDE).toContain(`const LOG_LINES_MAX = ${kept.LOG_LINES_MAX}\n`)
})

test('the sandbox needs nothing from outside its folder, so that it can be packed with the SDK', () => {
  const folder = new URL('.', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  expect(files.length).toBeGreaterThan(8)
  for (const file of files) {
    const imports = [...readFileSync(new URL(file, folder), 'utf8').matchAll(/^import .*from '([^']+)'$/gm)].map(([, from]) => from)
    expect(
      imports.filter((from) => !/^(\.\/[a-z-]+\.ts|node:[a-z_]+|isolated-vm|acorn)$/.test(from!)),
      file,
    ).toEqual([])
  }
})
