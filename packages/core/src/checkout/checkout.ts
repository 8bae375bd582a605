import { randomInt } from 'node:crypto'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type Cart, cartQuestion, toCart } from '../cart/cart.ts'
import { withAnswers } from '../cart/with-plugins.ts'
import { crashPoint } from '../crash-point.ts'
import { claimIdempotencyKey, type IdempotentRequest, type StoredResponse, storeIdempotentResponse } from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import type { Money } from '../money.ts'
import { contentOf, type Order, type Payment, type PaymentMethod, paymentFacts } from '../orders/order.ts'
import { eventData } from '../orders/order-event.ts'
import { insertContact, insertOrder, insertOrderLines, orderFrom } from '../orders/place-order.ts'
import { insertPayment, manualPayment } from '../payments/manual.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { asksPlugins, pluginAnswers, type Shop } from '../quote/ask-plugins.ts'
import { isKept, keepPricingVersion } from '../quote/pricing-versions.ts'
import { assertReady } from './assert-ready.ts'
import { claimAll } from './claim-all.ts'
import { Outdated, quoteOutdated } from './outdated.ts'
import { quotedFor, withoutGifts } from './quoted.ts'

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

export type CheckoutAnswer = StoredResponse & { replayed: boolean }

/** What one attempt found out for the next. */
interface Findings {
  /** What plugins answered, and the digest of what they were asked. */
  quote?: { of: string; plugins: PricingInput['plugins'] }
  missingGifts: readonly string[]
}

const BUYER: Actor = { kind: 'buyer' }
/** How often a cart is quoted anew when it, or what it is priced by, changes while it is being ordered. */
export const REQUOTES_MAX = 4

/**
 * Turns a cart into an order: one transaction, in three round trips with the opening and the commit in them. Stock and uses of
 * promotions are claimed, the order numbered and written, its event and its answer with it; all of it holds, or nothing
 * happened. A cart becomes one order only, however often and by whatever keys it is asked.
 *
 * With plugins the cart is read, they are asked with nothing open, and the transaction that orders checks that the cart and
 * everything it is priced by are still what was quoted; if not, it is quoted anew, REQUOTES_MAX times at most. Refuses
 * `quote_outdated` after that.
 */
export async function checkout(shop: Shop, request: CheckoutRequest): Promise<CheckoutAnswer> {
  const findings: Findings = { missingGifts: [] }
  for (let attempt = 0; attempt <= REQUOTES_MAX; attempt++) {
    const outcome = await attemptOrder(shop, request, findings)
    if ('statusCode' in outcome) return outcome
    if ('missingGifts' in outcome) {
      findings.missingGifts = [...findings.missingGifts, ...outcome.missingGifts]
      continue
    }
    findings.quote = { of: quotedFor(outcome.cart), plugins: await pluginAnswers(shop, outcome.cart, 'checkout') }
    crashPoint('checkout.quoted')
  }
  throw quoteOutdated()
}

/** One transaction: the answer when there is an order then; the cart to be quoted; or the gifts that are gone. */
async function attemptOrder(
  shop: Shop,
  request: CheckoutRequest,
  findings: Findings,
): Promise<CheckoutAnswer | { cart: Cart } | Pick<Outdated, 'missingGifts'>> {
  try {
    return await shop.inMerchant(async (tx) => {
      const question = cartQuestion(tx, request.cartId, 'lock')
      const [earlier, rows] = await Promise.all([claimIdempotencyKey(tx, request.idempotency), Promise.all(question.queries)])
      if (earlier) return { ...earlier, replayed: true }
      const read = withoutGifts(await toCart(tx, question, rows, request.now), findings.missingGifts)
      if (!asksPlugins(shop, read)) return order(tx, request, read)
      if (findings.quote?.of !== quotedFor(read)) return { cart: read }
      return order(tx, request, withAnswers(read, findings.quote.plugins))
    })
  } catch (error) {
    if (error instanceof Outdated) return { missingGifts: error.missingGifts }
    throw error
  }
}

async function order(tx: Tx, request: CheckoutRequest, cart: Cart): Promise<CheckoutAnswer> {
  const email = assertReady(cart, request.expectedTotal)
  const orderId = newId(request.now)
  crashPoint('checkout.before_claim')
  await claimAll(tx, cart, { orderId, email, actor: BUYER, now: request.now })
  crashPoint('checkout.claimed')

  const payment = manualPayment(request.paymentMethod, cart.priced.totals.total, request.now)
  const placed = orderFrom(cart, { id: orderId, number: stand(), email, payments: [payment], now: request.now })
  const response = request.answer(placed)
  const [[taken] = []] = await tx.finish([
    placeOrder(tx, cart, placed, payment, request.idempotency, response),
    ...keepPricingVersion(tx, cart.pricing),
  ])
  isKept(cart.pricing)
  crashPoint('checkout.committed')
  return { ...response, body: numbered(response.body, placed.number, taken!.order_number as bigint), replayed: false }
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
    ), contact as (${insertContact(tx, order)}
    ), paid as (${insertPayment(tx, payment, order)}
    ), closed as (
      update cart set status = 'ordered', version = version + 1, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${cart.id}
    ), told as (${orderPlaced(tx, order)} from counter
    ), answered as (${storeIdempotentResponse(tx, idempotency, { statusCode: response.statusCode, body }, tx.sql`from counter`)}
    )
    select order_number from counter`
}

/** Written by hand and not by recordEvent: the sequence was taken together with the order's number. */
function orderPlaced(tx: Tx, order: Order): Query {
  const { content, ...data } = eventData(order.id, {
    type: 'order.placed',
    content: contentOf(order),
    payments: order.payments.map(paymentFacts),
  })
  return tx.sql`
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor, occurred_at)
    select ${tx.merchantId}, counter.event_sequence, 'order.placed', 'order', ${order.id}::uuid,
      ${JSON.stringify(data)}::jsonb || jsonb_build_object('content', ${JSON.stringify(content)}::jsonb || jsonb_build_object('number', counter.order_number)), ${JSON.stringify(BUYER)}::jsonb,
      ${order.placedAt}::timestamptz`
}
