import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Address } from '../cart/address.ts'
import type { Cart } from '../cart/cart.ts'
import { changeDraft, createDraft, discardDraft } from '../cart/draft.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import type { Refund } from '../refunds/refund.ts'
import { previewRefund, type RefundRequest, refundHeld } from '../refunds/refund-order.ts'
import { Refusal } from '../refusal.ts'
import { assertReturnIs, cameBack, holdReturn, loadReturn, type OrderReturn } from './order-return.ts'

interface By {
  actor: Actor
  now: Date
}

/** What of a refund is to be said of a return: its lines are those that came back. */
export type ReturnRefund = Omit<RefundRequest, 'orderId' | 'lines' | 'actor' | 'now'>

/**
 * Gives the money for received goods back, from the stored shares of their lines, once. Where the buyer took other goods instead,
 * only what those did not use up; a draft of them that was not ordered is thrown away. Refuses `invalid_state` before the goods
 * are here, and what `refundOrder` refuses.
 */
export async function refundReturn(tx: Tx, id: string, wish: ReturnRefund, by: By): Promise<{ orderReturn: OrderReturn; refund: Refund }> {
  const { held, orderReturn } = await holdReturn(tx, id)
  assertReturnIs(orderReturn, ['received'], 'refunded')
  assertNotRefunded(orderReturn)
  const lines = orderReturn.lines.map((line) => ({ lineId: line.lineId, quantity: cameBack(line) })).filter(({ quantity }) => quantity > 0n)
  const credited = await creditUsed(tx, orderReturn)
  const amount = credited === 0n ? wish.amount : await leftAfter(tx, held, { lines, wish, credited })
  const refund = await refundHeld(tx, held, { ...wish, lines, amount, ...by })
  await tx.sql`update order_return set refund_id = ${refund.id} where merchant_id = ${tx.merchantId} and id = ${id}`
  return { orderReturn: await loadReturn(tx, id), refund }
}

/**
 * Other goods instead: a draft for the same buyer, at today's prices, with what the returned goods are worth taken off. Ordered as
 * any draft is, it collects what they cost more; what they cost less is refunded with the return. Refuses `invalid_state` for
 * a return that is not approved, was refunded or exchanged, and for an order that was not paid.
 */
export async function exchangeReturn(
  tx: Tx,
  id: string,
  lines: readonly { variantId: string; quantity: bigint }[],
  by: By,
): Promise<{ orderReturn: OrderReturn; draft: Cart }> {
  const { held, orderReturn } = await holdReturn(tx, id)
  assertReturnIs(orderReturn, ['approved', 'received'], 'exchanged')
  assertNotRefunded(orderReturn)
  if (orderReturn.exchangeCartId !== null)
    throw new Refusal('invalid_state', { detail: 'It was exchanged.', extra: { current_state: 'exchanged' } })
  const worth = await worthOf(tx, held, orderReturn)
  const details = await detailsOf(tx, held.id)
  const drafted = await createDraft(tx, { lines: [...lines], details, discount: null }, by)
  const { subtotal, discount: promoted } = drafted.priced.totals
  const credit = least(worth, subtotal - promoted)
  if (credit <= 0n) throw new Refusal('amount_out_of_range', { detail: 'There is nothing to set off against each other.' })
  const draft = await changeDraft(tx, drafted.id, { discount: { amount: credit, reason: `Return of order ${held.state.number}` } }, by.now)
  await tx.sql`
    update order_return set exchange_cart_id = ${draft.id}, exchange_credit = ${credit} where merchant_id = ${tx.merchantId} and id = ${id}`
  return { orderReturn: await loadReturn(tx, id), draft }
}

/** What the exchange has used up. One that nobody ordered, or whose order was cancelled, ends here. */
async function creditUsed(tx: Tx, { id, exchangeCartId }: OrderReturn): Promise<bigint> {
  if (exchangeCartId === null) return 0n
  const [draft] = await tx.sql<{ status: string }[]>`
    select status from cart where merchant_id = ${tx.merchantId} and id = ${exchangeCartId} for update`
  // Whoever was ordering the draft is done by now, one way or the other.
  const { exchangeOrderId, exchangeCredit } = await loadReturn(tx, id)
  if (exchangeOrderId !== null) return exchangeCredit!
  if (draft?.status === 'open') await discardDraft(tx, exchangeCartId)
  await tx.sql`
    update order_return set exchange_cart_id = null, exchange_credit = null where merchant_id = ${tx.merchantId} and id = ${id}`
  return 0n
}

interface Owed {
  lines: readonly { lineId: string; quantity: bigint }[]
  wish: ReturnRefund
  credited: bigint
}

async function leftAfter(tx: Tx, held: HeldOrder, { lines, wish, credited }: Owed): Promise<bigint> {
  const { amount } = await previewRefund(tx, { orderId: held.id, lines, shipping: wish.shipping, to: wish.to })
  const left = amount - credited
  if (left > 0n) return typeof wish.amount === 'bigint' ? least(wish.amount, left) : left
  throw new Refusal('invalid_state', {
    detail: 'The goods that were taken instead are worth as much.',
    extra: { current_state: 'exchanged' },
  })
}

/** What was paid for the goods, by the shares that were stored with the order. */
async function worthOf(tx: Tx, held: HeldOrder, orderReturn: OrderReturn): Promise<bigint> {
  const lines = orderReturn.lines
    .map((line) => ({ lineId: line.lineId, quantity: orderReturn.status === 'received' ? cameBack(line) : line.quantity }))
    .filter(({ quantity }) => quantity > 0n)
  const { amount } = await previewRefund(tx, { orderId: held.id, lines, shipping: 0n, to: 'original' })
  return amount
}

async function detailsOf(tx: Tx, orderId: string) {
  const [row] = await tx.sql<{ email: string; shipping: Address | null; billing: Address | null; customerId: string | null }[]>`
    select email, shipping_address as shipping, billing_address as billing, customer_id as "customerId"
    from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`
  const { email, shipping, billing, customerId } = row!
  return { email, customerId, shippingAddress: shipping, billingAddress: billing }
}

function assertNotRefunded({ refundId }: OrderReturn): void {
  if (refundId === null) return
  throw new Refusal('invalid_state', { detail: 'It was refunded.', extra: { current_state: 'refunded', refund_id: refundId } })
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}
