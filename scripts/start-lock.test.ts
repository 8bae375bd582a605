import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockHolder, takeLock } from './start-lock.ts'

let folder: string
let file: string
const started: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-lock-'))
  file = join(folder, 'start.lock')
})
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** A process whose command line has these words, as a running start's has `scripts/start.ts`. */
function runningProcess(...words: string[]): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', ...words])
  started.push(child)
  return child
}

test('a free lock is taken, and let go of', () => {
  const release = takeLock(file, 4000)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ pid: process.pid, port: 4000 })
  release()
  expect(readdirSync(folder)).toEqual([])
})

test('a running start keeps its lock, and the refusal says how to stop it', () => {
  const other = runningProcess('scripts/start.ts')
  writeFileSync(file, JSON.stringify({ pid: other.pid, port: 4000 }))
  expect(() => takeLock(file, 4001)).toThrow(
    `process ${other.pid}, port 4000). Stop it with Ctrl-C in its terminal, or with \`kill ${other.pid}\``,
  )
  expect(readdirSync(folder)).toEqual(['start.lock'])
})

test('the lock of a start that was killed is taken over', async () => {
  const other = runningProcess('scripts/start.ts')
  const gone = new Promise((resolve) => other.once('exit', resolve))
  other.kill('SIGKILL')
  await gone
  writeFileSync(file, JSON.stringify({ pid: other.pid, port: 4000 }))
  takeLock(file, 4001)
  expect(JSON.parse(readFileSync(file, 'utf8')).pid).toBe(process.pid)
})

test('a pid that is used again by another program holds nothing, nor does a lock that was cut short', () => {
  writeFileSync(file, JSON.stringify({ pid: runningProcess('something-else').pid, port: 4000 }))
  expect(lockHolder(file)).toBeUndefined()
  writeFileSync(file, '{"pid":')
  expect(lockHolder(file)).toBeUndefined()
  takeLock(file, 4001)
  expect(existsSync(file)).toBe(true)
})

test("letting go leaves another's lock alone", () => {
  const release = takeLock(file, 4000)
  const others = JSON.stringify({ pid: process.pid + 1, port: 4001 })
  writeFileSync(file, others)
  release()
  expect(readFileSync(file, 'utf8')).toBe(others)
})
