import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { type KilledRunner, PluginHost } from './plugin-host.ts'
import {
  callOf,
  HARMLESS,
  haveRead,
  isAlive,
  outputOf,
  plugin,
  reasonOf,
  signal,
  UNSTOPPABLE,
  UNSTOPPABLE_BODY,
  until,
} from './testing/plugins.ts'

const HOLES = plugin('const a = []; a.length = 4e9; return JSON.stringify(a).length')
const LOOP = plugin('while (true) {}')

const opened: PluginHost[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((host) => host.close()))
})

async function open(options: ConstructorParameters<typeof PluginHost>[0] = {}): Promise<PluginHost> {
  const host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000, ...options })
  opened.push(host)
  await host.start()
  return host
}

function stablePids(host: PluginHost): number[] {
  return host.stats().runners.flatMap(({ cordon, pid }) => (cordon === 'stable' ? [pid] : []))
}

test('what cannot be stopped is killed, told, replaced at once, and rests', async () => {
  const killed: KilledRunner[] = []
  const host = await open({ onRunnerKilled: (one) => killed.push(one) })
  const before = stablePids(host)
  const answer = await host.call(callOf(UNSTOPPABLE, { merchantId: 'attacker' }))
  const again = await host.call(callOf(UNSTOPPABLE, { merchantId: 'attacker' }))
  expect(again).toMatchObject({ reason: 'unavailable', detail: expect.stringContaining('it cost a process') })
  expect(answer).toMatchObject({ ok: false, reason: 'killed' })
  expect(answer.cpuMs).toBeGreaterThan(0)
  expect(killed).toEqual([
    { merchantId: 'attacker', digest: UNSTOPPABLE.digest, cordon: 'stable', end: 'deadline', pid: expect.any(Number) },
  ])
  expect(before).toContain(killed[0]!.pid)
  // The spare one has taken its place already: nothing had to be started for this call.
  expect(stablePids(host)).toHaveLength(2)
  expect(stablePids(host)).not.toContain(killed[0]!.pid)
  expect(await outputOf(host, HARMLESS, { merchantId: 'attacker', input: { n: 1 } })).toEqual({ n: 2 })
  await until(() => !isAlive(killed[0]!.pid) && host.stats().spares === 1)
  expect(host.stats().kills).toBe(1)
})

test('several killed at the same time are all replaced, and those who wait are served', async () => {
  const host = await open({ runners: 3 })
  const attacks = ['a', 'b', 'c', 'd'].map((merchantId) => host.call(callOf(UNSTOPPABLE, { merchantId })))
  const served = Array.from({ length: 30 }, (_, n) => outputOf(host, HARMLESS, { merchantId: `served ${n}`, input: { n } }))
  expect((await Promise.all(attacks)).map(reasonOf)).toEqual(Array(4).fill('killed'))
  expect(await Promise.all(served)).toEqual(Array.from({ length: 30 }, (_, n) => ({ n: n + 1 })))
  await until(() => stablePids(host).length === 3 && host.stats().spares === 1)
})

test('calls in line behind one that costs the process are answered all the same, and are not what is told on', async () => {
  const killed: KilledRunner[] = []
  const host = await open({ onRunnerKilled: (one) => killed.push(one) })
  // Known to be quick, so that it lies with the runner before another one of the merchant: until it is told to do harm.
  const turning = plugin(`if (!input.harm) return input.n; ${UNSTOPPABLE_BODY}`)
  for (const bundle of [turning, HARMLESS]) await host.call(callOf(bundle, { input: { n: 1 } }))
  await until(() => host.stats().running === 0)
  for (const pid of stablePids(host)) signal(pid, 'SIGSTOP')
  const before = outputOf(host, HARMLESS, { input: { n: 1 } })
  const harmful = host.call(callOf(turning, { input: { harm: true } }))
  const behind = [2, 3].map((n) => outputOf(host, HARMLESS, { input: { n } }))
  const beyond = outputOf(host, HARMLESS, { input: { n: 4 } })
  expect(host.stats()).toMatchObject({ running: 4, queued: 1 })
  for (const pid of stablePids(host)) signal(pid, 'SIGCONT')
  expect(await before).toEqual({ n: 2 })
  expect(await harmful).toMatchObject({ reason: 'killed' })
  expect(await Promise.all([...behind, beyond])).toEqual([{ n: 3 }, { n: 4 }, { n: 5 }])
  expect(killed.map(({ digest }) => digest)).toEqual([turning.digest])
})

test('a process that ends by somebody else`s hand costs the call nothing', async () => {
  const killed: KilledRunner[] = []
  const host = await open({ onRunnerKilled: (one) => killed.push(one) })
  await haveRead(host, [HARMLESS])
  // Halted, so that it cannot have answered before it ends.
  for (const pid of stablePids(host)) signal(pid, 'SIGSTOP')
  const busy = outputOf(host, HARMLESS, { input: { n: 5 } })
  signal(host.stats().runners.find(({ isBusy }) => isBusy)!.pid, 'SIGKILL')
  for (const pid of stablePids(host)) signal(pid, 'SIGCONT')
  expect(await busy).toEqual({ n: 6 })
  expect(killed).toEqual([])
  // All at once: a call is tried twice, and may meet two that are dead and not missed yet.
  for (const pid of stablePids(host)) signal(pid, 'SIGKILL')
  await expect.poll(() => outputOf(host, HARMLESS, { input: { n: 1 } }).catch(String)).toEqual({ n: 2 })
  expect(killed).toEqual([])
})

