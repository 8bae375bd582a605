import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { readVatId } from '../taxes/vat-id.ts'

/** What a price depends on of whoever buys. Without an account only `ordered_before` says anything. */
export interface BuyerRow {
  customer_id: string | null
  tax_exempt: boolean | null
  customer_vat_id: string | null
  customer_vat_id_valid: boolean | null
  orders_count: bigint | null
  total_spent: bigint | null
  last_order_at: Date | null
  /** Handles. */
  groups: string[] | null
  /** Null while no e-mail address is known, or where it was not asked. */
  ordered_before: boolean | null
}

/**
 * The columns of BuyerRow, for a statement that calls `c` what has customer_id and email, and joins `buyerJoin` to it. Whether
 * the address has ordered before is a look at another table, and asked only where somebody wants to know.
 */
export function buyerColumns(tx: Pick<Tx, 'merchantId' | 'sql'>, { history }: { history: boolean }): Query {
  const orderedBefore = history
    ? tx.sql`
      case when c.email is not null then exists (
        select from orders o where o.merchant_id = ${tx.merchantId} and o.email = c.email and o.status <> 'cancelled'
      ) end`
    : tx.sql`null::boolean`
  return tx.sql`
    u.id as customer_id, u.tax_exempt, u.vat_id as customer_vat_id, u.vat_id_valid as customer_vat_id_valid, u.orders_count, u.total_spent,
    u.last_order_at, u.groups, ${orderedBefore} as ordered_before`
}

/** Whether there is an order of this address that was not cancelled. */
export async function orderedBefore(tx: Tx, email: string): Promise<boolean> {
  const rows = await tx.sql`
    select id from orders where merchant_id = ${tx.merchantId} and email = ${email} and status <> 'cancelled' limit 1`
  return rows.length > 0
}

export function buyerJoin(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`left join customer u on u.merchant_id = ${tx.merchantId} and u.id = c.customer_id`
}

/** The account of a buyer, as prices see it; null for a guest. */
export function toCustomer(row: BuyerRow): PricingInput['customer'] {
  if (row.customer_id === null) return null
  const vatId = row.customer_vat_id === null ? undefined : readVatId(row.customer_vat_id)
  return {
    id: row.customer_id,
    groups: row.groups ?? [],
    ordersCount: row.orders_count ?? 0n,
    totalSpent: row.total_spent ?? 0n,
    lastOrderAt: row.last_order_at?.toISOString() ?? null,
    taxExempt: row.tax_exempt ?? false,
    vatId: vatId ? { ...vatId, valid: row.customer_vat_id_valid ?? false } : null,
  }
}

/** Whether an order now would be the buyer's first. An e-mail address counts against it, typed by anybody, and never for it. */
export function isFirstOrder(row: BuyerRow): boolean | null {
  if (row.customer_id === null && row.ordered_before === null) return null
  return !(row.ordered_before ?? false) && (row.orders_count ?? 0n) === 0n
}

/**
 * A VAT id that came with the cart. It is valid when staff have checked it as this customer's; for a merchant who takes
 * `well_formed` ones, when its form and check digits are right.
 */
export function toVatId(text: string | null, row: BuyerRow, accepted: 'checked' | 'well_formed'): PricingInput['vatId'] {
  const vatId = text === null ? undefined : readVatId(text)
  if (!vatId) return null
  const own = row.customer_vat_id === null ? undefined : readVatId(row.customer_vat_id)
  const checked = row.customer_vat_id_valid === true && own?.number === vatId.number
  return { country: vatId.country, number: vatId.number, valid: checked || (accepted === 'well_formed' && vatId.valid) }
}
