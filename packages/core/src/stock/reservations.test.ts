import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { outcomes } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { allocationsOf } from './allocations.ts'
import { assertClaimed, claimStock } from './claim.ts'
import { confirmReservations } from './confirm.ts'
import { expireReservations, releaseReservations } from './end-reservations.ts'
import { foldClaims } from './fold-claims.ts'
import { levelOf, type StockLevel } from './level.ts'
import { loseStock } from './lose.ts'
import { releaseStock } from './release.ts'
import { type ReservationRequest, reserveStock } from './reserve.ts'
import { shipStock } from './ship.ts'
import { sweepReservations } from './sweep.ts'
import { takeBackStock } from './take-back.ts'

const ACTOR = { kind: 'buyer' } as const
const by = () => ({ actor: ACTOR, now: new Date() })
let shop: TestShop
let seller: TestMerchant
let variantId: string

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
})
beforeEach(async () => {
  seller = await shop.addMerchant()
  variantId = (await addGoods(seller, { onHand: 10n })).variantId
})
afterAll(async () => {
  expect((await checkInvariantsAtRest(shop.database.adminUrl)).filter(({ invariant }) => !OF_ORDERS.test(invariant))).toEqual([])
  await shop.close()
})
// Orders of these tests are ids alone.
const OF_ORDERS = /^03/

describe('what is reserved', () => {
  test('is nobody else`s until it is given back', async () => {
    const [mine, other] = [{ cartId: newId() }, { cartId: newId() }]
    await reserve(mine, 7n)
    expect(await level()).toMatchObject({ reserved: 7n, allocated: 0n, available: 3n })
    await expect(reserve(other, 4n)).rejects.toMatchObject({ code: 'insufficient_stock', details: { extra: { variant_ids: [variantId] } } })
    await seller.inMerchant((tx) => releaseReservations(tx, mine, by()))
    await seller.inMerchant((tx) => releaseReservations(tx, mine, by()))
    expect(await level()).toMatchObject({ reserved: 0n, available: 10n })
    await reserve(other, 4n)
  })

  test('becomes more or less when another number is wanted, and counts for its own cart', async () => {
    const cart = { cartId: newId() }
    await reserve(cart, 7n)
    await reserve(cart, 9n)
    await reserve(cart, 9n)
    expect(await level()).toMatchObject({ reserved: 9n })
    await expect(reserve(cart, 11n)).rejects.toMatchObject({ code: 'insufficient_stock' })
    expect(await level()).toMatchObject({ reserved: 9n })
    await reserve(cart, 2n)
    expect(await level()).toMatchObject({ reserved: 2n })
    expect(await statuses()).toEqual({ active: 1n, released: 2n })
  })

  test('passes from a cart to its order, and what it did not have yet is added', async () => {
    const second = await addGoods(seller, { onHand: 1n })
    const [cartId, orderId] = [newId(), newId()]
    await reserve({ cartId }, 10n)
    const lines = [
      { variantId, quantity: 10n },
      { variantId: second.variantId, quantity: 1n },
    ]
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { orderId, cartId }, lines, minutes: 10, ...by() }))
    await seller.inMerchant((tx) => releaseReservations(tx, { cartId }, by()))
    expect(await level()).toMatchObject({ reserved: 10n })
    expect(await seller.inMerchant((tx) => confirmReservations(tx, { orderId, ...by() }))).toEqual({ short: [] })
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 10n })
    expect(await level(second.variantId)).toMatchObject({ reserved: 0n, allocated: 1n })
    expect(await statuses()).toEqual({ claimed: 2n })
  })

  test('is claimed at once by an order that is placed at once', async () => {
    const [cartId, orderId] = [newId(), newId()]
    await reserve({ cartId }, 10n)
    const lines = [{ variantId, quantity: 10n }]
    await seller.inMerchant(async (tx) => assertClaimed(await claimStock(tx, { orderId, cartId, lines, ...by() }), lines))
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 10n })
    expect(await seller.inMerchant((tx) => allocationsOf(tx, orderId))).toEqual([
      { variantId, locationId: seller.locationId, quantity: 10n },
    ])
  })

  test('is claimed once, however often it is confirmed', async () => {
    const orderId = newId()
    await reserve({ orderId }, 4n)
    await Promise.all(Array.from({ length: 8 }, () => seller.inMerchant((tx) => confirmReservations(tx, { orderId, ...by() }))))
    await seller.inMerchant((tx) => foldClaims(tx, 'all'))
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 4n })
    await seller.inMerchant((tx) => releaseReservations(tx, { orderId }, by()))
    expect(await level()).toMatchObject({ allocated: 4n })
  })

  test('is reserved once, however often an order asks', async () => {
    const orderId = newId()
    await reserve({ orderId }, 4n)
    await reserve({ orderId }, 4n)
    expect(await level()).toMatchObject({ reserved: 4n })
  })
})

