import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteProduct } from '../catalog/delete-product.ts'
import { newId } from '../ids.ts'
import { productByHandle, toStoreProduct } from '../storefront/product-by-handle.ts'
import { outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { adjustStock } from './adjust.ts'
import { allocationsOf } from './allocations.ts'
import { type Component, componentsOf, setComponents } from './bundles.ts'
import { assertClaimed, claimStock } from './claim.ts'
import { confirmReservations } from './confirm.ts'
import { levelOf } from './level.ts'
import { type LevelTerms, setTerms } from './level-terms.ts'
import { changeLocation, createLocation, listLocations } from './locations.ts'
import { releaseStock } from './release.ts'
import { reserveStock } from './reserve.ts'
import { shipStock } from './ship.ts'
import { takeBackStock } from './take-back.ts'

const ACTOR = { kind: 'buyer' } as const
const by = () => ({ actor: ACTOR, now: new Date() })
let shop: TestShop
let seller: TestMerchant
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
})
beforeEach(async () => {
  seller = await shop.addMerchant()
  goods = await addGoods(seller, { onHand: 3n })
})
afterAll(async () => {
  // Orders of these tests are ids alone.
  expect((await checkInvariantsAtRest(shop.database.adminUrl)).filter(({ invariant }) => !invariant.startsWith('03'))).toEqual([])
  await shop.close()
})

describe('several locations', () => {
  let back: string
  beforeEach(async () => {
    back = await open('Back room', 5)
    await bring(back, 5)
  })

  test('serve by their priority, and one order from several where none has all of it', async () => {
    expect(await where(await claim(5n))).toEqual([[back, 5n]])
    expect(await where(await claim(2n))).toEqual([[seller.locationId, 2n]])
    await bring(back, 2)
    expect(await where(await claim(3n))).toEqual(
      [
        [back, 2n],
        [seller.locationId, 1n],
      ].sort(),
    )
    await expect(claim(1n)).rejects.toMatchObject({ code: 'insufficient_stock' })
  })

  test('give all of an order from one of them before they share it', async () => {
    const others = await addGoods(seller, { onHand: 1n })
    const orderId = newId()
    const lines = [
      { variantId: goods.variantId, quantity: 1n },
      { variantId: others.variantId, quantity: 1n },
    ]
    await seller.inMerchant((tx) => claimStock(tx, { orderId, lines, ...by() }))
    expect((await where(orderId)).map(([locationId]) => locationId)).toEqual([seller.locationId, seller.locationId])
  })

  test('sell everything there is, to a race of buyers, and no more', async () => {
    const counts = await outcomes(Array.from({ length: 30 }, () => claim(1n)))
    expect(counts).toEqual({ ok: 8, insufficient_stock: 22 })
  })

  test('sell nothing while they are inactive, and what orders have there stays theirs', async () => {
    const orderId = await claim(2n)
    await seller.inMerchant((tx) => changeLocation(tx, back, { active: false }, by()))
    expect(await buyable()).toMatchObject({ quantity: 3 })
    await expect(claim(4n)).rejects.toMatchObject({ code: 'insufficient_stock' })
    await send(orderId, back, 2n)
    await seller.inMerchant((tx) => changeLocation(tx, back, { active: true }, by()))
    expect(await buyable()).toMatchObject({ quantity: 6 })
  })

  test('are released where the priority is lowest, and taken back where they are brought', async () => {
    const orderId = await claim(8n)
    await seller.inMerchant((tx) => releaseStock(tx, { orderId, lines: [{ variantId: goods.variantId, quantity: 4n }], ...by() }))
    expect(await where(orderId)).toEqual([[back, 4n]])
    await send(orderId, back, 4n)
    const third = await open('Returns', 0)
    await seller.inMerchant((tx) =>
      takeBackStock(tx, { orderId, locationId: third, lines: [{ variantId: goods.variantId, quantity: 3n }], ...by() }),
    )
    expect(await levelAt(third)).toMatchObject({ onHand: 3n })
  })

  test('keep a reservation where it was made, and confirm it there', async () => {
    const orderId = newId()
    const lines = [{ variantId: goods.variantId, quantity: 7n }]
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { orderId }, lines, minutes: 10, ...by() }))
    expect(await seller.inMerchant((tx) => confirmReservations(tx, { orderId, ...by() }))).toEqual({ short: [] })
    expect(await where(orderId)).toEqual(
      [
        [back, 5n],
        [seller.locationId, 2n],
      ].sort(),
    )
  })

  test('have names of their own, and the default one is always active', async () => {
    await expect(open('Back room', 0)).rejects.toMatchObject({ code: 'duplicate' })
    const closing = seller.inMerchant((tx) => changeLocation(tx, seller.locationId, { active: false }, by()))
    await expect(closing).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(seller.inMerchant((tx) => changeLocation(tx, newId(), { name: 'None' }, by()))).rejects.toMatchObject({
      code: 'not_found',
    })
    expect((await seller.inMerchant((tx) => listLocations(tx))).map(({ name }) => name)).toEqual(['Back room', 'Main'])
    await expect(bring(newId(), 1)).rejects.toMatchObject({ code: 'not_found', details: { errors: [{ pointer: '/location_id' }] } })
  })
})

