import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { TokenKeys } from '../capability.ts'
import { type Cart, cartQuestion, toCart } from '../cart/cart.ts'
import { withAnswers } from '../cart/with-plugins.ts'
import {
  ANSWER_PENDING,
  claimIdempotencyKey,
  type IdempotentRequest,
  type StoredResponse,
  storeIdempotentResponse,
  takeOverRequest,
} from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import type { Money } from '../money.ts'
import type { Order } from '../orders/order.ts'
import type { ManualMethod } from '../orders/order-payment.ts'
import { orderFrom } from '../orders/place-order.ts'
import type { PaymentDeps } from '../payments/call-provider.ts'
import { manualPayment } from '../payments/manual.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { asksPlugins, pluginAnswers, type Shop } from '../quote/ask-plugins.ts'
import { isKept, keepPricingVersion } from '../quote/pricing-versions.ts'
import { answerPayment } from './answer-payment.ts'
import { assertReady } from './assert-ready.ts'
import { claimAll } from './claim-all.ts'
import { Outdated, quoteOutdated } from './outdated.ts'
import { type Paying, planPayment, providerQueries } from './plan-payment.ts'
import { quotedFor, withoutGifts } from './quoted.ts'
import { type Submitted, submitOrder } from './submit-order.ts'
import { withHotGoods } from './with-hot-goods.ts'
import { BUYER, standIn, writeOrder } from './write-order.ts'

export interface CheckoutRequest extends Paying {
  cartId: string
  /** What the buyer was shown. Another total now is refused, not charged. */
  expectedTotal: Money | undefined
  idempotency: IdempotentRequest
  now: Date
  /** The answer on the wire, kept with the order for replays. */
  answer: (order: Order) => StoredResponse
}

export type CheckoutAnswer = StoredResponse & { replayed: boolean }

/** A shop that takes payments otherwise than by hand. */
export interface SellingShop extends Shop {
  payments?: PaymentDeps
  /** Under which codes of gift cards are known. */
  giftCardKeys?: TokenKeys
}

/** What one attempt found out for the next. */
interface Findings {
  /** What plugins answered, and the digest of what they were asked. */
  quote?: { of: string; plugins: PricingInput['plugins'] }
  missingGifts: readonly string[]
}

type Outcome = CheckoutAnswer | { cart: Cart } | Pick<Outdated, 'missingGifts'> | (Submitted & { replayed: boolean })

/** How often a cart is quoted anew when it, or what it is priced by, changes while it is being ordered. */
export const REQUOTES_MAX = 4

/**
 * Turns a cart into an order: one transaction, in three round trips with the opening and the commit in them. Stock and uses of
 * promotions are claimed, the order numbered and written, its event and its answer with it; all of it holds, or nothing
 * happened. A cart becomes one order only, however often and by whatever keys it is asked.
 *
 * Through a provider that transaction submits the order, with the goods reserved; the provider is asked with nothing open, and a
 * second transaction writes down what came of it and the answer. Whoever repeats a request that died in between finishes it.
 *
 * With plugins the cart is read, they are asked with nothing open, and the transaction that orders checks that the cart and
 * everything it is priced by are still what was quoted; if not, it is quoted anew, REQUOTES_MAX times at most. Refuses
 * `quote_outdated` after that.
 */
export async function checkout(shop: SellingShop, request: CheckoutRequest): Promise<CheckoutAnswer> {
  return withHotGoods(shop.inMerchant, request, () => orderCart(shop, request))
}

async function orderCart(shop: SellingShop, request: CheckoutRequest): Promise<CheckoutAnswer> {
  const findings: Findings = { missingGifts: [] }
  for (let attempt = 0; attempt <= REQUOTES_MAX; attempt++) {
    const outcome = await attemptOrder(shop, request, findings)
    if ('statusCode' in outcome) return outcome
    if ('orderId' in outcome) {
      crashPoint('checkout.submitted')
      return answerPayment(shop, outcome, { ...request, by: { actor: BUYER, now: request.now } })
    }
    if ('missingGifts' in outcome) {
      findings.missingGifts = [...findings.missingGifts, ...outcome.missingGifts]
      continue
    }
    findings.quote = { of: quotedFor(outcome.cart), plugins: await pluginAnswers(shop, outcome.cart, 'checkout') }
    crashPoint('checkout.quoted')
  }
  throw quoteOutdated()
}