describe('what has expired', () => {
  test('is not ended before its time', async () => {
    const orderId = newId()
    await reserve({ orderId }, 4n)
    expect(await seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))).toHaveLength(0)
    await overtake()
    expect(await seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))).toHaveLength(1)
    expect(await level()).toMatchObject({ reserved: 0n, available: 10n })
  })

  test('is taken again when the order is paid after all, once', async () => {
    const orderId = newId()
    await reserve({ orderId }, 4n)
    await expire(orderId)
    expect(await confirm(orderId)).toEqual({ short: [] })
    expect(await confirm(orderId)).toEqual({ short: [] })
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 4n })
    expect(await statuses()).toEqual({ expired: 1n })
  })

  test('is not taken again when somebody else has it: the order has nothing, and it is said what is short', async () => {
    const second = await addGoods(seller, { onHand: 5n })
    const orderId = newId()
    const lines = [
      { variantId, quantity: 4n },
      { variantId: second.variantId, quantity: 1n },
    ]
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { orderId }, lines, minutes: 10, ...by() }))
    await expire(orderId)
    await reserve({ cartId: newId() }, 7n)
    expect(await confirm(orderId)).toEqual({ short: [variantId] })
    expect(await level()).toMatchObject({ reserved: 7n, allocated: 0n })
    expect(await level(second.variantId)).toMatchObject({ reserved: 0n, allocated: 0n })
  })

  test('is taken again beside what has not', async () => {
    const second = await addGoods(seller, { onHand: 5n })
    const orderId = newId()
    const lines = [
      { variantId, quantity: 4n },
      { variantId: second.variantId, quantity: 1n },
    ]
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { orderId }, lines, minutes: 10, ...by() }))
    await seller.inMerchant(
      (tx) => tx.sql`
        update stock_reservation set expires_at = now() where merchant_id = ${tx.merchantId} and variant_id = ${second.variantId}`,
    )
    await seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))
    expect(await confirm(orderId)).toEqual({ short: [] })
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 4n })
    expect(await level(second.variantId)).toMatchObject({ reserved: 0n, allocated: 1n })
  })

  test('is swept where it is a cart`s, but not while a checkout holds it, nor once it is an order`s', async () => {
    const [held, left, ordered] = [newId(), newId(), newId()]
    for (const cartId of [held, left, ordered]) await reserve({ cartId }, 2n)
    await seller.inMerchant((tx) =>
      reserveStock(tx, { holder: { orderId: newId(), cartId: ordered }, lines: [{ variantId, quantity: 2n }], minutes: 10, ...by() }),
    )
    await overtake()
    await seller.inMerchant(async (checkout) => {
      await checkout.sql`select 1 from stock_reservation where merchant_id = ${checkout.merchantId} and cart_id = ${held} for update`
      expect(await sweepReservations(seller.inMerchant, new Date())).toBe(1)
    })
    expect(await level()).toMatchObject({ reserved: 4n })
    expect(await Promise.all([1, 2, 3].map(() => sweepReservations(seller.inMerchant, new Date()))).then(sum)).toBe(1)
    expect(await level()).toMatchObject({ reserved: 2n })
    await seller.inMerchant(
      (tx) =>
        tx.sql`update stock_reservation set expires_at = now() + interval '1 hour' where merchant_id = ${tx.merchantId} and status = 'active'`,
    )
  })

  test('and an order that is being paid: it is claimed or it expires, never both', async () => {
    for (let round = 0; round < 10; round++) {
      const orderId = newId()
      await reserve({ orderId }, 1n)
      await overtake()
      await Promise.all([confirm(orderId), seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))])
    }
    await seller.inMerchant((tx) => foldClaims(tx, 'all'))
    expect(await level()).toMatchObject({ reserved: 0n, allocated: 10n })
  })
})

test('a claim on a level that somebody holds does not wait: it is counted over later, and nothing is more available by it', async () => {
  const orderId = newId()
  await reserve({ orderId }, 4n)
  await seller.inMerchant(async (holding) => {
    await holding.sql`select 1 from stock_level where merchant_id = ${holding.merchantId} and variant_id = ${variantId} for update`
    expect(await confirm(orderId)).toEqual({ short: [] })
  })
  expect(await level()).toMatchObject({ reserved: 4n, allocated: 0n, available: 6n })
  expect(await seller.inMerchant((tx) => allocationsOf(tx, orderId))).toMatchObject([{ quantity: 4n }])
  await Promise.all(Array.from({ length: 4 }, () => seller.inMerchant((tx) => foldClaims(tx, 'all'))))
  expect(await level()).toMatchObject({ reserved: 0n, allocated: 4n, available: 6n })
})

test('a claim that is not counted over yet can be sent all the same', async () => {
  const orderId = newId()
  await reserve({ orderId }, 4n)
  await seller.inMerchant(async (holding) => {
    await holding.sql`select 1 from stock_level where merchant_id = ${holding.merchantId} and variant_id = ${variantId} for update`
    await confirm(orderId)
  })
  await ship(orderId, 3n)
  expect(await level()).toMatchObject({ onHand: 7n, reserved: 0n, allocated: 1n })
})

