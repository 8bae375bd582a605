import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { createTestMerchant } from '../testing/merchant.ts'
import { addProducts, levelsOffTheirMovements } from '../testing/variants.ts'
import { adjustStock } from './adjust.ts'
import { claimStock } from './claim.ts'
import { levelOf } from './level.ts'
import { listMovements } from './list-movements.ts'
import { setLevels } from './set-levels.ts'

const STAFF = { kind: 'staff', id: newId() } as const
let merchant: Awaited<ReturnType<typeof createTestMerchant>>

beforeAll(async () => {
  merchant = await createTestMerchant()
})
afterAll(() => merchant.close())

test('changes what is on hand and writes who, how much and why', async () => {
  const variantId = await variantHolding(5)
  expect(await adjust(variantId, 7, 'delivery')).toMatchObject({ onHand: 12n, available: 12n, tracked: true })
  expect(await adjust(variantId, -2, 'broken')).toMatchObject({ onHand: 10n })
  const movements = await merchant.inMerchant.read((tx) => listMovements(tx, variantId, { limit: 2 }))
  expect(movements).toMatchObject([
    { onHandChange: -2n, note: 'broken', reason: 'adjustment', actor: STAFF },
    { onHandChange: 7n, note: 'delivery' },
  ])
  const [oldest] = await merchant.inMerchant.read((tx) => listMovements(tx, variantId, { limit: 2, before: movements[1]!.id }))
  expect(oldest).toMatchObject({ onHandChange: 5n, note: 'opening stock' })
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

test('refuses to go below what is promised, also when thirty try at once', async () => {
  const variantId = await variantHolding(20)
  await allocate(variantId, 5n)
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => adjust(variantId, -1)))
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(15)
  await expect(adjust(variantId, -1)).rejects.toMatchObject({
    code: 'insufficient_stock',
    details: { extra: { on_hand: 5, reserved: 0, allocated: 5 } },
  })
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

test.each([0, 1.5, Number.NaN, 2 ** 53, 1_000_000_001])('refuses a change of %s', async (change) => {
  await expect(adjust(await variantHolding(1), change)).rejects.toMatchObject({ code: 'quantity_out_of_range' })
})

test('refuses a note that cannot be stored, and a variant that is not there', async () => {
  await expect(adjust(await variantHolding(1), 1, 'a\0b')).rejects.toMatchObject({ code: 'invalid_text' })
  await expect(adjust(newId(), 1)).rejects.toMatchObject({ code: 'not_found' })
})

test('sets counted stock, leaves levels that would break a promise, and writes nothing twice', async () => {
  const [counted, promised] = [await variantHolding(5), await variantHolding(5)]
  await allocate(promised, 4n)
  const settings = [counted, promised].map((variantId) => ({ variantId, tracked: true, backorder: false, onHand: 3n }))
  const change = { reason: 'import', note: '', actor: STAFF, now: new Date() } as const
  const refused = await merchant.inMerchant((tx) => setLevels(tx, settings, change))
  expect([...refused]).toEqual([{ variant_id: promised }])
  expect(await merchant.inMerchant.read((tx) => levelOf(tx, counted))).toMatchObject({ onHand: 3n })
  expect(await merchant.inMerchant.read((tx) => levelOf(tx, promised))).toMatchObject({ onHand: 5n, allocated: 4n })
  const before = await movementsOf(counted)
  await merchant.inMerchant((tx) => setLevels(tx, settings, change))
  expect(await movementsOf(counted)).toBe(before)
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

async function variantHolding(quantity: number): Promise<string> {
  const [product] = await addProducts(merchant, quantity)
  return product!.variants[0]!.id
}

function adjust(variantId: string, change: number, note = '') {
  return merchant.inMerchant((tx) => adjustStock(tx, { variantId, change, note, actor: STAFF, now: new Date() }))
}

async function allocate(variantId: string, quantity: bigint): Promise<void> {
  const claim = { orderId: newId(), locationId: merchant.locationId, lines: [{ variantId, quantity }], actor: STAFF, now: new Date() }
  await merchant.inMerchant((tx) => claimStock(tx, claim))
}

async function movementsOf(variantId: string): Promise<number> {
  return (await merchant.inMerchant.read((tx) => listMovements(tx, variantId, { limit: 100 }))).length
}