test('a plugin that was denied the processor is not the one who took too long', async () => {
  const host = await open()
  const short = plugin('let n = 0; while (n < input.turns) n++; return n')
  await outputOf(host, short, { input: { turns: 1 } })
  const call = (turns: number, wallMs: number) => host.call({ ...callOf(short, { input: { turns } }), limits: { wallMs } })
  const [pid] = host.stats().runners.flatMap(({ pid, isolates }) => (isolates > 0 ? [pid] : []))

  // Before it begins: our own deadline of 1,100 ms passes.
  signal(pid!, 'SIGSTOP')
  setTimeout(() => signal(pid!, 'SIGCONT'), 1_250)
  expect(await call(1, 1_000)).toMatchObject({ ok: true, output: 1 })

  // For longer than its deadline of 150 ms twice over.
  signal(pid!, 'SIGSTOP')
  setTimeout(() => signal(pid!, 'SIGCONT'), 500)
  expect(await call(1, 50)).toMatchObject({ ok: true, output: 1 })

  // In the middle: the engine's clock of 400 ms passes, and the call is made again. Now and then we stop it too late, or wake it too late.
  const madeAgain = async () => {
    const begun = performance.now()
    setTimeout(() => signal(pid!, 'SIGSTOP'), 2)
    setTimeout(() => signal(pid!, 'SIGCONT'), 405)
    const { ok } = await call(100_000, 400)
    return ok && performance.now() - begun > 400
  }
  let attempts = 0
  while (attempts < 20 && !(await madeAgain())) attempts++
  expect(attempts).toBeLessThan(20)
  expect(host.stats().kills).toBe(0)
})

test('nor is one whose machine stood still for longer than a kill is put off', async () => {
  const host = await open({ putOffMsMax: 500 })
  await outputOf(host, HARMLESS, { input: { n: 1 } })
  await until(() => host.stats().runners.every(({ isBusy }) => !isBusy))
  const [pid] = host.stats().runners.flatMap(({ pid, isolates }) => (isolates > 0 ? [pid] : []))
  signal(pid!, 'SIGSTOP')
  const answer = host.call({ ...callOf(HARMLESS, { input: { n: 1 } }), limits: { wallMs: 50 } })
  // It has been asked by then; now this process stands still as well.
  setTimeout(() => {
    const end = performance.now() + 1_500
    while (performance.now() < end);
    signal(pid!, 'SIGCONT')
  }, 50)
  expect(await answer).toMatchObject({ ok: true, output: { n: 2 } })
  expect(host.stats().kills).toBe(0)
})

test('one that is denied it for good costs the process, and is not said to have done anything', async () => {
  const killed: KilledRunner[] = []
  const host = await open({ putOffMsMax: 1_000, onRunnerKilled: (one) => killed.push(one) })
  await outputOf(host, HARMLESS, { input: { n: 1 } })
  await until(() => host.stats().runners.every(({ isBusy }) => !isBusy))
  const [pid] = host.stats().runners.flatMap(({ pid, isolates }) => (isolates > 0 ? [pid] : []))
  signal(pid!, 'SIGSTOP')
  expect(await host.call(callOf(HARMLESS, { input: { n: 1 } }))).toMatchObject({
    ok: false,
    reason: 'unavailable',
    detail: 'the machine was too busy to run it',
  })
  expect(killed).toMatchObject([{ end: 'starved', pid }])
  await until(() => !isAlive(pid!) && host.stats().spares === 1)
})

test('memory beyond what a process may have ends the process, before the machine notices', async () => {
  const killed: KilledRunner[] = []
  const host = await open({ memoryBytesMax: 170_000_000, onRunnerKilled: (one) => killed.push(one) })
  const growing = plugin('const a = []; for (;;) a.push(new Array(1e5).fill(1.5))')
  const answer = await host.call({ ...callOf(growing, { merchantId: 'attacker' }), limits: { wallMs: 1_000 } })
  expect(reasonOf(answer)).toBe('memory')
  expect(await outputOf(host, HARMLESS, { input: { n: 1 } })).toEqual({ n: 2 })
  expect(killed.length).toBeLessThanOrEqual(1)
})

test('closing does not wait for what hangs, and answers everybody', async () => {
  const host = await open()
  await haveRead(host, [LOOP, HOLES])
  const calls = ['a', 'b', 'c'].flatMap((merchantId) => [
    host.call({ ...callOf(LOOP, { merchantId }), limits: { wallMs: 1_000 } }),
    host.call({ ...callOf(HOLES, { merchantId }), limits: { wallMs: 1_000 } }),
  ])
  await until(() => host.stats().running === 2 && host.stats().queued === 4)
  const pids = host.stats().runners.map(({ pid }) => pid)
  await host.close()
  expect((await Promise.all(calls)).map(reasonOf)).toEqual(Array(6).fill('unavailable'))
  expect(pids.filter(isAlive)).toEqual([])
  expect(await host.call(callOf(HARMLESS))).toMatchObject({ reason: 'unavailable', detail: 'plugins are being shut down' })
  await host.close()
})

test('closing while processes are starting leaves none behind', async () => {
  const host = new PluginHost()
  const call = host.call(callOf(HARMLESS))
  await host.close()
  expect(reasonOf(await call)).toBe('unavailable')
  expect(host.stats().runners).toEqual([])
})

test.each(['confined', 'bare'])('runners die with their parent, even one that hangs (%s)', async (launcher) => {
  const parent = fork(fileURLToPath(new URL('testing/abandoning-parent.ts', import.meta.url)), [launcher], { stdio: 'ignore' })
  const [pids] = (await once(parent, 'message')) as [number[]]
  expect(pids.length).toBeGreaterThan(0)
  expect(pids.every(isAlive)).toBe(true)
  parent.kill('SIGKILL')
  await until(() => !pids.some(isAlive))
})
