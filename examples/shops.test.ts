import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

it('the catalogues and pictures of the demo shops are what their sources draw', () => {
  const output = execFileSync(process.execPath, ['shops/draw.ts', '--check'], { cwd: import.meta.dirname, encoding: 'utf8' })
  expect(output).toMatch(/kaffa: \d+ products/)
})
