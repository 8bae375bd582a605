import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PluginHost, type PluginHostOptions } from './plugin-host.ts'
import { bundleOf, callOf, HARMLESS, haveRead, outputOf, plugin, reasonOf, until } from './testing/plugins.ts'

const LOOP = plugin('while (true) {}')
/** Counts as far as it is told to. */
const COUNTING = plugin('let n = 0; while (n < input.turns) n++; return n')

let host: PluginHost
beforeAll(async () => {
  host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
  await host.start()
})
afterAll(() => host.close())

describe('an answer', () => {
  test('is what the hook made of input and configuration, with what it cost', async () => {
    const adding = plugin('console.log("adding", configuration.more, { to: input.n }); return { n: input.n + configuration.more }')
    const answer = await host.call(callOf(adding, { input: { n: 1 }, configuration: { more: 2 } }))
    expect(answer).toEqual({
      ok: true,
      output: { n: 3 },
      cpuMs: expect.any(Number),
      wallMs: expect.any(Number),
      heapBytes: expect.any(Number),
      logs: ['adding 2 {"to":1}'],
    })
    expect(answer.cpuMs).toBeGreaterThan(0)
    expect(answer.wallMs).toBeGreaterThan(0)
    expect(answer.heapBytes).toBeGreaterThan(100_000)
  })

  test('may be any JSON but nothing', async () => {
    for (const value of ['null', 'false', '0', '""', '[]', '{"a":[1,"ü👍",null]}']) {
      expect(JSON.stringify(await outputOf(host, plugin(`return ${value}`)))).toBe(value)
    }
    expect(await host.call(callOf(plugin('return undefined')))).toMatchObject({ ok: false, reason: 'output_invalid' })
  })

  test('counts the time of the processor that a plugin used', async () => {
    const loop = await host.call(callOf(LOOP, { merchantId: 'counted' }))
    expect(loop).toMatchObject({ ok: false, reason: 'timeout', detail: 'it was stopped after 1000 ms' })
    expect(loop.cpuMs).toBeGreaterThan(1)
    expect(loop.cpuMs).toBeLessThanOrEqual(loop.wallMs + 10)
    expect(loop.wallMs).toBeGreaterThanOrEqual(999)
  })

  test('carries at most 8 lines of 250 bytes of log', async () => {
    const chatty = plugin('for (let i = 0; i < 20; i++) console.warn("é".repeat(300)); return 1')
    const { logs } = await host.call(callOf(chatty))
    expect(logs).toHaveLength(8)
    for (const line of logs) expect(line).toBe('é'.repeat(125))
  })

  test('keeps the log of a call that threw', async () => {
    const answer = await host.call(callOf(plugin('console.log("so far"); throw new TypeError("no further")')))
    expect(answer).toMatchObject({ ok: false, reason: 'threw', detail: 'TypeError: no further', logs: ['so far'] })
  })
})

describe('limits', () => {
  test('an input or a configuration that is too large goes nowhere', async () => {
    expect(reasonOf(await host.call(callOf(HARMLESS, { input: 'x'.repeat(256_000) })))).toBe('input_too_large')
    expect(reasonOf(await host.call(callOf(HARMLESS, { configuration: 'x'.repeat(64_000) })))).toBe('input_too_large')
    expect(await outputOf(host, plugin('return input.length'), { input: 'x'.repeat(255_000) })).toBe(255_000)
  })

  test('an answer may be longer with more lines, and is counted in bytes', async () => {
    const long = plugin('return input.letter.repeat(input.length)')
    const answer = (length: number, lines: number, letter = 'x') =>
      host.call({ ...callOf(long, { input: { length, letter, lines: Array(lines).fill(0) } }), limits: { wallMs: 1_000 } })
    expect(reasonOf(await answer(19_998, 0))).toBe('ok')
    expect(reasonOf(await answer(19_999, 0))).toBe('output_too_large')
    expect(reasonOf(await answer(49_998, 100))).toBe('ok')
    expect(reasonOf(await answer(49_999, 100))).toBe('output_too_large')
    expect(reasonOf(await answer(10_000, 0, 'é'))).toBe('output_too_large')
    const stricter = await host.call({
      ...callOf(long, { input: { length: 99, letter: 'x' } }),
      limits: { wallMs: 1_000, outputBytesMax: 100 },
    })
    expect(stricter).toMatchObject({ ok: false, reason: 'output_too_large', detail: 'an answer of 101 characters' })
  })

  test('a plugin that answers over a thousand lines has the time to', async () => {
    const lines = Array.from({ length: 1_000 }, (_, n) => ({
      id: `line-${n}`,
      quantity: n,
      unit_price: 1_000 + n,
      sku: `SKU-${n}`,
      tags: ['a'],
    }))
    const tiers = plugin('return { operations: input.lines.map((l) => ({ type: "line", line_id: l.id, value: { amount: l.quantity } })) }')
    const { operations } = (await outputOf(host, tiers, { input: { lines } })) as { operations: unknown[] }
    expect(operations).toHaveLength(1_000)
  })
})

