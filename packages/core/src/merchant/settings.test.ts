import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestMerchant } from '../testing/merchant.ts'
import { updateSettings } from './settings.ts'

let merchant: Awaited<ReturnType<typeof createTestMerchant>>
const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date(), reason: 'a new law' }

beforeAll(async () => {
  merchant = await createTestMerchant()
})
afterAll(() => merchant.close())

async function revision(): Promise<bigint> {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql<{ pricing_revision: bigint }[]>`select pricing_revision from merchant_settings where merchant_id = ${tx.merchantId}`,
  )
  return row!.pricing_revision
}

const change = (changes: Parameters<typeof updateSettings>[1]) => merchant.inMerchant((tx) => updateSettings(tx, changes, by))

it('begins a new pricing revision when prices depend on what changed, and only then', async () => {
  const before = await revision()
  await change({ name: 'Renamed', contactEmail: 'other@shop.example' })
  await change({ rounding: 'half_up' })
  expect(await revision()).toBe(before)
  await change({ rounding: 'half_even', taxRoundedPer: 'order', timeZone: 'Europe/Berlin' })
  expect(await revision()).toBe(before + 1n)
  await change({ discountRounding: 'up' })
  await change({ discountRounding: null })
  expect(await revision()).toBe(before + 3n)
})

it('loses no revision of twenty changes at once', async () => {
  const before = await revision()
  await Promise.all(Array.from({ length: 20 }, (_, n) => change({ shippingAmount: BigInt(1_000 + n) })))
  expect(await revision()).toBe(before + 20n)
})

it('says in the audit log what was and what is, by whom and why', async () => {
  await change({ discounts: 'after_tax', foreignTax: 'same_net' })
  const [entry] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select action, before, after, reason from audit_entry where merchant_id = ${tx.merchantId} and after ->> 'discounts' is not null`,
  )
  expect(entry).toEqual({
    action: 'settings.updated',
    before: { discounts: 'before_tax', foreign_tax: 'same_gross' },
    after: { discounts: 'after_tax', foreign_tax: 'same_net' },
    reason: 'a new law',
  })
})
