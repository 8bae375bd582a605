import { randomInt } from 'node:crypto'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type Cart, cartQueries, toCart } from '../cart/cart.ts'
import { crashPoint } from '../crash-point.ts'
import { claimIdempotencyKey, type IdempotentRequest, type StoredResponse, storeIdempotentResponse } from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import type { Money } from '../money.ts'
import type { Order, Payment, PaymentMethod } from '../orders/order.ts'
import { insertOrder, insertOrderLines, orderFrom } from '../orders/place-order.ts'
import { insertPayment, manualPayment } from '../payments/manual.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { assertClaimed, claimStock } from '../stock/claim.ts'

export interface CheckoutRequest {
  cartId: string
  paymentMethod: PaymentMethod
  /** What the buyer was shown. Another total now is refused, not charged. */
  expectedTotal: Money | undefined
  idempotency: IdempotentRequest
  now: Date
  /** The answer on the wire, kept with the order for replays. */
  answer: (order: Order) => StoredResponse
}

const BUYER: Actor = { kind: 'buyer' }

/**
 * Turns a cart into an order: one transaction, in three round trips with the opening and the commit in them. Stock is
 * claimed, the order numbered and written, its event and its answer with it; all of it holds, or nothing happened.
 * A cart becomes one order only, however often and by whatever keys it is asked.
 */
export async function checkout(tx: Tx, request: CheckoutRequest): Promise<StoredResponse & { replayed: boolean }> {
  const [earlier, cartRows] = await Promise.all([
    claimIdempotencyKey(tx, request.idempotency),
    Promise.all(cartQueries(tx, request.cartId, 'lock')),
  ])
  if (earlier) return { ...earlier, replayed: true }

  const cart = toCart(cartRows)
  const email = assertReady(cart, request)
  const orderId = newId(request.now)
  crashPoint('checkout.before_claim')
  const claimed = await claimStock(tx, { orderId, locationId: cart.locationId, lines: cart.lines, actor: BUYER, now: request.now })
  assertClaimed(claimed, cart.lines)
  crashPoint('checkout.claimed')

  const payment = manualPayment(request.paymentMethod, cart.priced.totals.total, request.now)
  const order = orderFrom(cart, { id: orderId, number: stand(), email, payments: [payment], now: request.now })
  const response = request.answer(order)
  const [[taken] = []] = await tx.finish([placeOrder(tx, cart, order, payment, request.idempotency, response)])
  crashPoint('checkout.committed')
  return { ...response, body: numbered(response.body, order.number, taken!.order_number as bigint), replayed: false }
}

/**
 * Stands for an order's number until the last flight has taken it: random, so that no text of a buyer's can be it, and
 * of fixed length, so that it is no part of another number in the answer.
 */
function stand(): bigint {
  return BigInt(randomInt(100_000_000_000_000, 281_474_976_710_655))
}

function numbered(body: string, stand: bigint, number: bigint): string {
  return body.replace(String(stand), String(number))
}

/**
 * Everything an order leaves behind, in one statement: its number is taken and used without a round trip in between, and
 * the counter, which all checkouts of a merchant share, is held no longer than that.
 */
function placeOrder(tx: Tx, cart: Cart, order: Order, payment: Payment, idempotency: IdempotentRequest, response: StoredResponse): Query {
  const body = tx.sql`replace(${response.body}, ${String(order.number)}, counter.order_number::text)`
  return tx.sql`
    with counter as (
      update merchant_counter set order_number = order_number + 1, event_sequence = event_sequence + 1
      where merchant_id = ${tx.merchantId} returning order_number, event_sequence
    ), placed as (${insertOrder(tx, order, cart)} from counter
    ), lines as (${insertOrderLines(tx, order)}
    ), paid as (${insertPayment(tx, payment, order)}
    ), closed as (
      update cart set status = 'ordered', version = version + 1, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${cart.id}
    ), told as (${orderPlaced(tx, order)} from counter
    ), answered as (${storeIdempotentResponse(tx, idempotency, { statusCode: response.statusCode, body }, tx.sql`from counter`)}
    )
    select order_number from counter`
}

/** What must be there before anything is claimed. Answers the e-mail the order goes to. */
function assertReady(cart: Cart, request: CheckoutRequest): string {
  if (cart.status !== 'open')
    throw new Refusal('invalid_state', { detail: 'This cart has become an order.', extra: { current_state: cart.status } })
  if (cart.lines.length === 0) throw new Refusal('cart_empty', { detail: 'There is nothing in this cart.' })
  const missing: FieldProblem[] = []
  if (!cart.email) missing.push({ pointer: '/email', code: 'required' })
  if (cart.lines.some((line) => line.requiresShipping)) {
    if (!cart.shippingAddress) missing.push({ pointer: '/shipping_address', code: 'required' })
    if (!cart.pricingInput.shipping) missing.push({ pointer: '/shipping_option', code: 'required' })
  }
  if (missing.length > 0) throw new Refusal('cart_incomplete', { detail: 'The cart lacks what an order needs.', errors: missing })
  // A look before the claim: when something is sold out, most buyers are told so without touching the shared rows.
  const inStock = cart.lines.filter((line) => line.available)
  assertClaimed(
    inStock.map((line) => ({ variant_id: line.variantId })),
    cart.lines,
  )
  assertExpected(request.expectedTotal, { amount: cart.priced.totals.total, currency: cart.currency })
  return cart.email!
}

function assertExpected(expected: Money | undefined, total: Money): void {
  if (!expected || (expected.amount === total.amount && expected.currency === total.currency)) return
  const extra = { total: { amount: Number(total.amount), currency: total.currency } }
  throw new Refusal('total_changed', { detail: 'The total is no longer what was expected.', extra })
}

/** Written by hand and not by recordEvent: the sequence was taken together with the order's number. */
function orderPlaced(tx: Tx, order: Order): Query {
  const data = {
    order_id: order.id,
    total: { amount: Number(order.total), currency: order.currency },
    line_count: order.lines.length,
    payment: { method: order.payments[0]!.method, status: order.payments[0]!.status },
  }
  return tx.sql`
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor, occurred_at)
    select ${tx.merchantId}, counter.event_sequence, 'order.placed', 'order', ${order.id}::uuid,
      ${JSON.stringify(data)}::jsonb || jsonb_build_object('number', counter.order_number), ${JSON.stringify(BUYER)}::jsonb,
      ${order.placedAt}::timestamptz`
}
