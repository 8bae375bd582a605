import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { isRunning } from '@souk/local-postgres/processes.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Child, readable, startChild } from './child.ts'
import { root } from './pnpm.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-child-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function start(code: string, environment: Record<string, string> = {}): Child {
  writeFileSync(join(folder, 'app.ts'), code)
  return startChild({ name: 'app', entry: relative(root, join(folder, 'app.ts')), environment, logFile: join(folder, 'app.log') })
}

test('a crash leaves its last words, readable', async () => {
  const child = start(`console.log(JSON.stringify({ level: 30, msg: 'listening' })); throw new Error('no more paper')`)
  expect(await child.ended).toBe('exit code 1')
  expect(child.lastWords()).toContain('Error: no more paper')
  expect(child.lastWords().join('\n')).not.toContain('"level"')
})

test('only what was written since this start is quoted', async () => {
  const first = start(`console.log('the first')`)
  await first.ended
  const second = start(`console.log('the second')`)
  expect(await second.ended).toBe('exit code 0')
  expect(second.lastWords()).toEqual(['the second'])
})

test('is stopped by SIGTERM, and by SIGKILL if it will not', async () => {
  const polite = start(
    `process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); setInterval(() => {}, 1000); console.log('ready')`,
  )
  await expect.poll(() => polite.lastWords()).toContain('ready')
  await polite.stop(10_000)
  expect(polite.lastWords()).toContain('bye')
  const stubborn = start(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')`)
  await expect.poll(() => stubborn.lastWords()).toContain('ready')
  await stubborn.stop(200)
  expect(await stubborn.ended).toBe('SIGKILL')
})

test('sees its own settings and no administrator address', async () => {
  process.env.DATABASE_URL = 'postgres://admin:secret@db.example/souk'
  try {
    const child = start(`console.log(process.env.SETTING, process.env.DATABASE_URL)`, { SETTING: 'given' })
    await child.ended
    expect(child.lastWords()).toEqual(['given undefined'])
  } finally {
    delete process.env.DATABASE_URL
  }
})

test('ends when whoever started it is killed', async () => {
  const app = join(folder, 'app.ts')
  writeFileSync(app, `console.log('pid', process.pid); setInterval(() => {}, 1000)`)
  const starter = `
    import { startChild } from ${JSON.stringify(join(import.meta.dirname, 'child.ts'))}
    startChild({ name: 'app', entry: ${JSON.stringify(relative(root, app))}, environment: {}, logFile: process.argv[1] })
    setInterval(() => {}, 1000)`
  const logFile = join(folder, 'app.log')
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', starter, logFile])
  const pid = await expect
    .poll(() => readPid(logFile), { timeout: 180_000 })
    .toBeGreaterThan(0)
    .then(() => readPid(logFile))
  expect(isRunning(pid)).toBe(true)
  parent.kill('SIGKILL')
  await expect.poll(() => isRunning(pid)).toBe(false)
})

test('log lines are shortened to what they say', () => {
  const output = '{"level":50,"msg":"refused","err":{"stack":"Error: no\\n    at here"}}\nplain\n{"half":'
  expect(readable(output)).toEqual(['refused', 'Error: no', '    at here', 'plain', '{"half":'])
})

function readPid(logFile: string): number {
  try {
    return Number(/pid (\d+)/.exec(readFileSync(logFile, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
