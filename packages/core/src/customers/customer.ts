import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'

export interface CustomerGroup {
  id: string
  /** What rules call it. Never changes. */
  handle: string
  name: string
}

/** Somebody the merchant knows. Amounts in minor units of the merchant's currency. */
export interface Customer {
  id: string
  /** In the form addresses are compared in. */
  email: string
  name: string
  /** BCP 47: de-AT. */
  locale: string | null
  taxExempt: boolean
  vatId: string | null
  /** Staff have checked that the VAT id is the customer's. */
  vatIdValid: boolean
  groups: CustomerGroup[]
  /** Orders placed and not cancelled, what they came to, and when the last one was placed. */
  ordersCount: bigint
  totalSpent: bigint
  lastOrderAt: Date | null
  /** Of the merchant: amounts are in it. */
  currency: string
  version: bigint
  createdAt: Date
  updatedAt: Date
}

/** The statement that reads customers by id, in the order of their ids; `toCustomers` takes its answer. */
export function customersById(tx: Pick<Tx, 'merchantId' | 'sql'>, ids: readonly string[]): Query {
  return tx.sql`
    select c.id, c.email, c.name, c.locale, c.tax_exempt as "taxExempt", c.vat_id as "vatId", c.vat_id_valid as "vatIdValid",
      c.orders_count as "ordersCount", c.total_spent as "totalSpent", c.last_order_at as "lastOrderAt", s.currency, c.version,
      c.created_at as "createdAt", c.updated_at as "updatedAt",
      coalesce((
        select json_agg(json_build_object('id', g.id, 'handle', g.handle, 'name', g.name) order by g.handle)
        from customer_group_member m join customer_group g on g.merchant_id = ${tx.merchantId} and g.id = m.group_id
        where m.merchant_id = ${tx.merchantId} and m.customer_id = c.id
      ), '[]') as groups
    from customer c join merchant_settings s on s.merchant_id = ${tx.merchantId}
    where c.merchant_id = ${tx.merchantId} and c.id = any(${ids as string[]}::uuid[])
    order by c.id`
}

export function toCustomers(rows: readonly unknown[]): Customer[] {
  return rows as Customer[]
}

/** A customer. Refuses `not_found`. */
export async function getCustomer(tx: Tx, customerId: string): Promise<Customer> {
  const [customer] = toCustomers(await customersById(tx, [customerId]))
  if (!customer) throw noCustomer()
  return customer
}

export function noCustomer(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such customer.' })
}
