import type { Actor } from '@souk/core/actor.ts'
import { recordAttempt } from '@souk/core/fulfillment/deliver.ts'
import { openFulfillment } from '@souk/core/fulfillment/open-fulfillments.ts'
import { packFulfillment, pickFulfillment } from '@souk/core/fulfillment/pick-fulfillment.ts'
import { shipFulfillment } from '@souk/core/fulfillment/ship-fulfillment.ts'
import { holdOrder } from '@souk/core/orders/hold-order.ts'
import { receiveReturn } from '@souk/core/returns/receive-return.ts'
import { decideReturn, requestReturn } from '@souk/core/returns/request-return.ts'
import { allocationsOf } from '@souk/core/stock/allocations.ts'
import type { ApiMerchant, TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

interface Given {
  variantId: string
  /** In every text. */
  canary: string
  /** Of the requests that make the order. */
  key: string
}

/** An order that was paid, of which each piece has come another way: to pick, picked, packed, sent, delivered, asked back, back. */
export async function addFulfillments(api: TestApi, shop: ApiMerchant, given: Given): Promise<Values> {
  const { canary } = given
  const { orderId, lineId } = await buyTen(api, shop, given)
  const now = api.clock.now
  const by = { actor: { kind: 'staff', id: shop.owner.id } as Actor, now }
  return shop.inMerchant(async (tx): Promise<Values> => {
    const [allocation] = await allocationsOf(tx, orderId)
    const { locationId } = allocation!
    const open = async (quantity: bigint) => {
      const opened = await openFulfillment(tx, await holdOrder(tx, orderId), { locationId, lines: [{ lineId, quantity }] }, by)
      return opened.id
    }
    const pack = async (id: string) => (await packFulfillment(tx, id, by)).id
    const ship = async (id: string) =>
      (await shipFulfillment(tx, id, { carrier: canary, trackingNumber: canary, trackingUrl: `https://${canary}.example` }, by)).id
    const toPick = await open(2n)
    await pickFulfillment(tx, await open(1n), [], by)
    const packed = await pack(await open(1n))
    const shipped = await ship(await pack(await open(1n)))
    const delivered = await ship(await pack(await open(4n)))
    const proofs = [{ kind: 'photo', content: Buffer.concat([PICTURE, Buffer.from(canary)]) }] as const
    const door = { outcome: 'delivered', reason: null, receivedBy: `${canary} Ada`, note: canary, proofs } as const
    const attempt = await recordAttempt(tx, delivered, door, { actor: by.actor, seesAll: true }, by)
    const ask = async (actor: Actor) => {
      const lines = [{ lineId, quantity: 1n, reason: 'unwanted' as const }]
      return (await requestReturn(tx, { orderId, lines, note: canary }, { actor, now })).id
    }
    await decideReturn(tx, await ask({ kind: 'buyer' }), { approved: false, note: canary }, by)
    const [requested, approved, received] = [await ask({ kind: 'buyer' }), await ask(by.actor), await ask(by.actor)]
    const inspections = [{ decision: 'damaged', quantity: 1n, condition: canary }] as const
    await receiveReturn(tx, received, { locationId, lines: [{ lineId, inspections }] }, by)
    return {
      worked_order_id: orderId,
      worked_line_id: lineId,
      worked_location_id: locationId,
      fulfillment_id: toPick,
      packed_fulfillment_id: packed,
      shipped_fulfillment_id: shipped,
      delivered_fulfillment_id: delivered,
      proof_id: attempt.proofs[0]!.id,
      return_id: approved,
      requested_return_id: requested,
      received_return_id: received,
    }
  })
}

async function buyTen({ call }: TestApi, shop: ApiMerchant, { variantId, canary, key }: Given) {
  const address = { name: `${canary} Ada`, line1: `${canary} street 1`, city: 'Berlin', country: 'DE' }
  const post = async (url: string, payload: object, headers: Record<string, string> = {}, token?: string) => {
    const answer = await call(shop.host, { method: 'POST', url, payload, headers, ...(token !== undefined && { token }) })
    if (answer.status >= 300) throw new Error(`A shop could not be filled: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const cart = await post('/v1/carts', {
    channel: canary,
    email: `${canary}@buyer.example`,
    shipping_address: address,
    billing_address: address,
    shipping_option: 'flat',
    lines: [{ variant_id: variantId, quantity: 10 }],
  })
  const headers = { 'cart-token': cart.token, 'idempotency-key': `${key}-nine` }
  const order = await post(`/v1/carts/${cart.id}/checkout`, { payment_method: 'invoice' }, headers)
  const [payment] = order.payments
  await post(`/v1/admin/payments/${payment.id}/capture`, {}, { 'idempotency-key': `${key}-nine` }, shop.token)
  const line = order.lines.find((each: { variant_id: string }) => each.variant_id === variantId)
  return { orderId: order.id as string, lineId: line.id as string }
}
