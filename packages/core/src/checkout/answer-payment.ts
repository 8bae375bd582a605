import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { concludeRequest, type IdempotentRequest, type StoredResponse, whileHeld } from '../idempotency/idempotency.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import type { PaymentDeps } from '../payments/call-provider.ts'
import type { By } from '../payments/saga.ts'
import { type Question, settlePayment } from '../payments/settle-payment.ts'

export interface PaymentToAnswer {
  orderId: string
  paymentId: string
  /** For whoever has just written it down; another asks what became of it. */
  question?: Question | undefined
  replayed: boolean
}

/**
 * The later phases of a request that pays: the provider is asked, and what came of it is written down together with the answer.
 * Who repeats the request after a crash gets here as well, and the answer that was kept first.
 */
export async function answerPayment(
  shop: { inMerchant: InMerchant; payments?: PaymentDeps },
  { orderId, paymentId, question, replayed }: PaymentToAnswer,
  { idempotency, answer, by }: { idempotency: IdempotentRequest | undefined; answer: (order: Order) => StoredResponse; by: By },
): Promise<StoredResponse & { replayed: boolean }> {
  let answered: StoredResponse | undefined
  const settlement = {
    paymentId,
    ...(question && { question }),
    within: async (tx: Tx) => {
      const response = answer(toOrder(await Promise.all(orderQueries(tx, orderId))))
      crashPoint('checkout.answering')
      answered = idempotency ? await concludeRequest(tx, idempotency, response) : response
    },
  }
  await whileHeld(shop.inMerchant, idempotency, () => settlePayment(shop.inMerchant, shop.payments!, settlement, by))
  crashPoint('checkout.answered')
  return { ...answered!, replayed }
}
