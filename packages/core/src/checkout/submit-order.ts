import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Cart } from '../cart/cart.ts'
import { spendGiftCard, spendStoreCredit } from '../gift-cards/spend.ts'
import { type IdempotentRequest, storeIdempotentResponse, storeRecoveryPoint } from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { orderFrom } from '../orders/place-order.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { type Attempt, authorizationOf } from '../payments/request-authorization.ts'
import type { Question } from '../payments/settle-payment.ts'
import { isKept, keepPricingVersion } from '../quote/pricing-versions.ts'
import { assertReady } from './assert-ready.ts'
import type { CheckoutAnswer, CheckoutRequest } from './checkout.ts'
import { claimAll } from './claim-all.ts'
import { holdInside, type PaymentPlan } from './plan-payment.ts'
import { BUYER, standIn, writeOrder } from './write-order.ts'

/** An order that waits for its payment; what the provider is asked next. */
export interface Submitted {
  orderId: string
  paymentId: string
  question?: Question | undefined
}

export const AUTHORIZE = 'authorize'

/**
 * The first phase of a checkout that asks a provider, or is paid out of gift cards and store credit: one transaction. What is left
 * to be paid by nobody outside is firm at once, and answered. Else goods are reserved and the order is submitted; what the provider
 * is to be asked is written down with it, and under the request's key how far it came.
 */
export async function submitOrder(tx: Tx, request: CheckoutRequest, cart: Cart, plan: PaymentPlan): Promise<CheckoutAnswer | Submitted> {
  const email = assertReady(cart, request.expectedTotal)
  const { now, idempotency } = request
  const orderId = newId(now)
  const attempt = attemptOf(orderId, cart, plan, now)
  crashPoint('checkout.before_claim')
  await claimAll(tx, cart, { orderId, email, actor: BUYER, now, reserveMinutes: plan.outside?.minutes })
  await holdInside(tx, plan, cart.currency)
  crashPoint('checkout.claimed')
  const order = draft(orderId, cart, plan, { email, attempt, now })
  const payments = [...plan.inside, ...(plan.manual ? [plan.manual] : [])]
  const event = attempt ? 'order.submitted' : 'order.placed'
  const facts = { id: orderId, payment_id: attempt?.paymentId ?? '' }
  const answered = attempt && ((from: Query) => storeRecoveryPoint(tx, idempotency, { point: AUTHORIZE, facts }, from))
  const writing = writeOrder(tx, { cart, order, event, payments, attempt, answered })
  if (!attempt) {
    await Promise.all([writing, ...keepPricingVersion(tx, cart.pricing)])
    return placed(tx, request, cart, { orderId, plan })
  }
  crashPoint('checkout.submitting')
  if (plan.inside.length === 0) await tx.finish([writing, ...keepPricingVersion(tx, cart.pricing)])
  else {
    await Promise.all([writing, ...keepPricingVersion(tx, cart.pricing)])
    await spendInside(tx, orderId, plan, now)
  }
  isKept(cart.pricing)
  const question = { orderId, ask: authorizationOf(attempt), account: plan.outside!.account, reference: null, isFirst: true, isOpen: true }
  return { orderId, paymentId: attempt.paymentId, question }
}

function attemptOf(orderId: string, cart: Cart, { outside }: PaymentPlan, now: Date): Attempt | undefined {
  if (!outside) return undefined
  const { account, amount, minutes, method } = outside
  return {
    ...{ paymentId: newId(now), orderId, provider: account.provider, amount, currency: cart.currency, capture: account.capture },
    ...{ customerId: cart.customerId, minutes, method, actor: BUYER, now },
  }
}

/** The order as it is written: with what pays it, for its first event. */
function draft(
  orderId: string,
  cart: Cart,
  plan: PaymentPlan,
  { email, attempt, now }: { email: string; attempt: Attempt | undefined; now: Date },
): Order {
  const nothingYet = { captured: 0n, refunded: 0n, methodShown: null, nextAction: null, failure: null, expiresAt: null }
  const payments = [...plan.inside, ...(plan.manual ? [plan.manual] : [])]
  const asked = attempt && {
    ...{ id: attempt.paymentId, provider: attempt.provider, method: attempt.provider, status: 'pending' as const, amount: attempt.amount },
    ...nothingYet,
  }
  const order = orderFrom(cart, { id: orderId, number: standIn(), email, payments: asked ? [...payments, asked] : payments, now })
  return asked ? { ...order, status: 'pending' } : order
}

/** Firm, with what gift cards and store credit paid of it; its answer is kept with it. */
async function placed(
  tx: Tx,
  { answer, idempotency, now }: CheckoutRequest,
  cart: Cart,
  { orderId, plan }: { orderId: string; plan: PaymentPlan },
): Promise<CheckoutAnswer> {
  await spendInside(tx, orderId, plan, now)
  const response = answer(toOrder(await Promise.all(orderQueries(tx, orderId))))
  await tx.finish([storeIdempotentResponse(tx, idempotency as IdempotentRequest, response)])
  isKept(cart.pricing)
  crashPoint('checkout.committed')
  return { ...response, replayed: false }
}

/** Takes what gift cards and store credit pay, and says so. Their balances are held. */
async function spendInside(tx: Tx, orderId: string, { inside }: PaymentPlan, now: Date): Promise<void> {
  const held = await holdOrder(tx, orderId)
  let { captured } = held.state
  const events: OrderEvent[] = []
  for (const { id: paymentId, provider, sourceId, amount } of inside) {
    const { total, taxTotal, currency } = held.state
    const spending = { orderId, paymentId, currency, amount, order: { total, taxTotal, captured }, actor: BUYER, now }
    if (provider === 'gift_card') await spendGiftCard(tx, { ...spending, giftCardId: sourceId })
    else await spendStoreCredit(tx, { ...spending, customerId: sourceId })
    captured += amount
    events.push({ type: 'payment.authorized', paymentId, amount }, { type: 'payment.captured', paymentId, amount })
  }
  await recordOrderEvents(tx, held, events, { actor: BUYER, now })
}