describe('a bundle', () => {
  test('that may not run is refused with the place', async () => {
    const answer = await host.call(callOf(bundleOf('\nlet a = 1n')))
    expect(answer).toMatchObject({ ok: false, reason: 'refused', detail: 'a plugin may not contain a BigInt literal (line 2, column 9)' })
  })

  test('that is not what its digest says is refused, before and after the right one was seen', async () => {
    const right = plugin('return "right"')
    const wrong = { digest: right.digest, source: plugin('return "wrong"').source }
    expect(await host.call(callOf(wrong))).toMatchObject({ reason: 'refused', detail: 'the bundle is not what its digest says' })
    expect(await outputOf(host, right)).toBe('right')
    expect(await host.call(callOf(wrong, { merchantId: 'another' }))).toMatchObject({ reason: 'refused' })
    expect(await outputOf(host, right, { merchantId: 'another' })).toBe('right')
  })

  test('without the hook is refused', async () => {
    for (const hook of ['discount@1.other', 'discount@2.run', 'tax@1.run', 'discount@1.toString', 'constructor@1.name']) {
      expect(await host.call(callOf(HARMLESS, { hook }))).toMatchObject({
        ok: false,
        reason: 'refused',
        detail: `the bundle has no hook ${hook}`,
      })
    }
    expect(await host.call(callOf(HARMLESS, { hook: '__proto__.run' }))).toMatchObject({ ok: false, reason: 'refused' })
  })

  test('is inspected for the hooks it registers', async () => {
    const several = bundleOf(
      `definePlugin({ contracts: { 'discount@1': { run() {}, name: 'x' }, 'fulfillment@1': { rates() {}, track() {} }, odd: 1 } })`,
    )
    expect(await host.inspect(several)).toEqual({ ok: true, hooks: { 'discount@1': ['run'], 'fulfillment@1': ['rates', 'track'] } })
    expect(await host.inspect(bundleOf('let x = 1'))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('did not call definePlugin'),
    })
    expect(await host.inspect(bundleOf('while (true) {}'))).toMatchObject({ ok: false, detail: 'it was stopped after 250 ms' })
    expect(await host.inspect(bundleOf('async () => 1'))).toMatchObject({ ok: false, detail: expect.stringContaining('async') })
    expect(await host.inspect(bundleOf('('))).toMatchObject({ ok: false, detail: expect.stringContaining('Unexpected token') })
  })
})

