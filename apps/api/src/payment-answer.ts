import type { StoredResponse } from '@souk/core/idempotency/idempotency.ts'
import type { Order } from '@souk/core/orders/order.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { toProblem } from './errors.ts'
import { presentOrder } from './wire/order.ts'

/**
 * How a request that pays is answered, by what became of its order: 201 once it is firm, 202 while the payment is not settled, 402
 * when it was declined and another may be tried, 409 when the goods were gone and the money goes back. The problems carry the order.
 */
export function answerPaidOrder(order: Order): StoredResponse {
  // The last attempt: others are settled by then, or ask no provider.
  const payment = order.payments.findLast(({ expiresAt }) => expiresAt !== null)
  if (order.status === 'pending' && payment?.status === 'failed') {
    const extra = { code: payment.failure!.code, order: presentOrder(order), payment_due_at: payment.expiresAt!.toISOString() }
    return problem(new Refusal('payment_declined', { detail: payment.failure!.message, extra }))
  }
  if (order.status === 'cancelled')
    return problem(new Refusal('insufficient_stock', { detail: order.cancelReason ?? '', extra: { order: presentOrder(order) } }))
  return { statusCode: order.status === 'pending' ? 202 : 201, body: JSON.stringify(presentOrder(order)) }
}

function problem(refusal: Refusal): StoredResponse {
  const { status, body } = toProblem(refusal, '')
  return { statusCode: status, body }
}