describe('goods that are not there', () => {
  test('are sold on backorder up to the limit', async () => {
    await terms({ backorder: { limit: 2n }, preorder: null })
    expect(await buyable()).toMatchObject({ quantity: 5, in_stock: true })
    await claim(4n)
    expect(await buyable()).toMatchObject({ quantity: 1, in_stock: false })
    await expect(claim(2n)).rejects.toMatchObject({ code: 'insufficient_stock' })
    await claim(1n)
  })

  test('are sold on backorder in a race up to the limit, and not beyond', async () => {
    await terms({ backorder: { limit: 2n }, preorder: null })
    expect(await outcomes(Array.from({ length: 20 }, () => claim(1n)))).toEqual({ ok: 5, insufficient_stock: 15 })
  })

  test('are sold on preorder until their day', async () => {
    await terms({ backorder: null, preorder: { availableFrom: '2999-01-01', limit: 4n } })
    expect(await buyable()).toMatchObject({ quantity: 7, available_from: '2999-01-01' })
    await claim(5n)
    await terms({ backorder: null, preorder: { availableFrom: '2020-01-01', limit: 4n } })
    expect(await buyable()).toMatchObject({ quantity: 0, available_from: null })
    await expect(claim(1n)).rejects.toMatchObject({ code: 'insufficient_stock' })
  })

  test('are not promised and then no longer', async () => {
    await terms({ backorder: { limit: null }, preorder: null })
    await claim(10n)
    await expect(terms({ backorder: { limit: 6n }, preorder: null })).rejects.toMatchObject({ code: 'insufficient_stock' })
    await expect(terms({ backorder: null, preorder: null })).rejects.toMatchObject({ code: 'insufficient_stock' })
    await terms({ backorder: { limit: 7n }, preorder: null })
  })

  test('are sent when they have come', async () => {
    await terms({ backorder: { limit: null }, preorder: null })
    const orderId = await claim(4n)
    await expect(send(orderId, seller.locationId, 4n)).rejects.toMatchObject({ code: 'insufficient_stock' })
    await bring(seller.locationId, 1)
    await send(orderId, seller.locationId, 4n)
  })
})

