import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { type Account, clearing, giftCard, storeCredit } from '../ledger/accounts.ts'
import { journalOfRefund } from '../ledger/journals-of-payments.ts'
import { type HeldOrder, holdOrder, readOrderState } from '../orders/hold-order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { INSIDE_PROVIDERS } from '../payments/payment.ts'
import { requestOperation } from '../payments/request-operation.ts'
import { Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { type PaymentLeft, planRefund, type RefundPlan } from './plan-refund.ts'
import { type Refund, refundById } from './refund.ts'
import { nameOf, type RefundableOrder, readRefundable } from './refundable.ts'

export const REFUND_REASON_BYTES_MAX = 1_000

/** What is to go back: pieces of lines and a part of the shipping by their stored shares, or an amount. */
export interface RefundWish {
  orderId: string
  lines: readonly { lineId: string; quantity: bigint }[]
  /** Minor units of what the shipping was charged, tax in it. */
  shipping: bigint
  /** Alone: that amount, or all that is left. With lines or shipping: no more than that of their shares; the rest is kept. */
  amount?: bigint | 'rest' | undefined
  /** Those that the caller named, and where. */
  currencies?: readonly { pointer: string; currency: string }[] | undefined
  to: 'original' | 'store_credit'
}

export interface RefundRequest extends RefundWish {
  /** The edit whose excess it gives back. */
  editId?: string | undefined
  reason: string
  actor: Actor
  now: Date
}

/**
 * Gives money of an order back, in the transaction of whoever asks. What goes to cards and wallets is asked of the provider
 * afterwards; everything else is done when this is committed: cash that staff hand back, gift cards, store credit. Refunds of an
 * order wait for each other, so that together they never come to more than was captured.
 *
 * Refuses `not_found`, `invalid_state` for an order that nothing was paid for, `currency_mismatch`, `refund_exceeds_capture`, and
 * what `planRefund` refuses.
 */
export async function refundOrder(tx: Tx, request: RefundRequest): Promise<Refund> {
  return refundHeld(tx, await holdOrder(tx, request.orderId), request)
}

/** As refundOrder, for whoever holds the order already: `held` has its new state afterwards. */
export async function refundHeld(tx: Tx, held: HeldOrder, request: Omit<RefundRequest, 'orderId'>): Promise<Refund> {
  const reason = requireProse('/reason', request.reason, REFUND_REASON_BYTES_MAX)
  assertRefundable(held, request)
  const order = await readRefundable(tx, held.id)
  const plan = planned(order, request)
  const refund: NewRefund = { ...plan, id: newId(request.now), held, request: { ...request, reason }, lineIds: lineIdsOf(order) }
  const operations = await askProviders(tx, refund)
  crashPoint('refund.asked')
  await Promise.all([...write(tx, refund, operations), ...settleInside(tx, refund), audited(tx, refund)])
  await recordOrderEvents(tx, held, eventsOf(refund), request)
  crashPoint('refund.recorded')
  return refundById(tx, refund.id)
}

/** Gives back all that is left of an order that is held: nothing, if nothing was paid, all has gone back, or a dispute has it. */
export async function refundRest(
  tx: Tx,
  held: HeldOrder,
  why: Pick<RefundRequest, 'reason' | 'actor' | 'now'>,
): Promise<Refund | undefined> {
  if (held.state.captured === 0n) return undefined
  const { amount } = await readRefundable(tx, held.id)
  return amount > 0n ? refundHeld(tx, held, { lines: [], shipping: 0n, amount: 'rest', to: 'original', ...why }) : undefined
}

/** What such a refund would come to now; nothing is written. Refuses what `refundOrder` refuses. */
export async function previewRefund(tx: Tx, wish: RefundWish): Promise<RefundPlan & { currency: string; left: bigint }> {
  const seen = await readOrderState(tx, wish.orderId)
  assertRefundable(seen, wish)
  const order = await readRefundable(tx, seen.id)
  const plan = planned(order, wish)
  const lineIds = lineIdsOf(order)
  const lines = plan.lines.map((line) => ({ ...line, lineId: lineIds.get(line.lineId)! }))
  return { ...plan, lines, currency: seen.state.currency, left: order.amount - plan.amount }
}

interface NewRefund extends RefundPlan {
  id: string
  held: HeldOrder
  request: Omit<RefundRequest, 'orderId'>
  /** From a name among the shares to the order's line. */
  lineIds: ReadonlyMap<string, string>
}

function assertRefundable({ customerId, state }: HeldOrder, { currencies = [], to }: Pick<RefundWish, 'currencies' | 'to'>): void {
  const errors = currencies
    .filter(({ currency }) => currency !== state.currency)
    .map(({ pointer }) => ({ pointer, code: 'currency_mismatch' }))
  if (errors.length > 0) throw new Refusal('currency_mismatch', { detail: `The order was paid in ${state.currency}.`, errors })
  if (state.captured === 0n)
    throw new Refusal('invalid_state', {
      detail: 'Nothing has been paid for the order.',
      extra: { current_state: state.paymentStatus },
    })
  if (to === 'store_credit' && customerId === null)
    throw new Refusal('invalid_state', { detail: 'A guest has no store credit.', extra: { current_state: 'guest' } })
}

function planned(order: RefundableOrder, { lines, shipping, amount }: Omit<RefundWish, 'orderId'>): RefundPlan {
  const named = lines.map(({ lineId, quantity }, index) => ({ lineId: nameOf(order, lineId, index), quantity }))
  return planRefund(order, { lines: named, shipping, amount })
}

function lineIdsOf({ names }: RefundableOrder): ReadonlyMap<string, string> {
  return new Map([...names].map(([id, name]) => [name, id]))
}

/** The payments' own operations, by payment. A payment that is settled in here has none, nor has store credit that is granted. */
async function askProviders(tx: Tx, refund: NewRefund): Promise<ReadonlyMap<string, string>> {
  const { actor, now } = refund.request
  const operations = new Map<string, string>()
  for (const { payment, amount, tax } of outsideParts(refund)) {
    const { editId } = refund.request
    const detail = { refund: { ...saidOnce(refund, payment), tax: Number(tax), ...(editId !== undefined && { editId }) } }
    const { operationId } = await requestOperation(tx, {
      paymentId: payment.id,
      kind: 'refund',
      amount,
      refundId: refund.id,
      detail,
      actor,
      now,
    })
    operations.set(payment.id, operationId)
  }
  return operations
}

/** Lines and shipping are told with the first part of a refund only, so that whoever adds up events counts them once. */
function saidOnce(refund: NewRefund, payment: PaymentLeft): { lines: { lineId: string; quantity: number }[]; shipping: number } {
  if (refund.parts[0]?.payment.id !== payment.id) return { lines: [], shipping: 0 }
  const lines = refund.lines.map(({ lineId, quantity }) => ({ lineId: refund.lineIds.get(lineId)!, quantity: Number(quantity) }))
  return { lines, shipping: Number(refund.shipping.amount) }
}

function outsideParts({ request, parts }: NewRefund): RefundPlan['parts'] {
  return request.to === 'store_credit' ? [] : parts.filter(({ payment }) => !INSIDE_PROVIDERS.has(payment.provider))
}

function insideParts({ request, parts }: NewRefund): RefundPlan['parts'] {
  return request.to === 'store_credit' ? [] : parts.filter(({ payment }) => INSIDE_PROVIDERS.has(payment.provider))
}

function write(tx: Tx, refund: NewRefund, operations: ReadonlyMap<string, string>): Query[] {
  const { id, held, request, lineIds } = refund
  const lines = refund.lines.map(({ lineId, quantity, amount, tax }) => ({
    line: lineIds.get(lineId)!,
    quantity: Number(quantity),
    amount: Number(amount),
    tax: Number(tax),
  }))
  const parts = [...outsideParts(refund), ...insideParts(refund)].map(({ payment, amount, tax }) => ({
    payment: payment.id,
    amount: Number(amount),
    tax: Number(tax),
    operation: operations.get(payment.id) ?? null,
  }))
  const insert = tx.sql`
    insert into refund (merchant_id, id, order_id, destination, customer_id, currency, amount, tax, shipping, shipping_tax, withheld, reason,
      actor, created_at, edit_id)
    values (${tx.merchantId}, ${id}, ${held.id}, ${request.to}, ${held.customerId}::uuid, ${held.state.currency}, ${refund.amount},
      ${refund.tax}, ${refund.shipping.amount}, ${refund.shipping.tax}, ${refund.withheld}, ${request.reason},
      ${JSON.stringify(request.actor)}::jsonb, ${request.now}, ${request.editId ?? null}::uuid)`
  return [
    insert,
    tx.sql`
      insert into refund_line (merchant_id, refund_id, order_line_id, quantity, amount, tax)
      select ${tx.merchantId}::uuid, ${id}::uuid, line, quantity, amount, tax
      from jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) as l (line uuid, quantity bigint, amount bigint, tax bigint)`,
    tx.sql`
      insert into refund_part (merchant_id, refund_id, payment_id, amount, tax, operation_id)
      select ${tx.merchantId}::uuid, ${id}::uuid, payment, amount, tax, operation
      from jsonb_to_recordset(${JSON.stringify(parts)}::jsonb) as p (payment uuid, amount bigint, tax bigint, operation uuid)`,
  ]
}

/** What needs nobody outside: payments are emptied and journals written. Accounts are moved in the order of their names. */
function settleInside(tx: Tx, refund: NewRefund): Query[] {
  const { id, held, request, amount, tax } = refund
  const about = { orderId: held.id, currency: held.state.currency, actor: request.actor, now: request.now }
  if (request.to === 'store_credit')
    return [journalOfRefund(tx, { ...about, key: `refund:${id}`, paymentId: null, amount, tax, to: storeCredit(held.customerId!) })]
  const parts = insideParts(refund).map((part) => ({ ...part, to: accountOf(part.payment) }))
  return [
    ...parts.map(
      ({ payment, amount }) => tx.sql`
        update payment set refunded_amount = refunded_amount + ${amount}, updated_at = ${request.now}
        where merchant_id = ${tx.merchantId} and id = ${payment.id}`,
    ),
    ...parts
      .sort((one, other) => (one.to.code < other.to.code ? -1 : 1))
      .map(({ payment, amount, tax, to }) =>
        journalOfRefund(tx, { ...about, key: `refund:${id}:${payment.id}`, paymentId: payment.id, amount, tax, to }),
      ),
  ]
}

/** Where the money of a payment came from, and goes back to. */
function accountOf({ id, provider, sourceId }: PaymentLeft): Account {
  if (provider === 'manual') return clearing(provider)
  if (sourceId === null) throw new Error(`the payment ${id} does not say what it was paid from`)
  return provider === 'gift_card' ? giftCard(sourceId) : storeCredit(sourceId)
}

/** What has happened by now. The parts that providers were asked for are told when they have answered. */
function eventsOf(refund: NewRefund): OrderEvent[] {
  const { id, request, parts } = refund
  const { editId } = request
  const about = { type: 'refund.issued', refundId: id, to: request.to, ...(editId !== undefined && { editId }) } as const
  const lines = refund.lines.map(({ lineId, quantity }) => ({ lineId: refund.lineIds.get(lineId)!, quantity }))
  if (request.to === 'store_credit') return [{ ...about, paymentId: null, amount: refund.amount, lines, shipping: refund.shipping.amount }]
  return insideParts(refund).map(({ payment, amount }) => {
    const isFirst = parts[0] !== undefined && parts[0].payment.id === payment.id
    const said = isFirst ? { lines, shipping: refund.shipping.amount } : { lines: [], shipping: 0n }
    return { ...about, ...said, paymentId: payment.id, amount }
  })
}

function audited(tx: Tx, { id, held, request, amount, tax }: NewRefund): Query {
  return recordAudit(tx, {
    action: 'refund.requested',
    targetType: 'order',
    targetId: held.id,
    before: { captured: held.state.captured, refunded: held.state.refunded },
    after: { refund_id: id, amount, tax, currency: held.state.currency, to: request.to },
    reason: request.reason,
    actor: request.actor,
    now: request.now,
  })
}
