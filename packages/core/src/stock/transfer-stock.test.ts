import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { adjustStock } from './adjust.ts'
import { claimStock } from './claim.ts'
import { levelOf } from './level.ts'
import { createLocation } from './locations.ts'
import { listTransfers, type Transfer } from './transfer.ts'
import { type Arrival, cancelTransfer, receiveTransfer, sendTransfer } from './transfer-stock.ts'

const by = () => ({ actor: { kind: 'staff', id: newId() } as const, now: new Date() })
let shop: TestShop
let seller: TestMerchant
let back: string

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
  seller = await shop.addMerchant()
  back = (await seller.inMerchant((tx) => createLocation(tx, { name: 'Back room', priority: -1, active: true }, by()))).id
})
afterAll(async () => {
  // Orders of these tests are ids alone.
  expect((await checkInvariantsAtRest(shop.database.adminUrl)).filter(({ invariant }) => !/^0[23]/.test(invariant))).toEqual([])
  await shop.close()
})

const send = (goods: Goods, quantity: bigint): Promise<Transfer> =>
  seller.inMerchant((tx) =>
    sendTransfer(
      tx,
      { fromLocationId: seller.locationId, toLocationId: back, lines: [{ variantId: goods.variantId, quantity }], note: '' },
      by(),
    ),
  )
const receive = (id: string, ...lines: Arrival[]) => seller.inMerchant((tx) => receiveTransfer(tx, id, lines, by()))
const cancel = (id: string) => seller.inMerchant((tx) => cancelTransfer(tx, id, by()))
const onHand = async ({ variantId }: Goods) =>
  seller.inMerchant(async (tx) => [
    (await levelOf(tx, variantId, seller.locationId))?.onHand ?? 0n,
    (await levelOf(tx, variantId, back))?.onHand ?? 0n,
  ])

test('goods are nowhere while they are on their way, and come in parts', async () => {
  const goods = await addGoods(seller, { onHand: 10n })
  const { variantId } = goods
  const { id, status } = await send(goods, 6n)
  expect([status, await onHand(goods)]).toEqual(['in_transit', [4n, 0n]])
  expect((await receive(id, { variantId, received: 2n, lost: 0n })).status).toBe('part_received')
  expect(await onHand(goods)).toEqual([4n, 2n])
  await expect(receive(id, { variantId, received: 4n, lost: 1n })).rejects.toMatchObject({ code: 'quantity_out_of_range' })
  expect((await receive(id, { variantId, received: 3n, lost: 1n })).status).toBe('received')
  expect(await onHand(goods)).toEqual([4n, 5n])
  await expect(cancel(id)).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'received' } } })
  expect((await seller.inMerchant.read((tx) => listTransfers(tx, { limit: 1 }))).map((transfer) => transfer.id)).toEqual([id])
})

test('what is still on its way is called back to where it came from', async () => {
  const goods = await addGoods(seller, { onHand: 5n })
  const { id } = await send(goods, 5n)
  await receive(id, { variantId: goods.variantId, received: 2n, lost: 0n })
  expect((await cancel(id)).status).toBe('cancelled')
  expect(await onHand(goods)).toEqual([3n, 2n])
})

test('what buyers were promised stays, and so does what is not there', async () => {
  const goods = await addGoods(seller, { onHand: 5n })
  await seller.inMerchant((tx) => claimStock(tx, { orderId: newId(), lines: [{ variantId: goods.variantId, quantity: 3n }], ...by() }))
  await expect(send(goods, 3n)).rejects.toMatchObject({ code: 'insufficient_stock' })
  expect((await send(goods, 2n)).status).toBe('in_transit')
  await expect(send({ ...goods, variantId: newId() }, 1n)).rejects.toMatchObject({ code: 'not_found' })
})

test('of many transfers and buyers at once only as much goes as is there', async () => {
  const goods = await addGoods(seller, { onHand: 10n })
  const claim = () => seller.inMerchant((tx) => adjustStock(tx, { variantId: goods.variantId, change: -1, note: '', ...by() }))
  const told = await outcomes(Array.from({ length: 30 }, (_, index) => (index % 2 ? claim() : send(goods, 1n))))
  expect(told).toEqual({ ok: 10, insufficient_stock: 20 })
  expect((await onHand(goods))[0]).toBe(0n)
})

test('that is received by several at once is received once', async () => {
  const goods = await addGoods(seller, { onHand: 4n })
  const { id } = await send(goods, 4n)
  const attempts = Array.from({ length: 5 }, () => receive(id, { variantId: goods.variantId, received: 4n, lost: 0n }))
  expect(await outcomes(attempts)).toEqual({ ok: 1, invalid_state: 4 })
  expect(await onHand(goods)).toEqual([0n, 4n])
})
