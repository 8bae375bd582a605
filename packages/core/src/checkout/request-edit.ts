import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import {
  ANSWER_PENDING,
  claimIdempotencyKey,
  type IdempotentRequest,
  type StoredResponse,
  storeIdempotentResponse,
  storeRecoveryPoint,
  takeOverRequest,
} from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import type { PaymentWish } from '../payments/payment-wish.ts'
import { startPayment } from '../payments/start-payment.ts'
import { consultTaxes } from '../plugins/consult.ts'
import type { Shop } from '../quote/ask-plugins.ts'
import { answerPayment } from './answer-payment.ts'
import type { SellingShop } from './checkout.ts'
import { type EditPreview, type EditRequest, editOrder, lookAtEdit } from './edit-order.ts'
import type { OrderEdit, TaxAnswer, TaxQuestion } from './edit-pricing.ts'
import { quoteOutdated } from './outdated.ts'
import { AUTHORIZE, type Submitted } from './submit-order.ts'

/**
 * How what an edit leaves outstanding is collected. By hand: staff see to it. From the buyer: who is sent a link to the order, and pays
 * there. With a method the customer has kept: now, and from the buyer if that is declined.
 */
export type Collect = { from: 'hand' } | { from: 'buyer' } | { from: 'saved_method'; wish: PaymentWish }

export interface EditToCollect extends Omit<EditRequest, 'taxed'> {
  collect: Collect
  idempotency: IdempotentRequest | undefined
  answer: (order: Order) => StoredResponse
}

/** How often an edit is priced anew when the order changes while its taxes are being asked. */
const REQUOTES_MAX = 4

/** What an edit would come to; nothing is changed. A plugin that reckons the order's taxes is asked, with no transaction open. */
export async function previewEdit(shop: Shop, wish: { orderId: string; edit: OrderEdit; now: Date }): Promise<EditPreview> {
  const edit = named(wish.edit, wish.now)
  return untilTaxed(shop, (taxed) => shop.inMerchant.read((tx) => lookAtEdit(tx, { ...wish, edit, taxed })))
}

/**
 * Edits an order and collects what is outstanding then, in the phases of a payment: the edit is written in one transaction, with the
 * attempt to charge for it and its recovery point; the provider is asked, and what came of it is written with the answer. The edit
 * holds, whatever comes of the charge. Who repeats a request that died in between finishes it. An order that a plugin taxes is edited
 * only as it was when the plugin was asked: what has changed since is asked anew. Refuses what `editOrder` refuses,
 * `quote_outdated`, and of a charge what `startPayment` refuses.
 */
export async function requestEdit(shop: SellingShop, given: EditToCollect): Promise<StoredResponse & { replayed: boolean }> {
  const request = { ...given, edit: named(given.edit, given.now) }
  const outcome = await untilTaxed(shop, (taxed) => shop.inMerchant((tx) => attempt(tx, request, taxed)))
  if ('statusCode' in outcome) return outcome
  crashPoint('checkout.submitted')
  return answerPayment(shop, outcome, { ...request, by: request })
}

type Attempted = (StoredResponse | Submitted) & { replayed: boolean }

async function attempt(tx: Tx, request: EditToCollect, taxed: TaxAnswer | undefined): Promise<Attempted | TaxQuestion> {
  const { idempotency, orderId } = request
  const earlier = idempotency && (await claimIdempotencyKey(tx, idempotency))
  if (earlier && earlier.statusCode !== ANSWER_PENDING) return { ...earlier, replayed: true }
  if (earlier) {
    await takeOverRequest(tx, idempotency!)
    const { payment_id: paymentId } = JSON.parse(earlier.body) as { payment_id: string }
    return { orderId, paymentId, replayed: true }
  }
  const edited = await editOrder(tx, { ...request, taxed })
  if ('untaxed' in edited) return edited
  const started = edited.outstanding > 0n ? await collect(tx, request, edited.outstanding) : undefined
  if (started) {
    if (idempotency) await storeRecoveryPoint(tx, idempotency, { point: AUTHORIZE, facts: { id: orderId, payment_id: started.paymentId } })
    crashPoint('checkout.submitting')
    return { ...started, replayed: false }
  }
  const response = request.answer(toOrder(await Promise.all(orderQueries(tx, orderId))))
  if (idempotency) await storeIdempotentResponse(tx, idempotency, response)
  return { ...response, replayed: false }
}

/** Answers the attempt to charge, if there is one. */
async function collect(tx: Tx, { orderId, collect: how, actor, now }: EditToCollect, amount: bigint): Promise<Submitted | undefined> {
  if (how.from === 'saved_method') {
    return startPayment(tx, { orderId, wish: { ...how.wish, offSession: true }, elseAsksBuyer: true }, { actor, now })
  }
  if (how.from === 'buyer') await recordOrderEvent(tx, await holdOrder(tx, orderId), { type: 'payment.requested', amount }, { actor, now })
  return undefined
}

/** Tries until no question about taxes is left open, and asks those there are with nothing open. */
async function untilTaxed<Answer extends object>(
  shop: Shop,
  tryOnce: (taxed: TaxAnswer | undefined) => Promise<Answer | TaxQuestion>,
): Promise<Answer> {
  let taxed: TaxAnswer | undefined
  for (let tries = 0; tries <= REQUOTES_MAX; tries++) {
    const outcome = await tryOnce(taxed)
    if (!('untaxed' in outcome)) return outcome
    taxed = await ask(shop, outcome)
    crashPoint('checkout.quoted')
  }
  throw quoteOutdated()
}

/** A plugin that is not there any more leaves the taxes to the shop's own table. */
async function ask({ inMerchant, plugins: runtime }: Shop, { of, untaxed, rules, installs }: TaxQuestion): Promise<TaxAnswer> {
  if (!runtime) return { of, taxes: null, notes: [] }
  return { of, ...(await consultTaxes({ runtime, inMerchant, installs, rules, moment: 'checkout' }, untaxed)) }
}

/** Lines that are added keep their names however often the edit is tried. */
function named(edit: OrderEdit, now: Date): OrderEdit {
  return { ...edit, added: edit.added.map((line) => ({ ...line, lineId: newId(now) })) }
}