describe('a bundle', () => {
  let bundle: Goods
  let bread: Goods
  beforeEach(async () => {
    bundle = await addGoods(seller, { onHand: 0n })
    bread = await addGoods(seller, { onHand: 7n })
    await bundleOf([
      { variantId: goods.variantId, quantity: 1n },
      { variantId: bread.variantId, quantity: 2n },
    ])
  })

  test('is there as often as its components are', async () => {
    expect(await buyable(bundle)).toMatchObject({ quantity: 3 })
    await claim(1n, goods)
    await claim(4n, bread)
    expect(await buyable(bundle)).toMatchObject({ quantity: 1, unlimited: false })
    expect(await claim(1n, bundle)).toBeDefined()
    expect([await buyable(bundle), await buyable(bread)]).toMatchObject([{ quantity: 0 }, { quantity: 1 }])
  })

  test('shares its components with those who buy them singly, and nobody gets what another has', async () => {
    const counts = await outcomes([
      ...Array.from({ length: 10 }, () => claim(1n, bundle)),
      ...Array.from({ length: 10 }, () => claim(1n, goods)),
    ])
    expect(counts).toEqual({ ok: 3, insufficient_stock: 17 })
  })

  test('and its component in one order count together', async () => {
    const lines = [
      { variantId: goods.variantId, quantity: 1n },
      { variantId: bundle.variantId, quantity: 3n },
    ]
    const orderId = newId()
    const claiming = seller.inMerchant(async (tx) => assertClaimed(await claimStock(tx, { orderId, lines, ...by() }), lines))
    await expect(claiming).rejects.toMatchObject({ code: 'insufficient_stock' })
    const fewer = lines.map((line) => ({ ...line, quantity: line.variantId === bundle.variantId ? 2n : 1n }))
    await seller.inMerchant(async (tx) => assertClaimed(await claimStock(tx, { orderId, lines: fewer, ...by() }), fewer))
    expect(await levelAt(seller.locationId)).toMatchObject({ allocated: 3n })
  })

  test('is reserved, sent, taken back and released by its components, and spoken of as what it is', async () => {
    const [cartId, orderId] = [newId(), newId()]
    const lines = [{ variantId: bundle.variantId, quantity: 3n }]
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { cartId }, lines, minutes: 10, ...by() }))
    await seller.inMerchant((tx) => reserveStock(tx, { holder: { orderId, cartId }, lines, minutes: 10, ...by() }))
    await seller.inMerchant((tx) => confirmReservations(tx, { orderId, ...by() }))
    expect(await where(orderId)).toEqual([[seller.locationId, 3n]])
    await send(orderId, seller.locationId, 2n, bundle)
    expect(await levelAt(seller.locationId, bread)).toMatchObject({ onHand: 3n, reserved: 0n, allocated: 2n })
    const back = { orderId, locationId: seller.locationId, lines: [{ variantId: bundle.variantId, quantity: 1n }], ...by() }
    await seller.inMerchant((tx) => takeBackStock(tx, back))
    await seller.inMerchant((tx) => releaseStock(tx, { orderId, lines: 'all', ...by() }))
    expect(await levelAt(seller.locationId, bread)).toMatchObject({ onHand: 5n, allocated: 0n })
    expect(await levelAt(seller.locationId)).toMatchObject({ onHand: 2n, allocated: 0n })
  })

  test('that was sold stays what it was when it becomes another', async () => {
    const orderId = await claim(1n, bundle)
    await bundleOf([{ variantId: bread.variantId, quantity: 1n }])
    await send(orderId, seller.locationId, 1n, bundle)
    expect(await levelAt(seller.locationId)).toMatchObject({ onHand: 2n, allocated: 0n })
    expect(await levelAt(seller.locationId, bread)).toMatchObject({ onHand: 5n, allocated: 0n })
  })

  test('is put together at one location', async () => {
    const back = await open('Back room', 5)
    await bring(back, 2)
    expect(await buyable(bundle)).toMatchObject({ quantity: 3 })
    await bring(back, 2, bread)
    expect(await buyable(bundle)).toMatchObject({ quantity: 4 })
    expect(await where(await claim(4n, bundle))).toEqual(
      [
        [back, 1n],
        [seller.locationId, 3n],
      ].sort(),
    )
  })

  test('is no bundle of bundles, nor of itself, nor has it stock of its own', async () => {
    const other = await addGoods(seller, { onHand: 0n })
    const one = (variantId: string) => [{ variantId, quantity: 1n }]
    await expect(bundleOf(one(bundle.variantId), other)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(bundleOf(one(other.variantId), goods)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(bundleOf(one(other.variantId), other)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(bundleOf(one(newId()), other)).rejects.toMatchObject({ code: 'not_found' })
    await expect(bundleOf([...one(bread.variantId), ...one(bread.variantId)], other)).rejects.toMatchObject({ code: 'duplicate' })
    await expect(bundleOf(one(other.variantId), await addGoods(seller, { onHand: 1n }))).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(bring(seller.locationId, 1, bundle)).rejects.toMatchObject({ code: 'invalid_state' })
  })

  test('keeps its components in the catalogue, until it is none any more', async () => {
    const deleting = () => seller.inMerchant((tx) => deleteProduct(tx, bread.productId, by()))
    await expect(deleting()).rejects.toMatchObject({ code: 'invalid_state' })
    await bundleOf([])
    expect(await seller.inMerchant((tx) => componentsOf(tx, bundle.variantId))).toEqual([])
    expect(await buyable(bundle)).toMatchObject({ quantity: 0 })
    await deleting()
  })

  function bundleOf(components: Component[], of = bundle) {
    return seller.inMerchant((tx) => setComponents(tx, of.variantId, components, by()))
  }
})

async function open(name: string, priority: number): Promise<string> {
  return (await seller.inMerchant((tx) => createLocation(tx, { name, priority, active: true }, by()))).id
}

function bring(locationId: string, change: number, of = goods) {
  return seller.inMerchant((tx) => adjustStock(tx, { variantId: of.variantId, locationId, change, note: '', ...by() }))
}

async function claim(quantity: bigint, of = goods): Promise<string> {
  const orderId = newId()
  const lines = [{ variantId: of.variantId, quantity }]
  await seller.inMerchant(async (tx) => assertClaimed(await claimStock(tx, { orderId, lines, ...by() }), lines))
  return orderId
}

function send(orderId: string, locationId: string, quantity: bigint, of = goods) {
  return seller.inMerchant((tx) => shipStock(tx, { orderId, locationId, lines: [{ variantId: of.variantId, quantity }], ...by() }))
}

async function where(orderId: string): Promise<[string, bigint][]> {
  const allocations = await seller.inMerchant((tx) => allocationsOf(tx, orderId))
  return allocations.map(({ locationId, quantity }): [string, bigint] => [locationId, quantity]).sort()
}

async function levelAt(locationId: string, of = goods) {
  return seller.inMerchant.read((tx) => levelOf(tx, of.variantId, locationId))
}

function terms(given: LevelTerms) {
  return seller.inMerchant((tx) => setTerms(tx, { variantId: goods.variantId, locationId: undefined, terms: given }, by()))
}

/** What the product's page says of its only variant. */
async function buyable(of = goods) {
  const [row] = await seller.inMerchant.read(
    (tx) => tx.sql`select handle from product where merchant_id = ${tx.merchantId} and id = ${of.productId}`,
  )
  return toStoreProduct(await seller.inMerchant.readOne((door) => productByHandle(door, row!.handle as string))).variants[0]
}
