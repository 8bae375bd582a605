import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { findConfinement, runnerArguments } from './confinement.ts'
import { RunnerProcess } from './runner-process.ts'
import type { AnswerMessage } from './sandbox/frames.ts'
import { isAlive, plugin, signal, UNSTOPPABLE, until } from './testing/plugins.ts'

const FILE = new URL('./sandbox/runner.ts', import.meta.url)
const CONTROL_GROUPS = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup']

const opened: RunnerProcess[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((runner) => runner.close()))
})

async function open(more: { launcher?: string[]; memoryBytesMax?: number; controlGroup?: string } = {}): Promise<RunnerProcess> {
  const runner = new RunnerProcess({ file: FILE, launcher: [], memoryBytesMax: 1_000_000_000, controlGroup: undefined, ...more })
  opened.push(runner)
  await runner.ready
  return runner
}

/** Loads a plugin and answers a function that calls it. */
async function load(
  runner: RunnerProcess,
  body: string,
  configuration = 'null',
): Promise<(input: unknown) => Promise<AnswerMessage & { json: string }>> {
  const { digest, source } = plugin(body)
  const whose = { merchantId: 'merchant', digest, configuration }
  const loaded = await runner.ask({ type: 'load', ...whose, withSource: true }, source, 20_000)
  expect(loaded.message.type).toBe('loaded')
  const asked = { contract: 'discount@1', hook: 'run', wallMs: 5_000, outputBytesMax: 20_000, repeat: false }
  return async (input) => {
    const { message, text, rested } = await runner.ask({ type: 'call', ...whose, ...asked }, JSON.stringify(input), 20_000)
    if (message.type !== 'answer') throw new Error(message.type)
    await rested
    return { ...message, json: text }
  }
}

describe.runIf(process.platform === 'linux')('a runner on Linux', () => {
  test('has no environment, no folder of ours, and only the pipes it needs', async () => {
    const runner = await open()
    expect(readFileSync(`/proc/${runner.pid}/environ`, 'utf8')).toBe('')
    expect(readlinkSync(`/proc/${runner.pid}/cwd`)).toBe('/')
    expect([0, 1].map((file) => readlinkSync(`/proc/${runner.pid}/fd/${file}`))).toEqual(['/dev/null', '/dev/null'])
    expect(readFileSync(`/proc/${runner.pid}/stat`, 'utf8').split(' ')[5]).toBe(String(runner.pid))
  })

  test('is confined as far as the machine allows, and as far as it is said to be', async () => {
    const confinement = await findConfinement(FILE)
    const runner = await open({ launcher: confinement.launcher })
    const network = (pid: number | 'self') => readlinkSync(`/proc/${pid}/ns/net`)
    expect(network(runner.pid) !== network('self')).toBe(confinement.hasNoNetwork)
    const status = readFileSync(`/proc/${runner.pid}/status`, 'utf8')
    if (confinement.hasOwnAccount) expect(status).toMatch(/^Uid:\s+65534\s+65534/m)
    if (confinement.hasOwnAccount) expect(status).toMatch(/^CapBnd:\s+0+$/m)
    if (confinement.launcher.includes('--no-new-privs')) expect(status).toMatch(/^NoNewPrivs:\s+1/m)
    const call = await load(runner, 'return input + 1')
    expect((await call(1)).json).toBe('2')
  })

  test('runs on when nobody else wants the processor, if it is made to', async () => {
    const runner = await open()
    runner.setNice(7)
    expect(readFileSync(`/proc/${runner.pid}/stat`, 'utf8').split(' ')[18]).toBe('7')
    const session = `/proc/${runner.pid}/autogroup`
    if (existsSync(session) && process.getuid?.() === 0) expect(readFileSync(session, 'utf8')).toContain('nice 7')
  })
})

