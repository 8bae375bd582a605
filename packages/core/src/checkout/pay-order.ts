import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import {
  ANSWER_PENDING,
  claimIdempotencyKey,
  type IdempotentRequest,
  type StoredResponse,
  storeRecoveryPoint,
  takeOverRequest,
} from '../idempotency/idempotency.ts'
import type { Order } from '../orders/order.ts'
import type { PaymentDeps } from '../payments/call-provider.ts'
import type { PaymentWish } from '../payments/payment-wish.ts'
import type { By } from '../payments/saga.ts'
import { startPayment } from '../payments/start-payment.ts'
import { answerPayment } from './answer-payment.ts'
import { AUTHORIZE, type Submitted } from './submit-order.ts'

export interface OrderPayment {
  orderId: string
  wish: PaymentWish
  idempotency: IdempotentRequest
  answer: (order: Order) => StoredResponse
  by: By
}

/**
 * Another attempt to pay an order, in the phases of a checkout: the attempt is written down with its recovery point, the provider is
 * asked, and what came of it is written with the answer. Whoever repeats a request that died in between finishes it.
 */
export async function payOrder(
  shop: { inMerchant: InMerchant; payments: PaymentDeps },
  { orderId, wish, idempotency, answer, by }: OrderPayment,
): Promise<StoredResponse & { replayed: boolean }> {
  const begun = await shop.inMerchant(async (tx): Promise<(StoredResponse | Submitted) & { replayed: boolean }> => {
    const earlier = await claimIdempotencyKey(tx, idempotency)
    if (earlier && earlier.statusCode !== ANSWER_PENDING) return { ...earlier, replayed: true }
    if (earlier) {
      await takeOverRequest(tx, idempotency)
      const { payment_id: paymentId } = JSON.parse(earlier.body) as { payment_id: string }
      return { orderId, paymentId, replayed: true }
    }
    const started = await startPayment(tx, { orderId, wish }, by)
    await storeRecoveryPoint(tx, idempotency, { point: AUTHORIZE, facts: { id: orderId, payment_id: started.paymentId } })
    crashPoint('checkout.submitting')
    return { ...started, replayed: false }
  })
  if ('statusCode' in begun) return begun
  crashPoint('checkout.submitted')
  return answerPayment(shop, begun, { idempotency, answer, by })
}
