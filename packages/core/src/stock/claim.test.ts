import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Product } from '../catalog/product.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addProducts, levelsOffTheirMovements } from '../testing/variants.ts'
import type { Line } from './allocate.ts'
import { assertClaimed, claimStock } from './claim.ts'
import { levelOf, type StockLevel } from './level.ts'
import { releaseStock } from './release.ts'
import { setLevels } from './set-levels.ts'

const BUYER = { kind: 'buyer' } as const
let shop: TestShop
let merchant: TestMerchant
// The door repeats work after a deadlock, unseen by the caller: each order is tried once only if there was none.
let attempts = 0

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

test('thirty buyers of ten units: ten win, twenty are refused, and the movements say so', async () => {
  const [variantId] = await variantsHolding(10)
  const outcomes = await Promise.all(Array.from({ length: 30 }, () => buy([{ variantId: variantId!, quantity: 1n }])))
  expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(10)
  expect(outcomes.filter((outcome) => outcome === 'insufficient_stock')).toHaveLength(20)
  expect(await level(variantId!)).toMatchObject({ onHand: 10n, allocated: 10n, available: 0n })
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

test('as many buyers as units, each of two goods: nobody is refused', async () => {
  const [one, other] = await variantsHolding(25, 50)
  const lines = [line(one!), { variantId: other!, quantity: 2n }]
  const outcomes = await Promise.all(Array.from({ length: 25 }, () => buy(lines)))
  expect(new Set(outcomes)).toEqual(new Set(['won']))
  expect(await level(other!)).toMatchObject({ allocated: 50n, available: 0n })
})

test('two hundred orders of the same goods in crossed order never deadlock', async () => {
  const goods = await variantsHolding(80, 80, 80)
  const orders = Array.from({ length: 200 }, (_, index) => (index % 2 ? goods : goods.toReversed()).map((variantId) => line(variantId)))
  attempts = 0
  const outcomes = await Promise.all(orders.map(buy))
  expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(80)
  expect(outcomes.filter((outcome) => outcome === 'insufficient_stock')).toHaveLength(120)
  expect(attempts).toBe(200)
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

test('orders that overlap in part, sold out at different moments, take all of their lines or none', async () => {
  const goods = await variantsHolding(5, 20, 9, 40)
  const orders = Array.from({ length: 120 }, (_, index) =>
    goods.filter((_, place) => (index + 1) & (1 << place)).map((variantId) => line(variantId)),
  )
  attempts = 0
  await Promise.all(orders.filter((lines) => lines.length > 0).map(buy))
  expect(attempts).toBe(113)
  const [partial] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select count(*) as orders, count(*) filter (where moved <> wanted) as partial from (
      select order_id, count(*) as moved, max((actor ->> 'lines')::int) as wanted from stock_movement
      where merchant_id = ${tx.merchantId} and reason = 'allocation' and actor ? 'lines' group by order_id) as each_order`,
  )
  expect(partial).toMatchObject({ partial: 0n })
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
  for (const variantId of goods) expect((await level(variantId)).available).toBeGreaterThanOrEqual(0n)
  expect((await level(goods[0]!)).available).toBe(0n)
})

test('names the goods that are short, and takes none of the others', async () => {
  const [plenty, few] = await variantsHolding(10, 1)
  const unknown = newId()
  const lines = [line(plenty!), { variantId: few!, quantity: 2n }, line(unknown)]
  const error = await merchant.inMerchant((tx) => claim(tx, lines)).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Refusal)
  expect((error as Refusal).code).toBe('insufficient_stock')
  expect(new Set((error as Refusal).details.extra?.variant_ids as string[])).toEqual(new Set([few, unknown]))
  expect(await level(plenty!)).toMatchObject({ allocated: 0n })
})

test('lines of the same variant count together', async () => {
  const [variantId] = await variantsHolding(3)
  expect(
    await buy([
      { variantId: variantId!, quantity: 2n },
      { variantId: variantId!, quantity: 2n },
    ]),
  ).toBe('insufficient_stock')
  expect(
    await buy([
      { variantId: variantId!, quantity: 2n },
      { variantId: variantId!, quantity: 1n },
    ]),
  ).toBe('won')
})

test('what is not tracked, or takes backorders, can always be claimed', async () => {
  const [untracked, backorder] = await variantsHolding(0, 0)
  const change = { reason: 'adjustment', note: '', actor: BUYER, now: new Date() } as const
  await merchant.inMerchant((tx) =>
    setLevels(
      tx,
      [
        { variantId: untracked!, tracked: false, backorder: false, onHand: null },
        { variantId: backorder!, tracked: true, backorder: true, onHand: null },
      ],
      change,
    ),
  )
  expect(await buy([line(untracked!), { variantId: backorder!, quantity: 5n }])).toBe('won')
  expect(await level(backorder!)).toMatchObject({ allocated: 5n, available: -5n })
})

test("another merchant's variant is short, as one that does not exist", async () => {
  const stranger = await shop.addMerchant()
  const [theirs] = await addProducts(stranger, 10)
  expect(await buy([line(theirs!.variants[0]!.id)])).toBe('insufficient_stock')
})

test('gives back what an order had, once, and never more', async () => {
  const [variantId] = await variantsHolding(4)
  const claimed = {
    orderId: newId(),
    lines: [{ variantId: variantId!, quantity: 3n }],
    actor: BUYER,
    now: new Date(),
  }
  await merchant.inMerchant((tx) => claimStock(tx, claimed))
  expect([...(await merchant.inMerchant((tx) => releaseStock(tx, claimed)))]).toEqual([{ variant_id: variantId, quantity: 3n }])
  expect([...(await merchant.inMerchant((tx) => releaseStock(tx, claimed)))]).toEqual([])
  expect(await level(variantId!)).toMatchObject({ allocated: 0n, available: 4n })
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

async function variantsHolding(...quantities: number[]): Promise<string[]> {
  return (await addProducts(merchant, ...quantities)).map((product: Product) => product.variants[0]!.id)
}

function line(variantId: string): Line {
  return { variantId, quantity: 1n }
}

async function claim(tx: Parameters<Parameters<TestMerchant['inMerchant']>[0]>[0], lines: Line[]): Promise<void> {
  attempts += 1
  const actor = { ...BUYER, lines: lines.length }
  assertClaimed(await claimStock(tx, { orderId: newId(), lines, actor, now: new Date() }), lines)
}

async function buy(lines: Line[]): Promise<string> {
  return merchant
    .inMerchant((tx) => claim(tx, lines))
    .then(
      () => 'won',
      (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
    )
}

async function level(variantId: string): Promise<StockLevel> {
  return (await merchant.inMerchant.read((tx) => levelOf(tx, variantId)))!
}
