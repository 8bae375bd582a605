import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import { type PluginBehaviour, testManifest, testPluginPort } from '../testing/plugin-port.ts'
import { planBudget, setBudget } from './budget.ts'
import { callsQuery, loadCall, type PluginCallRecord, usageQuery } from './calls.ts'
import { loadInstall } from './install.ts'
import { installPlugin } from './install-plugin.ts'
import { installsQuery, toInstalls } from './installs-in-force.ts'
import { PluginRuntime } from './plugin-runtime.ts'
import { pushRelease } from './releases.ts'

const actor: Actor = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' }
const by = { actor, now: new Date('2026-11-01T10:00:00Z') }

let shop: TestShop
beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

/** A merchant with one plugin that does as told, and a process's runtime; its clock is moved by tests. */
async function running(behaviour: PluginBehaviour, isBlocked: () => boolean = () => false) {
  const merchant = await shop.addMerchant()
  const { inMerchant } = merchant
  const port = testPluginPort()
  const clock = { now: new Date() }
  const errors: unknown[] = []
  const plan: { calls_per_day?: number } = {}
  const cpuMs: number[] = []
  const runtime = new PluginRuntime({
    port,
    isBlocked,
    onError: (error) => errors.push(error),
    budgetOf: () => planBudget(plan),
    onCpu: (merchantId, took) => void (merchantId === merchant.merchant.id && cpuMs.push(took)),
    now: () => clock.now,
  })
  port.behaviours.set('v1', behaviour)
  await pushRelease(inMerchant, port, { manifest: testManifest('1.0.0'), bundle: 'v1' }, by)
  const { id } = await installPlugin(inMerchant, port, { plugin: 'volume-tiers', versionRange: '^1', configuration: { tier: 1 } }, by)
  const inForce = async () => toInstalls((await inMerchant.readOnce((tx) => [installsQuery(tx)]))[0]!)[0]
  const ask = async (stickyKey = 'buyer') => {
    const install = (await inForce())!
    return (await runtime.ask(inMerchant, { install, point: 'discount', hook: 'run', input: { lines: [] }, stickyKey })).answer
  }
  const calls = async () => {
    await runtime.log.flush()
    const rows = await inMerchant.read((tx) => callsQuery(tx, { installId: id, limit: 100 }))
    return rows as unknown as PluginCallRecord[]
  }
  const install = () => inMerchant.read((tx) => loadInstall(tx, id))
  return { ...merchant, port, runtime, plan, cpuMs, clock, errors, ask, calls, install, inForce, id }
}