/**
 * One transaction: the answer when there is an order then; the order whose payment is to be settled; the cart to be quoted; or the
 * gifts that are gone.
 */
async function attemptOrder(shop: SellingShop, request: CheckoutRequest, findings: Findings): Promise<Outcome> {
  try {
    return await shop.inMerchant(async (tx) => {
      const question = cartQuestion(tx, request.cartId, 'lock')
      const [earlier, rows, answers] = await Promise.all([
        claimIdempotencyKey(tx, request.idempotency),
        Promise.all(question.queries),
        Promise.all(providerQueries(tx, request)),
      ])
      if (earlier?.statusCode === ANSWER_PENDING) return takeUp(tx, request, earlier)
      if (earlier) return { ...earlier, replayed: true }
      const read = withoutGifts(await toCart(tx, question, rows, request.now), findings.missingGifts)
      const order = (cart: Cart) => orderOrSubmit(tx, shop, request, cart, answers)
      if (!asksPlugins(shop, read)) return order(read)
      if (findings.quote?.of !== quotedFor(read)) return { cart: read }
      return order(withAnswers(read, findings.quote.plugins))
    })
  } catch (error) {
    if (error instanceof Outdated) return { missingGifts: error.missingGifts }
    throw error
  }
}

/** Goes on where a request stopped that nobody is at any more. */
async function takeUp(tx: Tx, { idempotency }: CheckoutRequest, { body }: StoredResponse): Promise<Submitted & { replayed: boolean }> {
  const { id: orderId, payment_id: paymentId } = JSON.parse(body) as { id: string; payment_id: string }
  await tx.finish([takeOverRequest(tx, idempotency)])
  return { orderId, paymentId, replayed: true }
}

async function orderOrSubmit(
  tx: Tx,
  shop: SellingShop,
  request: CheckoutRequest,
  cart: Cart,
  answers: readonly unknown[][],
): Promise<CheckoutAnswer | (Submitted & { replayed: boolean })> {
  const { paymentMethod, payment, giftCards = [], useStoreCredit = false } = request
  if (paymentMethod !== undefined && !payment && giftCards.length === 0 && !useStoreCredit)
    return placeByHand(tx, { ...request, paymentMethod }, cart)
  const plan = await planPayment(tx, cart, request, { keys: shop.giftCardKeys, answers, now: request.now })
  return { ...(await submitOrder(tx, request, cart, plan)), replayed: false }
}

async function placeByHand(tx: Tx, request: CheckoutRequest & { paymentMethod: ManualMethod }, cart: Cart): Promise<CheckoutAnswer> {
  const email = assertReady(cart, request.expectedTotal)
  const orderId = newId(request.now)
  crashPoint('checkout.before_claim')
  await claimAll(tx, cart, { orderId, email, actor: BUYER, now: request.now })
  crashPoint('checkout.claimed')

  const payment = manualPayment(request.paymentMethod, cart.priced.totals.total, request.now)
  const order = orderFrom(cart, { id: orderId, number: standIn(), email, payments: [payment], now: request.now })
  const response = request.answer(order)
  const body = tx.sql`replace(${response.body}, ${String(order.number)}, counter.order_number::text)`
  const answered = (from: Query) => storeIdempotentResponse(tx, request.idempotency, { statusCode: response.statusCode, body }, from)
  const [[taken] = []] = await tx.finish([
    writeOrder(tx, { cart, order, event: 'order.placed', payments: [payment], answered }),
    ...keepPricingVersion(tx, cart.pricing),
  ])
  isKept(cart.pricing)
  crashPoint('checkout.committed')
  return { ...response, body: response.body.replace(String(order.number), String(taken!.order_number)), replayed: false }
}