test('Node denies a runner files, processes and more, whatever gets out of the sandbox', async () => {
  const attempts = `
    const tried = {}
    const attempt = (name, act) => { try { act(); tried[name] = 'allowed' } catch (error) { tried[name] = error.code } }
    attempt('read', () => require('node:fs').readFileSync('/etc/passwd'))
    attempt('readUs', () => require('node:fs').readFileSync(${JSON.stringify(new URL('./plugin-host.ts', import.meta.url).pathname)}))
    attempt('write', () => require('node:fs').writeFileSync('/tmp/from-a-runner', 'x'))
    attempt('run', () => require('node:child_process').execFileSync('/bin/true'))
    attempt('inspect', () => new (require('node:inspector').Session)().connect())
    console.log(JSON.stringify(tried))`
  const { stdout } = await promisify(execFile)(process.execPath, [...runnerArguments(FILE), '-e', attempts], { env: {} })
  expect(JSON.parse(stdout)).toEqual({
    read: 'ERR_ACCESS_DENIED',
    readUs: 'ERR_ACCESS_DENIED',
    write: 'ERR_ACCESS_DENIED',
    run: 'ERR_ACCESS_DENIED',
    inspect: 'ERR_ACCESS_DENIED',
  })
})

test('plugin code is never compiled to machine code', async () => {
  expect(runnerArguments(FILE)).toEqual(expect.arrayContaining(['--no-opt', '--no-maglev', '--no-sparkplug', '--regexp-interpret-all']))
})

describe('memory', () => {
  test('10,000 calls with an input of 47 kB leave no trail', async () => {
    const runner = await open()
    const call = await load(runner, 'return input.lines.length')
    const lines = Array.from({ length: 200 }, (_, n) => ({ id: `line-${n}`, sku: 'x'.repeat(100), title: 'y'.repeat(90), quantity: n }))
    const input = { lines }
    expect(JSON.stringify(input).length).toBeGreaterThan(47_000)
    const residents: number[] = []
    for (let n = 0; n < 10_000; n++) {
      const answer = await call(input)
      if (!answer.ok || answer.json !== '200') throw new Error(`call ${n}: ${answer.reason} ${answer.detail}`)
      residents.push(answer.rssBytes)
    }
    expect(Math.max(...residents)).toBeLessThan(350_000_000)
    expect(residents.at(-1)! - residents[2_000]!).toBeLessThan(60_000_000)
  })

  test('as many isolates are kept as may be, and the plugin of one given up works again', async () => {
    const runner = await open()
    const calls = []
    for (let n = 0; n < 160; n++) calls.push(await load(runner, 'return configuration.n + input', JSON.stringify({ n })))
    const last = await calls.at(-1)!(1)
    expect(last).toMatchObject({ ok: true, json: '160', isolates: 150 })
    await expect(calls[0]!(1)).rejects.toThrow('cold')
    const again = await load(runner, 'return configuration.n + input', JSON.stringify({ n: 0 }))
    expect((await again(1)).json).toBe('1')
  })

  test('isolates are given up when the process has grown towards its limit', async () => {
    const runner = await open({ memoryBytesMax: 400_000_000 })
    const keeping = 'const a = []; for (let i = 0; i < 12; i++) a.push(new Array(100000).fill(i + 0.5)); return a.length'
    let isolates = 0
    for (let n = 0; n < 60; n++) {
      const call = await load(runner, keeping, JSON.stringify({ n }))
      const answer = await call(1)
      expect(answer.ok).toBe(true)
      isolates = answer.isolates
    }
    expect(isolates).toBeLessThan(60)
    expect(isAlive(runner.pid)).toBe(true)
  })

  test('an isolate that was stopped is not used again', async () => {
    const runner = await open()
    const { digest, source } = plugin('while (input === 1) {} return 2')
    const whose = { merchantId: 'merchant', digest, configuration: 'null' }
    const asked = { ...whose, contract: 'discount@1', hook: 'run', wallMs: 50, outputBytesMax: 1_000, repeat: false }
    await runner.ask({ type: 'load', ...whose, withSource: true }, source, 20_000)
    expect((await runner.ask({ type: 'call', ...asked }, '1', 20_000)).message).toMatchObject({ reason: 'timeout', isolates: 0 })
    expect((await runner.ask({ type: 'call', ...asked }, '1', 20_000)).message).toEqual({ type: 'cold', needsSource: false })
  })

  const controlGroup = CONTROL_GROUPS.find((folder) => isControlGroup(folder))
  test.runIf(controlGroup !== undefined)('the kernel ends a runner that outgrows its control group', async () => {
    const folder = join(controlGroup!, `souk-test-${process.pid}`)
    mkdirSync(folder)
    // Below what a bare runner and an isolate at its own limit take together: that limit must not come first.
    const runner = await open({ controlGroup: folder, memoryBytesMax: 140_000_000 })
    expect(existsSync(join(folder, `souk-runner-${runner.pid}`))).toBe(true)
    const call = await load(runner, 'const a = []; for (;;) a.push(new Array(1e5).fill(1.5))')
    await expect(call(1)).rejects.toMatchObject({ end: 'memory' })
    await runner.close()
    await until(() => !existsSync(join(folder, `souk-runner-${runner.pid}`)))
    rmdirSync(folder)
  })

  test('a control group that may not be written to stops the start, and leaves no process', () => {
    expect(
      () => new RunnerProcess({ file: FILE, launcher: [], memoryBytesMax: 1e9, controlGroup: join(tmpdir(), 'no such folder', 'x') }),
    ).toThrow('ENOENT')
  })
})

