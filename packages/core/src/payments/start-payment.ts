import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { outstandingOf } from '../orders/amounts-due.ts'
import { holdOrder } from '../orders/hold-order.ts'
import type { OrderState } from '../orders/order-state.ts'
import { Refusal } from '../refusal.ts'
import { holdPayments } from './abandon-order.ts'
import { assertOffered, type SealedAccount, sealedAccountQuery } from './accounts.ts'
import type { PaymentRow } from './payment.ts'
import type { PaymentWish } from './payment-wish.ts'
import { repayingOf } from './repaying.ts'
import { authorizationOf } from './request-authorization.ts'
import { type By, SAGA } from './saga.ts'
import { resolveMethod } from './saved-methods.ts'
import type { Question } from './settle-payment.ts'

export interface NewAttempt {
  orderId: string
  wish: PaymentWish
  /** If it is declined, the buyer is asked to pay. */
  elseAsksBuyer?: boolean | undefined
}

/**
 * Another attempt to pay what of an order is not paid: by its buyer, after one that was declined, or by staff with a method that the
 * customer has kept. An order that waits for its payment has its goods kept anew. One transaction; whoever commits it asks the
 * provider next, by settlePayment. Refuses `invalid_state` for an order that needs no payment, or of which an attempt is open,
 * `insufficient_stock`, `payment_provider_unknown` and `payment_method_unusable`.
 */
export async function startPayment(
  tx: Tx,
  { orderId, wish, elseAsksBuyer }: NewAttempt,
  by: By,
): Promise<{ orderId: string; paymentId: string; question: Question }> {
  const held = await holdOrder(tx, orderId)
  const { state, customerId } = held
  const [payments, [account], [settings]] = (await Promise.all([
    holdPayments(tx, orderId),
    sealedAccountQuery(tx, wish.provider),
    tx.sql`select payment_reservation_minutes as minutes from merchant_settings where merchant_id = ${tx.merchantId}`,
  ])) as unknown as [PaymentRow[], [SealedAccount?], [{ minutes: number }]]
  assertOffered(account)
  const amount = amountDue(state, payments, await repayingOf(tx, orderId))
  const method = await resolveMethod(tx, wish, { provider: account.provider, customerId })
  const { minutes } = settings
  if (state.status === 'pending') await SAGA.reserve.run(tx, { holder: { orderId }, lines: linesOf(state), minutes, ...by })
  const attempt = {
    ...{ paymentId: newId(by.now), orderId, provider: account.provider, amount, currency: state.currency, capture: account.capture },
    ...{ customerId, minutes, method, elseAsksBuyer, ...by },
  }
  await SAGA.authorize.run(tx, attempt)
  const question = { orderId, ask: authorizationOf(attempt), account, reference: null, isFirst: true, isOpen: true }
  return { orderId, paymentId: attempt.paymentId, question }
}

/** What is neither paid nor on its way, in minor units. A payment by hand that has not come in is not waited for. */
function amountDue(state: OrderState, payments: readonly PaymentRow[], repaying: bigint): bigint {
  if (state.status === 'cancelled' || state.status === 'returned') throw notNow(state.status, `The order is ${state.status}.`)
  const open = payments.find(
    ({ status, provider }) => status === 'requires_action' || status === 'review' || (status === 'pending' && provider !== 'manual'),
  )
  if (open) throw notNow(open.status, 'A payment of the order is open.')
  const due = outstandingOf(state, repaying)
  if (due === 0n) throw notNow(state.paymentStatus, 'There is nothing left to pay.')
  return due
}

function linesOf({ lines }: OrderState): { variantId: string; quantity: bigint }[] {
  return lines.filter(({ quantity }) => quantity > 0n).map(({ variantId, quantity }) => ({ variantId, quantity }))
}

function notNow(currentState: string, detail: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: currentState } })
}
