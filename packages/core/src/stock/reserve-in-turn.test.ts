import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { type InMerchant, Router } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { adjustStock } from './adjust.ts'
import { setComponents } from './bundles.ts'
import { releaseReservations } from './end-reservations.ts'
import { foldClaims } from './fold-claims.ts'
import { heat } from './heat.ts'
import { levelOf } from './level.ts'
import { createLocation } from './locations.ts'
import { reserveInTurn } from './reserve-in-turn.ts'

const ACTOR = { kind: 'buyer' } as const
const by = () => ({ actor: ACTOR, now: new Date() })
let shop: TestShop
let seller: TestMerchant
/** The same merchant, as another process sees it. */
let elsewhere: InMerchant
let another: Router

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
  const url = shop.database.url('souk_app')
  another = new Router({
    directoryUrl: url,
    baseDomain: 'localhost',
    cellUrls: { 'shared-1': url },
    connectionsPerCell: 16,
    waitMs: 20_000,
  })
})
beforeEach(async () => {
  seller = await shop.addMerchant()
  elsewhere = another.inMerchant((await another.directory.refresh(seller.merchant.id))!)
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await another.close()
  await shop.close()
})

test('two hundred buyers in two processes, fifty units: fifty have one, and the others are told', async () => {
  const variantId = await goods(50n)
  const counts = await outcomes(Array.from({ length: 200 }, (_, buyer) => reserve(variantId, { from: buyer % 2 ? elsewhere : undefined })))
  expect(counts).toEqual({ ok: 50, insufficient_stock: 150 })
  expect(await level(variantId)).toMatchObject({ reserved: 50n, available: 0n })
})

test('as many buyers as units, in two processes: nobody is refused', async () => {
  const variantId = await goods(150n)
  const counts = await outcomes(Array.from({ length: 150 }, (_, buyer) => reserve(variantId, { from: buyer % 2 ? elsewhere : undefined })))
  expect(counts).toEqual({ ok: 150 })
})

test('who comes first is served first', async () => {
  const variantId = await goods(70n)
  const answers = await Promise.allSettled(Array.from({ length: 100 }, () => reserve(variantId)))
  const served = answers.map((answer) => answer.status === 'fulfilled')
  expect(served).toEqual(Array.from({ length: 100 }, (_, buyer) => buyer < 70))
})

test('who wants more than there is stands in nobody`s way', async () => {
  const variantId = await goods(5n)
  const wishes = [3n, 5n, 1n, 2n, 1n]
  const answers = await Promise.allSettled(wishes.map((quantity) => reserve(variantId, { quantity })))
  expect(answers.map((answer) => answer.status === 'fulfilled')).toEqual([true, false, true, false, true])
})

test('a cart that asks several times has what it asked for last, and nothing else of it changes', async () => {
  const [variantId, other] = [await goods(10n), await goods(10n)]
  const cartId = newId()
  await reserve(other, { cartId, quantity: 2n })
  await Promise.all([4n, 4n, 6n].map((quantity) => reserve(variantId, { cartId, quantity })))
  expect(await level(variantId)).toMatchObject({ reserved: 6n })
  expect(await level(other)).toMatchObject({ reserved: 2n })
})

test('what is given back can be had again, after it was sold out', async () => {
  const variantId = await goods(1n)
  const cartId = newId()
  await reserve(variantId, { cartId })
  for (let ask = 0; ask < 5; ask++) await expect(reserve(variantId)).rejects.toMatchObject({ code: 'insufficient_stock' })
  await reserve(variantId, { cartId })
  await seller.inMerchant((tx) => releaseReservations(tx, { cartId }, by()))
  await reserve(variantId)
})

test('serves from several locations, and bundles', async () => {
  const variantId = await goods(3n)
  const back = await seller.inMerchant((tx) => createLocation(tx, { name: 'Back', priority: 1, active: true }, by()))
  await seller.inMerchant((tx) => adjustStock(tx, { variantId, locationId: back.id, change: 4, note: '', ...by() }))
  const bundle = await goods(0n)
  await seller.inMerchant((tx) => setComponents(tx, bundle, [{ variantId, quantity: 2n }], by()))
  expect(await outcomes(Array.from({ length: 4 }, () => reserve(bundle)))).toEqual({ ok: 3, insufficient_stock: 1 })
  expect(await outcomes(Array.from({ length: 4 }, () => reserve(variantId)))).toEqual({ ok: 1, insufficient_stock: 3 })
})

test('an error is told to everybody who stood in that line, and not to the next', async () => {
  const variantId = await goods(5n)
  const failing = Object.assign(async () => Promise.reject(new Error('gone')), { merchant: seller.merchant }) as unknown as InMerchant
  const counts = await outcomes(Array.from({ length: 3 }, () => reserve(variantId, { from: failing })))
  expect(counts).toEqual({ 'Error: gone': 3 })
  await reserve(variantId)
})

test('a checkout of hot goods takes a place in line: a race for the last is won by as many as there are, repeated or not', async () => {
  const hot = await addGoods(seller, { onHand: 10n })
  heat(seller.merchant.id, hot.variantId)
  const carts = await Promise.all(Array.from({ length: 25 }, () => fillCart(seller, [{ goods: hot }])))
  const attempts = carts.flatMap((cart) => [1, 2].map(() => buyCart(seller, cart.id, { key: `hot-${cart.id}` })))
  const codes = (await Promise.allSettled(attempts)).map((outcome) =>
    outcome.status === 'fulfilled' ? (outcome.value.replayed ? 'replayed' : 'placed') : (outcome.reason as { code: string }).code,
  )
  expect(codes.filter((code) => code === 'placed')).toHaveLength(10)
  expect(new Set(codes)).toEqual(new Set(['placed', 'insufficient_stock', ...codes.filter((code) => /replayed|in_progress/.test(code))]))
  await seller.inMerchant((tx) => foldClaims(tx, 'all'))
  expect(await level(hot.variantId)).toMatchObject({ reserved: 0n, allocated: 10n })
})

test('a checkout of hot goods that fails gives its place back', async () => {
  const hot = await addGoods(seller, { onHand: 10n })
  heat(seller.merchant.id, hot.variantId)
  const cart = await fillCart(seller, [{ goods: hot, quantity: 10n }], { email: null })
  await expect(buyCart(seller, cart.id)).rejects.toMatchObject({ code: 'cart_incomplete' })
  expect(await level(hot.variantId)).toMatchObject({ reserved: 0n, available: 10n })
})

async function goods(onHand: bigint): Promise<string> {
  return (await addGoods(seller, { onHand })).variantId
}

function reserve(variantId: string, given: { from?: InMerchant | undefined; cartId?: string; quantity?: bigint } = {}): Promise<void> {
  const { from = seller.inMerchant, cartId = newId(), quantity = 1n } = given
  return reserveInTurn(from, { cartId, variantId, quantity, minutes: 10, ...by() })
}

function level(variantId: string) {
  return seller.inMerchant.read((tx) => levelOf(tx, variantId))
}