describe('goods of an order', () => {
  let orderId: string
  beforeEach(async () => {
    orderId = newId()
    await seller.inMerchant((tx) => claimStock(tx, { orderId, lines: [{ variantId, quantity: 6n }], ...by() }))
  })

  test('leave the shelf when they are sent, and not more of them than the order has', async () => {
    await ship(orderId, 4n)
    expect(await level()).toMatchObject({ onHand: 6n, allocated: 2n, available: 4n })
    await expect(ship(orderId, 3n)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(ship(newId(), 1n)).rejects.toMatchObject({ code: 'invalid_state' })
    expect(await level()).toMatchObject({ onHand: 6n, allocated: 2n })
  })

  test('are sent once of twenty times at once', async () => {
    const counts = await outcomes(Array.from({ length: 20 }, () => ship(orderId, 6n)))
    expect(counts).toEqual({ ok: 1, invalid_state: 19 })
    expect(await level()).toMatchObject({ onHand: 4n, allocated: 0n })
  })

  test('come back as often as they were sent', async () => {
    await ship(orderId, 5n)
    await takeBack(orderId, 2n)
    const counts = await outcomes(Array.from({ length: 10 }, () => takeBack(orderId, 1n)))
    expect(counts).toEqual({ ok: 3, invalid_state: 7 })
    expect(await level()).toMatchObject({ onHand: 10n, allocated: 1n, available: 9n })
  })

  test('that are not to be found are nobody`s any more, and others can be claimed', async () => {
    const gone = { orderId, locationId: seller.locationId, lines: [{ variantId, quantity: 2n }], note: 'not on the shelf', ...by() }
    await seller.inMerchant((tx) => loseStock(tx, gone))
    expect(await level()).toMatchObject({ onHand: 8n, allocated: 4n, available: 4n })
    await seller.inMerchant((tx) => claimStock(tx, { orderId, lines: [{ variantId, quantity: 2n }], ...by() }))
    expect(await seller.inMerchant((tx) => allocationsOf(tx, orderId))).toMatchObject([{ quantity: 6n }])
  })

  test('are given back in part, and then all that is left', async () => {
    await ship(orderId, 1n)
    await seller.inMerchant((tx) => releaseStock(tx, { orderId, lines: [{ variantId, quantity: 2n }], ...by() }))
    expect(await level()).toMatchObject({ onHand: 9n, allocated: 3n })
    const counts = await Promise.all(
      Array.from({ length: 5 }, () => seller.inMerchant((tx) => releaseStock(tx, { orderId, lines: 'all', ...by() }))),
    )
    expect(counts.flat()).toEqual([{ variant_id: variantId, quantity: 3n }])
    expect(await level()).toMatchObject({ onHand: 9n, allocated: 0n })
  })
})

test('of fifty carts that want ten units two at a time five have them, and those that pay keep them', async () => {
  const carts = Array.from({ length: 50 }, () => ({ cartId: newId() }))
  const counts = await outcomes(carts.map((cart) => reserve(cart, 2n)))
  expect(counts).toEqual({ ok: 5, insufficient_stock: 45 })
  expect(await level()).toMatchObject({ reserved: 10n, available: 0n })
})

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

async function reserve(holder: ReservationRequest['holder'], quantity: bigint): Promise<void> {
  await seller.inMerchant((tx) => reserveStock(tx, { holder, lines: [{ variantId, quantity }], minutes: 10, ...by() }))
}

function confirm(orderId: string) {
  return seller.inMerchant((tx) => confirmReservations(tx, { orderId, ...by() }))
}

/** The database's clock is not ours to turn: time is taken from the reservations. */
async function overtake(): Promise<void> {
  await seller.inMerchant(
    (tx) => tx.sql`update stock_reservation set expires_at = now() where merchant_id = ${tx.merchantId} and status = 'active'`,
  )
}

async function expire(orderId: string): Promise<void> {
  await overtake()
  await seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))
}

function ship(orderId: string, quantity: bigint) {
  return seller.inMerchant((tx) => shipStock(tx, { orderId, locationId: seller.locationId, lines: [{ variantId, quantity }], ...by() }))
}

function takeBack(orderId: string, quantity: bigint) {
  return seller.inMerchant((tx) => takeBackStock(tx, { orderId, locationId: seller.locationId, lines: [{ variantId, quantity }], ...by() }))
}

async function level(of = variantId): Promise<StockLevel> {
  return (await seller.inMerchant.read((tx) => levelOf(tx, of)))!
}

async function statuses(): Promise<Record<string, bigint>> {
  const rows = await seller.inMerchant.read(
    (tx) => tx.sql<{ status: string; count: bigint }[]>`
      select status, count(*) from stock_reservation where merchant_id = ${tx.merchantId} group by status`,
  )
  return Object.fromEntries(rows.map((row) => [row.status, row.count]))
}