describe('who waits', () => {
  // What decides who runs is looked at in the moment in which calls are made: their bundles have been read, so they are in the queue at once.
  // Nothing here depends on how fast they run then.
  const opened: PluginHost[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
  })

  async function open(options: PluginHostOptions = {}): Promise<PluginHost> {
    const one = new PluginHost({ queueMsMax: 20_000, putOffMsMax: 20_000, repeatRate: 0, ...options })
    opened.push(one)
    await one.start()
    await haveRead(one, [LOOP, HARMLESS, COUNTING])
    return one
  }

  test('a merchant whose plugin hangs does not hold up another one', async () => {
    const patient = await open()
    for (let n = 0; n < 4; n++) void patient.call(callOf(LOOP, { merchantId: 'hanging' }))
    // Long enough for them to have left the merchant's first choice for another runner, if they might.
    await pause(20)
    expect(patient.stats().running).toBe(1)
    for (let n = 0; n < 20; n++) expect(await outputOf(patient, HARMLESS, { merchantId: 'served', input: { n } })).toEqual({ n: n + 1 })
  })

  test('slow plugins of several merchants leave a runner to the quick', async () => {
    const patient = await open()
    const merchants = ['slow 1', 'slow 2', 'slow 3']
    const count = (merchantId: string, turns: number) => patient.call(callOf(COUNTING, { merchantId, input: { turns } }))
    for (const merchantId of merchants) {
      // As far as it takes on this machine to be slow for sure.
      for (let turns = 1e5; (await count(merchantId, turns)).cpuMs < 50; turns *= 2);
    }
    await until(() => patient.stats().running === 0)
    for (const merchantId of merchants) void count(merchantId, Number.MAX_SAFE_INTEGER)
    expect(patient.stats()).toMatchObject({ running: 1, queued: 2 })
    expect(await outputOf(patient, HARMLESS, { merchantId: 'quick', input: { n: 1 } })).toEqual({ n: 2 })
  })

  test('calls of one merchant lie with a runner together while nobody else waits, and behind nothing slow or unknown', async () => {
    const patient = await open()
    const ask = (merchantId: string, bundle = HARMLESS) => void patient.call(callOf(bundle, { merchantId, input: { n: 1 } }))
    for (const merchantId of ['one', 'two']) {
      await outputOf(patient, HARMLESS, { merchantId, input: { n: 1 } })
      await until(() => patient.stats().running === 0)
    }
    for (let n = 0; n < 6; n++) ask('one')
    expect(patient.stats()).toMatchObject({ running: 4, queued: 2 })
    await until(() => patient.stats().running === 0)

    ask('two')
    ask('two')
    expect(patient.stats()).toMatchObject({ running: 2, queued: 0 })
    // Nobody knows yet how this one behaves.
    ask('one', LOOP)
    ask('one', LOOP)
    ask('one')
    const { running, queued } = patient.stats()
    expect(queued).toBeGreaterThanOrEqual(2)
    // Another merchant waits now.
    ask('two')
    expect(patient.stats()).toMatchObject({ running, queued: queued + 1 })
  })

  test('calls of different cordons never share a process', async () => {
    for (const cordon of ['new', 'quarantine'] as const) await outputOf(host, HARMLESS, { cordon, input: { n: 1 } })
    const runners = host.stats().runners
    expect(new Set(runners.map(({ pid }) => pid)).size).toBe(runners.length)
    expect(new Set(runners.map(({ cordon }) => cordon))).toEqual(new Set(['stable', 'new', 'quarantine']))
  })

  test('a full queue says so at once, to a crowd sooner than to others', async () => {
    const small = await open({ queueMax: 6, queueOfMerchantMax: 4 })
    const calls = Array.from({ length: 8 }, () => small.call(callOf(LOOP, { merchantId: 'crowd' })))
    expect(small.stats()).toMatchObject({ running: 1, queued: 4 })
    expect(await outputOf(small, HARMLESS, { merchantId: 'another', input: { n: 1 } })).toEqual({ n: 2 })
    await small.close()
    const details = (await Promise.all(calls)).map((answer) => (answer.ok ? '' : answer.detail))
    expect(details.filter((detail) => detail === 'too many calls of this merchant are waiting')).toHaveLength(3)
  })

  test('nobody waits for ever, nor when they gave up', async () => {
    const patient = await open({ queueMsMax: 50 })
    const hanging = patient.call(callOf(LOOP))
    expect(patient.stats().running).toBe(1)
    expect(await patient.call(callOf(HARMLESS))).toMatchObject({ reason: 'unavailable', detail: 'no runner was free in time' })
    const givingUp = new AbortController()
    const aborted = patient.call(callOf(HARMLESS, { signal: givingUp.signal }))
    givingUp.abort()
    expect(await aborted).toMatchObject({ reason: 'unavailable', detail: 'nobody waits for it any more' })
    expect(await patient.call(callOf(HARMLESS, { signal: givingUp.signal }))).toMatchObject({ reason: 'unavailable' })
    expect(reasonOf(await hanging)).toBe('timeout')
    expect(patient.stats().queued).toBe(0)
  })
})

test('a merchant whose plugins misbehave again and again runs in quarantine, and nobody else does', async () => {
  const watching = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
  try {
    await watching.start()
    const cordons = () => new Set(watching.stats().runners.map(({ cordon }) => cordon))
    for (let n = 0; n < 6; n++) {
      await watching.call({ ...callOf(plugin(`while (true) {} // ${n}`), { merchantId: 'again' }), limits: { wallMs: 10 } })
    }
    await outputOf(watching, HARMLESS, { merchantId: 'another', input: { n: 1 } })
    expect(cordons()).toEqual(new Set(['stable']))
    await watching.call(callOf(HARMLESS, { merchantId: 'again', input: { n: 1 } }))
    expect(cordons()).toEqual(new Set(['stable', 'quarantine']))
  } finally {
    await watching.close()
  }
})

test('statistics add up', async () => {
  for (let n = 0; n < 6; n++) await outputOf(host, HARMLESS, { merchantId: `counted ${n}`, input: { n } })
  await until(() => host.stats().running === 0)
  const before = host.stats()
  await host.call(callOf(HARMLESS, { input: { n: 1 } }))
  await host.call(callOf(plugin('throw 1')))
  const after = host.stats()
  expect(after.answers.ok - before.answers.ok).toBe(1)
  expect(after.answers.threw - before.answers.threw).toBe(1)
  await until(() => host.stats().running === 0)
  expect(host.stats()).toMatchObject({ queued: 0, startFailure: undefined })
  expect(after.kills).toBe(before.kills)
  expect(after.isolates).toBeGreaterThanOrEqual(6)
  expect(after.rssBytes).toBeGreaterThan(50_000_000)
})
