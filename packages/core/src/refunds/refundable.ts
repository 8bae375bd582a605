import type { Tx } from '@souk/tenant-router/tx.ts'
import { TAX_PAYABLE } from '../ledger/accounts.ts'
import { readCharged } from '../pricing/read-charged.ts'
import { Refusal } from '../refusal.ts'
import type { PaymentLeft, Refundable } from './plan-refund.ts'

/** What can be given back of an order, and how its lines are called in the shares. */
export interface RefundableOrder extends Refundable {
  /** From the id of an order's line to its name among the shares. */
  names: ReadonlyMap<string, string>
}

interface LineRow {
  id: string
  name: string | null
  refunded: bigint
  /** For those pieces, by the price they had then; and the tax in it. */
  amount: bigint
  tax: bigint
}

interface SumsRow {
  shipping: bigint
  to_credit: bigint
  tax: bigint
  pricing_result: unknown
}

/**
 * Everything a refund is made from, in one flight. For one that is then written, call it with the order held: refunds wait for
 * each other there. What a provider was asked for and has not refused counts as refunded.
 */
export async function readRefundable(tx: Tx, orderId: string): Promise<RefundableOrder> {
  const [payments, lines, [sums]] = await Promise.all([paymentsLeft(tx, orderId), lineRows(tx, orderId), sumRows(tx, orderId)])
  if (!sums) throw new Error(`the order ${orderId} is gone`)
  const charged = readCharged(sums.pricing_result)
  // Lines of the first orders were not named: they stand in the order of the shares.
  const names = new Map(lines.map(({ id, name }, index) => [id, name ?? charged.lines[index]?.id ?? id]))
  const before = lines
    .filter(({ refunded }) => refunded > 0n)
    .map(({ id, refunded, amount, tax }) => ({ lineId: names.get(id)!, quantity: refunded, amount, tax }))
  const left = payments.reduce((sum, payment) => sum + payment.left, 0n)
  return {
    charged,
    names,
    before: { lines: before, shipping: sums.shipping },
    amount: left - sums.to_credit,
    tax: sums.tax,
    payments,
  }
}

/** The name of an order's line among the shares. Refuses `not_found`, at its place in the request. */
export function nameOf(order: Pick<RefundableOrder, 'names'>, lineId: string, index: number): string {
  const name = order.names.get(lineId)
  if (name !== undefined) return name
  throw new Refusal('not_found', {
    detail: 'The order has no such line.',
    errors: [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }],
  })
}

/** How many pieces of each line were refunded, or are asked to be: by the line's id. */
export async function refundedPieces(tx: Tx, orderId: string): Promise<ReadonlyMap<string, bigint>> {
  return new Map((await lineRows(tx, orderId)).map(({ id, refunded }) => [id, refunded]))
}

/** What is left of each payment: captured, less what went back or is on its way, and less what a dispute has taken. */
function paymentsLeft(tx: Tx, orderId: string) {
  return tx.sql<PaymentLeft[]>`
    select p.id, p.provider, p.source_id as "sourceId", greatest(p.captured_amount - p.refunded_amount - asked.amount - disputed.amount, 0) as left
    from payment p
      cross join lateral (
        select coalesce(sum(o.amount), 0)::bigint as amount from payment_operation o
        where o.merchant_id = ${tx.merchantId} and o.payment_id = p.id and o.kind = 'refund' and o.status in ('pending', 'review')
          and not o.detail ? 'unbooked'
      ) asked
      cross join lateral (
        select coalesce(sum(d.amount), 0)::bigint as amount from dispute d
        where d.merchant_id = ${tx.merchantId} and d.payment_id = p.id and d.status in ('opened', 'lost')
      ) disputed
    where p.merchant_id = ${tx.merchantId} and p.order_id = ${orderId} and p.captured_amount > 0`
}

/** A refund that no payment gave anything for is as if it had never been. */
function lineRows(tx: Tx, orderId: string) {
  return tx.sql<LineRow[]>`
    select l.id, l.pricing_line_id as name, coalesce(gone.quantity, 0)::bigint as refunded, coalesce(gone.amount, 0)::bigint as amount,
      coalesce(gone.tax, 0)::bigint as tax
    from order_line l
      left join lateral (
        select sum(r.quantity) as quantity, sum(r.amount) as amount, sum(r.tax) as tax
        from refund_line r
        where r.merchant_id = ${tx.merchantId} and r.order_line_id = l.id and ${counts(tx, tx.sql`r.refund_id`)}
      ) gone on true
    where l.merchant_id = ${tx.merchantId} and l.order_id = ${orderId} order by l.position`
}

/** Tax: what the books say was taken for the order and not given back, less what is on its way. */
function sumRows(tx: Tx, orderId: string) {
  return tx.sql<SumsRow[]>`
    select o.pricing_result, given.shipping, given.to_credit, greatest(booked.tax - asked.tax, 0)::bigint as tax
    from orders o
      cross join lateral (
        select coalesce(sum(r.shipping), 0)::bigint as shipping,
          coalesce(sum(r.amount) filter (where r.destination = 'store_credit'), 0)::bigint as to_credit
        from refund r where r.merchant_id = ${tx.merchantId} and r.order_id = o.id and ${counts(tx, tx.sql`r.id`)}
      ) given
      cross join lateral (
        select coalesce(-sum(e.amount), 0)::bigint as tax
        from journal j join ledger_entry e on e.merchant_id = ${tx.merchantId} and e.journal_id = j.id
        where j.merchant_id = ${tx.merchantId} and j.order_id = o.id and e.account = ${TAX_PAYABLE.code}
      ) booked
      cross join lateral (
        select coalesce(sum(p.tax), 0)::bigint as tax
        from refund r
          join refund_part p on p.merchant_id = ${tx.merchantId} and p.refund_id = r.id
          join payment_operation a on a.merchant_id = ${tx.merchantId} and a.id = p.operation_id and a.status in ('pending', 'review')
        where r.merchant_id = ${tx.merchantId} and r.order_id = o.id
      ) asked
    where o.merchant_id = ${tx.merchantId} and o.id = ${orderId}`
}

function counts(tx: Tx, refundId: ReturnType<Tx['sql']>) {
  return tx.sql`
    (not exists (select from refund_part p where p.merchant_id = ${tx.merchantId} and p.refund_id = ${refundId})
      or exists (
        select from refund_part p left join payment_operation a on a.merchant_id = ${tx.merchantId} and a.id = p.operation_id
        where p.merchant_id = ${tx.merchantId} and p.refund_id = ${refundId} and a.status is distinct from 'failed'))`
}
