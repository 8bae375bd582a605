import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'

/** pending: a provider has still to answer. part_failed: one of several has refused; what it was to give can be refunded again. */
export const REFUND_STATUSES = ['pending', 'issued', 'part_failed', 'failed'] as const
export type RefundStatus = (typeof REFUND_STATUSES)[number]

/** A refund of an order. Amounts in minor units. */
export interface Refund {
  id: string
  orderId: string
  to: 'original' | 'store_credit'
  status: RefundStatus
  currency: string
  amount: bigint
  /** The tax in it. */
  tax: bigint
  shipping: bigint
  shippingTax: bigint
  /** What the lines and the shipping were charged beyond the amount. */
  withheld: bigint
  reason: string
  createdAt: Date
  lines: { lineId: string; quantity: bigint; amount: bigint; tax: bigint }[]
  /** Out of which payments; none of a refund to store credit. */
  parts: RefundPart[]
}

export interface RefundPart {
  paymentId: string
  provider: string
  amount: bigint
  status: 'pending' | 'issued' | 'failed'
}

type Scope = Pick<Tx, 'merchantId' | 'sql'>

/** A refund. Refuses `not_found`, also when it is of another order than the one named. */
export async function refundById(tx: Tx, refundId: string, orderId?: string): Promise<Refund> {
  const [found] = toRefunds(await Promise.all(refundQueries(tx, tx.sql`r.id = ${refundId}`)))
  if (!found || (orderId !== undefined && found.orderId !== orderId)) throw new Refusal('not_found', { detail: 'There is no such refund.' })
  return found
}

/** The refunds of an order in the order in which they were asked for. Of an order that is not there, none. */
export async function refundsOf(tx: Tx, orderId: string): Promise<Refund[]> {
  return toRefunds(await Promise.all(refundQueries(tx, tx.sql`r.order_id = ${orderId}`)))
}

function refundQueries(tx: Scope, which: Query): [Query, Query, Query] {
  return [
    tx.sql`
      select r.id, r.order_id as "orderId", r.destination as "to", r.currency, r.amount, r.tax, r.shipping, r.shipping_tax as "shippingTax",
        r.withheld, r.reason, r.created_at as "createdAt"
      from refund r where r.merchant_id = ${tx.merchantId} and ${which} order by r.id`,
    tx.sql`
      select l.refund_id as "refundId", l.order_line_id as "lineId", l.quantity, l.amount, l.tax
      from refund r join refund_line l on l.merchant_id = ${tx.merchantId} and l.refund_id = r.id
      where r.merchant_id = ${tx.merchantId} and ${which} order by l.refund_id, l.order_line_id`,
    tx.sql`
      select p.refund_id as "refundId", p.payment_id as "paymentId", y.provider, p.amount,
        case o.status when 'failed' then 'failed' when 'pending' then 'pending' when 'review' then 'pending' else 'issued' end as status
      from refund r
        join refund_part p on p.merchant_id = ${tx.merchantId} and p.refund_id = r.id
        join payment y on y.merchant_id = ${tx.merchantId} and y.id = p.payment_id
        left join payment_operation o on o.merchant_id = ${tx.merchantId} and o.id = p.operation_id
      where r.merchant_id = ${tx.merchantId} and ${which} order by p.refund_id, p.payment_id`,
  ]
}

type OfRefund<Row> = Row & { refundId: string }

function toRefunds([refunds, lines, parts]: readonly unknown[][]): Refund[] {
  return (refunds as Omit<Refund, 'lines' | 'parts' | 'status'>[]).map((refund) => {
    const own = partsOf(parts as OfRefund<RefundPart>[], refund.id)
    return {
      ...refund,
      status: statusOf(own),
      lines: (lines as OfRefund<Refund['lines'][number]>[])
        .filter(({ refundId }) => refundId === refund.id)
        .map(({ refundId: _, ...line }) => line),
      parts: own,
    }
  })
}

function partsOf(parts: readonly OfRefund<RefundPart>[], id: string): RefundPart[] {
  return parts.filter(({ refundId }) => refundId === id).map(({ refundId: _, ...part }) => part)
}

function statusOf(parts: readonly RefundPart[]): RefundStatus {
  if (parts.some(({ status }) => status === 'pending')) return 'pending'
  const failed = parts.filter(({ status }) => status === 'failed').length
  if (failed === 0) return 'issued'
  return failed === parts.length ? 'failed' : 'part_failed'
}