describe('a call', () => {
  it('is kept with all that is needed to run it again', async () => {
    const { ask, calls, inMerchant } = await running(() => ({ output: { operations: [] } }))
    await ask()
    const [call] = await calls()
    expect(await inMerchant.read((tx) => loadCall(tx, call!.id))).toMatchObject({
      hook: 'discount@1.run',
      outcome: 'ok',
      version: '1.0.0',
      input: { lines: [] },
      configuration: { tier: 1 },
      output: { operations: [] },
      logs: ['looked'],
      cpuUs: 700n,
    })
  })

  it('that fails is always kept; of those that go well the first, and then a sample', async () => {
    let outcome: 'ok' | 'fail' = 'ok'
    const { ask, calls } = await running(() => (outcome === 'ok' ? { output: 1 } : { reason: 'threw' }))
    for (let made = 0; made < 60; made += 1) await ask()
    outcome = 'fail'
    for (let made = 0; made < 5; made += 1) await ask()
    const kept = await calls()
    expect(kept.filter((call) => call.outcome === 'failed')).toHaveLength(5)
    expect(kept.filter((call) => call.outcome === 'ok').length).toBeLessThan(40)
  })

  it('counts against the day of its merchant, and beyond the budget is not made', async () => {
    const { ask, runtime, inMerchant, port } = await running(() => ({ output: 1 }))
    await inMerchant((tx) => setBudget(tx, { callsPerDay: 3n, cpuMsPerDay: 1_000n }, new Date()))
    await ask()
    await runtime.log.flush()
    const answers = [await ask(), await ask(), await ask(), await ask()]
    expect(answers.map((answer) => (answer.ok ? 'ok' : answer.reason))).toEqual(['ok', 'ok', 'budget_spent', 'budget_spent'])
    expect(port.calls).toHaveLength(3)
    await runtime.log.flush()
    const [usage] = await inMerchant.readOnce((tx) => [usageQuery(tx, 1)])
    expect(usage).toEqual([expect.objectContaining({ calls: 3n, failures: 0n, cpuUs: 2_100n })])
  })

  it('has the budget of the plan where the merchant has none of its own, and tells what it took', async () => {
    const { ask, runtime, plan, cpuMs } = await running(() => ({ output: 1 }))
    const outcomes = async (count: number) => {
      const answers = []
      for (let made = 0; made < count; made += 1) answers.push(await ask())
      await runtime.log.flush()
      return answers.map((answer) => (answer.ok ? 'ok' : answer.reason))
    }
    plan.calls_per_day = 2
    expect(await outcomes(1)).toEqual(['ok'])
    expect(await outcomes(3)).toEqual(['ok', 'budget_spent', 'budget_spent'])
    expect(cpuMs).toEqual([0.7, 0.7])
    // Its own goes before the plan's.
    const other = await running(() => ({ output: 1 }))
    other.plan.calls_per_day = 1
    await other.inMerchant((tx) => setBudget(tx, { callsPerDay: 3n, cpuMsPerDay: 1_000n }, new Date()))
    await other.ask()
    await other.runtime.log.flush()
    expect((await other.ask()).ok).toBe(true)
  })

  it('is not made for what the platform has stopped', async () => {
    let blocked = false
    const { ask, port } = await running(
      () => ({ output: 1 }),
      () => blocked,
    )
    expect((await ask()).ok).toBe(true)
    blocked = true
    expect(await ask()).toMatchObject({ ok: false, reason: 'blocked' })
    expect(port.calls).toHaveLength(1)
  })

  it('does not keep anybody waiting for its log', async () => {
    const { ask, runtime, inMerchant } = await running(() => ({ output: 1 }))
    const holding = inMerchant(async (tx) => {
      await tx.sql`select 1 from plugin_usage where merchant_id = ${tx.merchantId} for update`
      await tx.sql`
        insert into plugin_usage (merchant_id, day, calls, failures, cpu_us) values (${tx.merchantId}, current_date, 0, 0, 0)`
      await sleep(300)
    })
    await sleep(50)
    expect((await ask()).ok).toBe(true)
    const written = runtime.log.flush()
    expect((await ask()).ok).toBe(true)
    await Promise.all([holding, written])
  })
})

describe('a plugin that fails', () => {
  it('is left alone after three timeouts in a row, and tried again after a minute', async () => {
    const { ask, clock, port, calls } = await running(() => ({ reason: 'timeout' }))
    for (let made = 0; made < 3; made += 1) await ask()
    expect(await ask()).toMatchObject({ ok: false, reason: 'breaker_open' })
    expect(port.calls).toHaveLength(3)
    await calls()
    clock.now = new Date(clock.now.getTime() + 61_000)
    expect(await ask()).toMatchObject({ ok: false, reason: 'timeout' })
    expect(port.calls).toHaveLength(4)
  })

  it('returns by itself to the last good version', async () => {
    const { ask, port, inMerchant, install, runtime } = await running(() => ({ output: 'good' }))
    port.behaviours.set('v2', () => ({ reason: 'killed' }))
    await pushRelease(inMerchant, port, { manifest: testManifest('1.1.0'), bundle: 'v2' }, by)
    expect(await ask()).toMatchObject({ ok: false, reason: 'killed' })
    await runtime.close()
    expect(await install()).toMatchObject({ state: 'active', release: { version: '1.0.0' }, failed: { version: '1.1.0' } })
    expect(await ask()).toMatchObject({ ok: true, output: 'good' })
  })

  it('with nothing to return to is suspended when it had its runner killed twice in a day', async () => {
    const { ask, clock, install, inForce, runtime } = await running(() => ({ reason: 'killed' }))
    await ask()
    await runtime.close()
    expect((await install()).state).toBe('active')
    clock.now = new Date(clock.now.getTime() + 61_000)
    await ask()
    await runtime.close()
    expect(await install()).toMatchObject({ state: 'suspended', note: expect.stringContaining('killed') })
    expect(await inForce()).toBeUndefined()
  })

  it('is not blamed for a queue that is full', async () => {
    const { ask } = await running(() => ({ reason: 'unavailable' }))
    for (let made = 0; made < 30; made += 1) expect(await ask()).toMatchObject({ reason: 'unavailable' })
  })

  it('harms no other merchant that has the same bundle', async () => {
    const bad = await running(() => ({ reason: 'killed' }))
    const good = await running(() => ({ output: 1 }))
    await bad.ask()
    expect((await good.ask()).ok).toBe(true)
  })
})
