import type { ProviderAccount } from '@souk/core/payments/provider.ts'
import type { NewScript } from '@souk/sandbox-psp/scripts.ts'
import { SandboxPsp } from '@souk/sandbox-psp/start-sandbox-psp.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chargeUntilKnown, refundUntilKnown } from '../testing/ask-until-known.ts'
import { accountWith, amountAsk, authorization } from '../testing/asks.ts'
import { SandboxProvider } from './sandbox-provider.ts'

const PAYMENTS = 60
const SEEDS = [1, 20_261_121, 0xdead_beef]

let psp: SandboxPsp

beforeAll(async () => {
  psp = await SandboxPsp.start()
})

afterAll(() => psp.close())

const FAULTS: NewScript[] = [
  { fault: { kind: 'drop', when: 'after' }, fraction: 0.2 },
  { fault: { kind: 'drop', when: 'before' }, fraction: 0.1 },
  { fault: { kind: 'error', when: 'after' }, fraction: 0.1 },
  { fault: { kind: 'garbage' }, fraction: 0.1 },
  { fault: { kind: 'slow', ms: 30, when: 'before' }, fraction: 0.3 },
  { fault: { kind: 'answer_twice' }, fraction: 0.2 },
  { fault: { kind: 'error', status: 502, when: 'before' }, fraction: 0.2, on: ['lookup'] },
]

test.each(SEEDS)('whatever fails (seed %i), asking again by our ids charges and refunds each payment once', async (seed) => {
  const opened = await psp.control.openAccount({ name: `Seed ${seed}` })
  const account = accountWith('sandbox', { api_key: opened.api_key, callback_secret: opened.callback_secret })
  for (const [index, script] of FAULTS.entries())
    await psp.control.addScript({ account: opened.id, seed: (seed + index) % 2 ** 32, ...script })
  const provider = new SandboxProvider([psp.url])
  const work = Promise.all(Array.from({ length: PAYMENTS }, () => chargeAndRefund(provider, account)))
  // In the middle of it the provider dies, and comes back.
  await expect.poll(() => psp.control.journal({ account: opened.id }).then((journal) => journal.length)).toBeGreaterThan(PAYMENTS / 4)
  await psp.kill()
  await psp.restart()
  expect(await work).toEqual(Array.from({ length: PAYMENTS }, () => ['authorized', 'refunded']))
  const journal = await psp.control.journal({ account: opened.id })
  expect(journal).toHaveLength(PAYMENTS)
  for (const { captured, refunded, operations } of journal) {
    expect([captured, refunded]).toEqual([1000, 300])
    expect(operations.map(({ kind }) => kind)).toEqual(['capture', 'refund'])
  }
})

async function chargeAndRefund(provider: SandboxProvider, account: ProviderAccount): Promise<string[]> {
  const ask = authorization({ token: 'tok_ok' })
  const charged = await chargeUntilKnown(provider, account, ask)
  if (charged.kind !== 'authorized') return [charged.kind]
  const refunded = await refundUntilKnown(provider, account, ask.paymentId, amountAsk(charged.reference, 300n))
  return [charged.kind, refunded.kind]
}
