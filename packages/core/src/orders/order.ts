import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import { Refusal } from '../refusal.ts'

export interface OrderLine {
  id: string
  productId: string
  variantId: string
  productTitle: string
  variantTitle: string
  sku: string
  quantity: bigint
  unitPrice: bigint
  subtotal: bigint
  discountTotal: bigint
  taxTotal: bigint
  total: bigint
}

export type PaymentMethod = 'invoice' | 'cash_on_delivery'

/** What an order waits for, or has: the part of a payment that everybody sees. */
export interface Payment {
  id: string
  provider: 'manual'
  method: PaymentMethod
  status: 'pending' | 'captured' | 'voided'
  amount: bigint
}

/** An order with its lines and payments. Amounts in minor units of `currency`. */
export interface Order {
  id: string
  number: bigint
  status: 'placed' | 'cancelled'
  paymentStatus: 'pending' | 'paid'
  fulfillmentStatus: 'unfulfilled' | 'fulfilled'
  currency: string
  email: string
  shippingAddress: Address | null
  billingAddress: Address | null
  subtotal: bigint
  discountTotal: bigint
  shippingTotal: bigint
  taxTotal: bigint
  taxIncluded: boolean
  total: bigint
  placedAt: Date
  lines: OrderLine[]
  payments: Payment[]
}

/** The three statements that read an order; for one flight. */
export function orderQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): [Query, Query, Query] {
  return [
    tx.sql`
      select id, number, status, payment_status as "paymentStatus", fulfillment_status as "fulfillmentStatus", currency, email,
        shipping_address as "shippingAddress", billing_address as "billingAddress", subtotal, discount_total as "discountTotal",
        shipping_total as "shippingTotal", tax_total as "taxTotal", tax_included as "taxIncluded", total, placed_at as "placedAt"
      from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`,
    tx.sql`
      select id, product_id as "productId", variant_id as "variantId", product_title as "productTitle", variant_title as "variantTitle",
        sku, quantity, unit_price as "unitPrice", subtotal, discount_total as "discountTotal", tax_total as "taxTotal", total
      from order_line where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by position`,
    tx.sql`
      select id, provider, method, status, amount from payment where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by id`,
  ]
}

/** The answers of `orderQueries` as an order. Refuses `not_found` when there is none. */
export function toOrder([orders, lines, payments]: readonly unknown[][]): Order {
  const [order] = orders as Omit<Order, 'lines' | 'payments'>[]
  if (!order) throw new Refusal('not_found', { detail: 'There is no such order.' })
  return { ...order, lines: lines as OrderLine[], payments: payments as Payment[] }
}
