import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { heat } from '../stock/heat.ts'
import { levelOf } from '../stock/level.ts'
import { sweepReservations } from '../stock/sweep.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { answerChange } from './answer-change.ts'
import { loadCart } from './cart.ts'
import { addLines, createCart, removeLine, setLineQuantity } from './change-cart.ts'
import { withHotLines } from './with-hot-lines.ts'

let shop: TestShop
let seller: TestMerchant
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
})
beforeEach(async () => {
  seller = await shop.addMerchant({ reserveInCart: true })
  goods = await addGoods(seller, { onHand: 10n })
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

test('what is put into a cart is kept for it, in the number that it has then, and no longer when it is taken out', async () => {
  const cart = await fillCart(seller, [{ goods, quantity: 4n }])
  expect(await reserved()).toBe(4n)
  const [line] = cart.lines
  await seller.inMerchant((tx) => setLineQuantity(tx, cart.id, { lineId: line!.id, quantity: 10n, now: new Date() }))
  expect(await reserved()).toBe(10n)
  expect((await seller.inMerchant((tx) => loadCart(tx, cart.id, new Date()))).lines[0]).toMatchObject({ available: true })
  await expect(fillCart(seller, [{ goods }])).rejects.toMatchObject({ code: 'insufficient_stock' })
  await seller.inMerchant((tx) => removeLine(tx, cart.id, { lineId: line!.id, now: new Date() }))
  expect(await reserved()).toBe(0n)
})

test('other lines of the cart stay reserved as they are', async () => {
  const others = await addGoods(seller, { onHand: 5n })
  const cart = await fillCart(seller, [{ goods, quantity: 4n }])
  await seller.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId: others.variantId, quantity: 5n }], now: new Date() }))
  expect([await reserved(), await reserved(others)]).toEqual([4n, 5n])
})

test('a merchant who does not keep goods for carts reserves nothing', async () => {
  seller = await shop.addMerchant()
  goods = await addGoods(seller, { onHand: 10n })
  await fillCart(seller, [{ goods, quantity: 4n }])
  expect(await reserved()).toBe(0n)
})

test('is kept by the merchant`s minutes, and for a buyer who comes later nothing is there', async () => {
  seller = await shop.addMerchant({ reserveInCart: true, cartReservationMinutes: 7 })
  goods = await addGoods(seller, { onHand: 1n })
  await fillCart(seller, [{ goods }])
  const [row] = await seller.inMerchant.read(
    (tx) =>
      tx.sql`select expires_at - created_at = interval '7 minutes' as seven from stock_reservation where merchant_id = ${tx.merchantId}`,
  )
  expect(row).toEqual({ seven: true })
})

test('is ordered out of the cart, and what expired can be ordered while it is there', async () => {
  const [kept, expired] = [await fillCart(seller, [{ goods, quantity: 6n }]), await fillCart(seller, [{ goods, quantity: 4n }])]
  await expire(expired.id)
  expect(await reserved()).toBe(6n)
  await buyCart(seller, expired.id)
  await buyCart(seller, kept.id)
  expect(await seller.inMerchant.read((tx) => levelOf(tx, goods.variantId))).toMatchObject({ reserved: 0n, allocated: 10n })
})

test('what expired and went to somebody else cannot be ordered', async () => {
  const cart = await fillCart(seller, [{ goods, quantity: 6n }])
  await expire(cart.id)
  await fillCart(seller, [{ goods, quantity: 5n }])
  await expect(buyCart(seller, cart.id)).rejects.toMatchObject({ code: 'insufficient_stock' })
})

test('twenty carts fill up for five units, and each of the five is ordered by the one who has it', async () => {
  const few = await addGoods(seller, { onHand: 5n })
  const carts: string[] = []
  const counts = await outcomes(
    Array.from({ length: 20 }, async () => {
      carts.push((await fillCart(seller, [{ goods: few }])).id)
    }),
  )
  expect(counts).toEqual({ ok: 5, insufficient_stock: 15 })
  expect(await outcomes(carts.map((cartId) => buyCart(seller, cartId)))).toEqual({ ok: 5 })
})

test('what many want at once is had in line, by as many as there are units, and once by who repeats a request', async () => {
  const few = await addGoods(seller, { onHand: 5n })
  heat(seller.merchant.id, few.variantId)
  let levels = 0
  onCrashPoint((point) => {
    if (point === 'stock.batch_granted') levels += 1
  })
  const fill = (key?: string) => {
    const [cartId, now, added] = [newId(), new Date(), [{ variantId: few.variantId, quantity: 1n }]]
    return withHotLines(seller.inMerchant, { cartId, added, now }, () =>
      answerChange(seller, {
        ...{ idempotency: key === undefined ? undefined : { route: 'POST /v1/carts', key, fingerprint: 'same' }, now },
        change: (tx) => createCart(tx, { cartId, lines: added, details: {}, now }),
        answer: ({ id }) => ({ statusCode: 201, body: id }),
      }),
    )
  }
  expect(await outcomes([...Array.from({ length: 20 }, () => fill()), fill('again')])).toEqual({ ok: 5, insufficient_stock: 16 })
  onCrashPoint(() => {})
  expect(levels).toBeGreaterThan(0)
  expect(await reserved(few)).toBe(5n)
  const plenty = await addGoods(seller, { onHand: 50n })
  heat(seller.merchant.id, plenty.variantId)
  const add = (cartId: string, key: string) => {
    const [now, added] = [new Date(), [{ variantId: plenty.variantId, quantity: 3n }]]
    return withHotLines(seller.inMerchant, { cartId, added, now }, () =>
      answerChange(seller, {
        ...{ idempotency: { route: 'POST /v1/carts/:cart_id/lines', key, fingerprint: 'same' }, now },
        change: (tx) => addLines(tx, cartId, { lines: added, now }),
        answer: ({ id }) => ({ statusCode: 200, body: id }),
      }),
    )
  }
  const cart = await fillCart(seller, [{ goods, quantity: 1n }])
  for (const key of ['first', 'first', 'second']) await add(cart.id, key)
  expect(await reserved(plenty)).toBe(6n)
})

async function reserved(of = goods): Promise<bigint> {
  return (await seller.inMerchant.read((tx) => levelOf(tx, of.variantId)))!.reserved
}

/** The database's clock is not ours to turn: time is taken from the reservation, and it is swept. */
async function expire(cartId: string): Promise<void> {
  await seller.inMerchant(
    (tx) => tx.sql`update stock_reservation set expires_at = now() where merchant_id = ${tx.merchantId} and cart_id = ${cartId}`,
  )
  expect(await sweepReservations(seller.inMerchant, new Date())).toBe(1)
}