test('a runner whose host is stuck ends by itself, and its call is what took too long', async () => {
  const runner = await open()
  const { digest, source } = UNSTOPPABLE
  const whose = { merchantId: 'merchant', digest, configuration: 'null' }
  await runner.ask({ type: 'load', ...whose, withSource: true }, source, 20_000)
  const asked = { contract: 'discount@1', hook: 'run', wallMs: 1_000, outputBytesMax: 1_000, repeat: false }
  await expect(runner.ask({ type: 'call', ...whose, ...asked }, 'null', 100_000)).rejects.toMatchObject({ end: 'deadline' })
})

test('a runner that stood still in the midst of a call goes on with it', async () => {
  const runner = await open()
  // Some 200 ms in which the engine does not listen.
  const { digest, source } = plugin(
    'const s = "9".repeat(1e6), a = []; for (let i = 0; i < 100; i++) a.push(s.slice(i)); return Math.max(...a)',
  )
  const whose = { merchantId: 'merchant', digest, configuration: 'null' }
  await runner.ask({ type: 'load', ...whose, withSource: true }, source, 20_000)
  const asked = { contract: 'discount@1', hook: 'run', wallMs: 1_000, outputBytesMax: 1_000, repeat: false }
  const answer = runner.ask({ type: 'call', ...whose, ...asked }, 'null', 100_000)
  setTimeout(() => signal(runner.pid, 'SIGSTOP'), 30)
  setTimeout(() => signal(runner.pid, 'SIGCONT'), 4_000)
  expect((await answer).message.type).toBe('answer')
})

test('a program that is no runner is told with its last words', async () => {
  const runner = new RunnerProcess({
    file: new URL('./testing/abandoning-parent.ts', import.meta.url),
    launcher: [],
    memoryBytesMax: 1e9,
    controlGroup: undefined,
  })
  opened.push(runner)
  await expect(runner.ready).rejects.toThrow(/did not start.*ERR_ACCESS_DENIED/s)
  expect(runner.isGone).toBe(true)
  await expect(runner.ask({ type: 'inspect', wallMs: 1 }, '', 1_000)).rejects.toMatchObject({ end: 'crashed' })
})

test('a launcher that does not exist is told too', async () => {
  const runner = new RunnerProcess({ file: FILE, launcher: ['/no/such/program'], memoryBytesMax: 1e9, controlGroup: undefined })
  opened.push(runner)
  await expect(runner.ready).rejects.toThrow('ENOENT')
})

/** Whether a folder is a control group file system with memory in it that we may divide. */
function isControlGroup(folder: string): boolean {
  const probe = join(folder, `souk-probe-${process.pid}`)
  try {
    if (folder === '/sys/fs/cgroup') writeFileSync(join(folder, 'cgroup.subtree_control'), '+memory')
    mkdirSync(probe)
    const isLimited = existsSync(join(probe, 'memory.max')) || existsSync(join(probe, 'memory.limit_in_bytes'))
    rmdirSync(probe)
    return isLimited
  } catch {
    return false
  }
}
