import type { Tx } from '@souk/tenant-router/tx.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import type { PaymentState } from '../orders/order-payment.ts'
import { type OperationRow, operationColumns, type PaymentRow, paymentColumns } from './payment.ts'

export interface PaymentFilter {
  status?: PaymentState | undefined
  provider?: string | undefined
  orderId?: string | undefined
}

/** Payments, the newest first. */
export async function listPayments(
  tx: Tx,
  keys: TokenKeys,
  { status, provider, orderId }: PaymentFilter,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ payments: PaymentRow[]; nextCursor: string | null }> {
  const scope = { merchantId: tx.merchantId, query: `payments|${status ?? ''}|${provider ?? ''}|${orderId ?? ''}` }
  const [after = null] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = (await tx.sql`
    select ${paymentColumns(tx)} from payment p
    where p.merchant_id = ${tx.merchantId} and (${after}::uuid is null or p.id < ${after}::uuid)
      and (${status ?? null}::text is null or p.status = ${status ?? null}::text)
      and (${provider ?? null}::text is null or p.provider = ${provider ?? null}::text)
      and (${orderId ?? null}::uuid is null or p.order_id = ${orderId ?? null}::uuid)
    order by p.id desc limit ${page.limit + 1}`) as unknown as PaymentRow[]
  const payments = rows.slice(0, page.limit)
  return { payments, nextCursor: rows.length > page.limit ? sealCursor(keys, scope, [payments.at(-1)!.id]) : null }
}

/** Everything that was asked of a provider about a payment, the first first. */
export async function listOperations(tx: Tx, paymentId: string): Promise<OperationRow[]> {
  return (await tx.sql`
    select ${operationColumns(tx)} from payment_operation o
    where o.merchant_id = ${tx.merchantId} and o.payment_id = ${paymentId} order by o.requested_at, o.id`) as unknown as OperationRow[]
}
