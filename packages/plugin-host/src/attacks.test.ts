import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ATTACKS, type Attack, attackBundle, type End } from './attacks.ts'
import type { PluginAnswer } from './plugin-call.ts'
import { PluginHost } from './plugin-host.ts'
import { bundleOf, callOf, HARMLESS, isAlive, outputOf, until } from './testing/plugins.ts'

const ENDS: Record<string, End> = {
  timeout: 'stopped',
  memory: 'stopped',
  killed: 'stopped',
  threw: 'threw',
  refused: 'refused',
  output_too_large: 'bounded',
  output_invalid: 'odd',
}
/** Against hanging: the deadline is at most 0.3 s, the rest is for a machine that does other things too. */
const ANSWERED_MS_MAX = 60_000
/** Of all attacks, that may cost a process. */
const KILLS_SHARE_MAX = 0.05

const killed: number[] = []
let host: PluginHost

beforeAll(async () => {
  host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000, onRunnerKilled: ({ pid }) => killed.push(pid) })
  await host.start()
})
afterAll(() => host.close())

test('there are more attacks than were known when the sandbox was designed', () => {
  expect(ATTACKS.length).toBeGreaterThanOrEqual(103)
  expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length)
  expect(new Set(ATTACKS.map((attack) => attackBundle(attack))).size).toBe(ATTACKS.length)
})

describe.each(ATTACKS)('$name', (attack: Attack) => {
  test('is answered, and the next merchant is served', { timeout: ANSWERED_MS_MAX }, async () => {
    const answer = await host.call({
      ...callOf(bundleOf(attackBundle(attack)), { merchantId: `attacker with ${attack.name}`, input: { lines: [] } }),
      limits: {},
    })
    expect(attack.ends, JSON.stringify(answer).slice(0, 500)).toContain(endOf(answer))
    if (answer.ok && attack.answer !== undefined) expect(JSON.stringify(answer.output)).toBe(attack.answer)
    if (!answer.ok) expect(answer.detail.length).toBeLessThanOrEqual(300)
    expect(await outputOf(host, HARMLESS, { merchantId: `victim of ${attack.name}`, input: { n: 1 } })).toEqual({ n: 2 })
  })
})

test('what cost a process is gone and replaced; nearly all were held inside', async () => {
  expect(killed.length / ATTACKS.length).toBeLessThan(KILLS_SHARE_MAX)
  expect(host.stats().kills).toBe(killed.length)
  await until(() => host.stats().spares === 1 && host.stats().runners.filter(({ cordon }) => cordon === 'stable').length === 2)
  await until(() => !killed.some(isAlive))
})

test('nothing of the host has changed', () => {
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  expect(JSON.stringify([1])).toBe('[1]')
})

function endOf(answer: PluginAnswer): End | 'other' {
  return answer.ok ? 'harmless' : (ENDS[answer.reason] ?? 'other')
}
