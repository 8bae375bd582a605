import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { Refusal } from '../refusal.ts'
import { holdPayment, INSIDE_PROVIDERS, type OperationDetail, type PaymentRow } from './payment.ts'

export interface OperationWish {
  paymentId: string
  kind: 'capture' | 'void' | 'refund'
  amount: bigint
  /** When it is not the payment's: what a provider took by mistake. */
  currency?: string
  /** The refund this is a part of. */
  refundId?: string
  detail?: OperationDetail
  actor: Actor
  now: Date
}

/**
 * Writes down that a provider is to be asked for something, and the job that asks. Call it with the order held. Its id is
 * the provider's idempotency key. Refuses `invalid_state` for a payment that is not there for it, `amount_out_of_range` for
 * nothing, and `capture_exceeds_authorization` and `refund_exceeds_capture` for more than is left: what was asked for before
 * and is not settled counts.
 */
export async function requestOperation(tx: Tx, wish: OperationWish): Promise<{ operationId: string }> {
  const payment = await holdPayment(tx, wish.paymentId)
  if (INSIDE_PROVIDERS.has(payment.provider)) throw notFor(payment, `A payment by ${payment.provider} asks no provider.`)
  if (wish.amount <= 0n) throw new Refusal('amount_out_of_range', { detail: 'There is nothing to ask for.' })
  if (!wish.detail?.unbooked) assertLeft(payment, wish, await asked(tx, payment.id))
  const operationId = newId(wish.now)
  await Promise.all([
    tx.sql`
      insert into payment_operation (merchant_id, id, payment_id, order_id, kind, amount, currency, refund_id, detail, requested_by, requested_at)
      values (${tx.merchantId}, ${operationId}, ${payment.id}, ${payment.orderId}, ${wish.kind}, ${wish.amount}, ${wish.currency ?? payment.currency},
        ${wish.refundId ?? null}, ${JSON.stringify(wish.detail ?? {})}::jsonb, ${JSON.stringify(wish.actor)}::jsonb, ${wish.now})`,
    enqueue(tx, 'settle_operation', { operationId }, { key: operationId }),
  ])
  return { operationId }
}

interface Asked {
  captures: bigint
  voids: bigint
  refunds: bigint
}

/** What providers were asked for and have not answered, in minor units. */
export async function asked(tx: Tx, paymentId: string): Promise<Asked> {
  const [row] = await tx.sql<Asked[]>`
    select coalesce(sum(amount) filter (where kind = 'capture'), 0)::bigint as captures,
      coalesce(sum(amount) filter (where kind = 'void'), 0)::bigint as voids,
      coalesce(sum(amount) filter (where kind = 'refund'), 0)::bigint as refunds
    from payment_operation
    where merchant_id = ${tx.merchantId} and payment_id = ${paymentId} and status in ('pending', 'review') and not detail ? 'unbooked'`
  return row!
}

function assertLeft(payment: PaymentRow, { kind, amount }: OperationWish, { captures, voids, refunds }: Asked): void {
  if (kind === 'refund') {
    if (amount <= payment.capturedAmount - payment.refundedAmount - refunds) return
    throw new Refusal('refund_exceeds_capture', { detail: 'More would be refunded than was captured.' })
  }
  const open = payment.status === 'authorized' || payment.status === 'part_captured'
  if (kind === 'void' && payment.status === 'requires_action') return
  if (!open || voids > 0n) throw notFor(payment, `The payment is ${voids > 0n ? 'being voided' : payment.status}.`)
  if (kind === 'void' && captures > 0n) throw notFor(payment, 'A capture is under way.')
  if (amount <= payment.authorizedAmount - payment.capturedAmount - captures) return
  throw new Refusal('capture_exceeds_authorization', { detail: 'More would be taken than is authorized.' })
}

function notFor(payment: PaymentRow, detail: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: payment.status } })
}
