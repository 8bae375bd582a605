import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import type { Adjustment, CouponOutcome, PricedCart, PricedShipping, Share } from '../pricing/priced-cart.ts'
import { Refusal } from '../refusal.ts'
import type { OrderContent, PaymentFacts } from './order-event.ts'
import type { Payment } from './order-payment.ts'
import type { FulfillmentStatus, OrderPaymentStatus, OrderStatus } from './order-state.ts'

export interface OrderLine {
  id: string
  productId: string
  variantId: string
  productTitle: string
  variantTitle: string
  sku: string
  quantity: bigint
  /** Of the quantity: what has left the house, arrived and come back. */
  fulfilled: bigint
  delivered: bigint
  returned: bigint
  unitPrice: bigint
  subtotal: bigint
  discountTotal: bigint
  taxTotal: bigint
  total: bigint
  /** A gift was added by a promotion, and costs nothing. */
  kind: 'item' | 'gift'
  /** Its name among the shares of `adjustments`; null on orders from before there were any. */
  pricingLineId: string | null
}

/** How an order came to its total, as it was stored with it. */
export interface OrderPricing {
  /** The hash of the pricing version; null on orders from before there were any. */
  version: string | null
  shipping: PricedShipping | null
  adjustments: Adjustment[]
  taxTreatment: PricedCart['taxTreatment'] | null
  coupons: CouponOutcome[]
  notes: PricedCart['notes']
}

/** An order with its lines and payments. Amounts in minor units of `currency`. */
export interface Order {
  id: string
  number: bigint
  status: OrderStatus
  paymentStatus: OrderPaymentStatus
  fulfillmentStatus: FulfillmentStatus
  currency: string
  channel: string
  email: string
  customerId: string | null
  shippingAddress: Address | null
  billingAddress: Address | null
  subtotal: bigint
  /** Everything taken off, goods and shipping. */
  discountTotal: bigint
  shippingDiscountTotal: bigint
  shippingTotal: bigint
  taxTotal: bigint
  taxIncluded: boolean
  total: bigint
  /** Sums over its payments. */
  authorizedTotal: bigint
  capturedTotal: bigint
  refundedTotal: bigint
  /** Of what was refunded, what edits had made too much. */
  repaidTotal: bigint
  tags: string[]
  pricing: OrderPricing
  placedAt: Date
  cancelledAt: Date | null
  cancelReason: string | null
  lines: OrderLine[]
  payments: Payment[]
}

/** The three statements that read an order; for one flight. */
export function orderQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): [Query, Query, Query] {
  return [
    tx.sql`
      select id, number, status, payment_status as "paymentStatus", fulfillment_status as "fulfillmentStatus", currency, channel, email,
        customer_id as "customerId", shipping_address as "shippingAddress", billing_address as "billingAddress", subtotal,
        discount_total as "discountTotal", shipping_discount_total as "shippingDiscountTotal", shipping_total as "shippingTotal",
        tax_total as "taxTotal", tax_included as "taxIncluded", total, authorized_total as "authorizedTotal",
        captured_total as "capturedTotal", refunded_total as "refundedTotal", repaid_total as "repaidTotal", tags, pricing_version as "pricingVersion", pricing_result as "pricingResult",
        placed_at as "placedAt", cancelled_at as "cancelledAt", cancel_reason as "cancelReason"
      from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`,
    tx.sql`
      select id, product_id as "productId", variant_id as "variantId", product_title as "productTitle", variant_title as "variantTitle",
        sku, quantity, fulfilled_quantity as fulfilled, delivered_quantity as delivered, returned_quantity as returned, unit_price as "unitPrice", subtotal, discount_total as "discountTotal", tax_total as "taxTotal", total, kind,
        pricing_line_id as "pricingLineId"
      from order_line where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by position`,
    tx.sql`
      select id, provider, method, status, amount, captured_amount as captured, refunded_amount as refunded,
        method_facts as "methodShown", next_action as "nextAction", failure, expires_at as "expiresAt"
      from payment where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by id`,
  ]
}

/** The answers of `orderQueries` as an order. Refuses `not_found` when there is none. */
export function toOrder([orders, lines, payments]: readonly unknown[][]): Order {
  const [row] = orders as OrderRow[]
  if (!row) throw noOrder()
  const { pricingVersion, pricingResult, ...order } = row
  return { ...order, pricing: readPricing(pricingVersion, pricingResult), lines: lines as OrderLine[], payments: payments as Payment[] }
}

/** What of a price goes with an order wherever it is shown. */
export function pricingOf(version: string | null, priced: PricedCart): OrderPricing {
  const { shipping, adjustments, taxTreatment, coupons, notes } = priced
  return { version, shipping, adjustments, taxTreatment, coupons, notes }
}

/** What the first event of an order says of it. */
export function contentOf(order: Order): OrderContent {
  const { number, currency, customerId, subtotal, discountTotal, shippingDiscountTotal, shippingTotal, taxTotal, taxIncluded, total } =
    order
  return {
    ...{ number, currency, customerId, subtotal, discountTotal, shippingDiscountTotal, shippingTotal, taxTotal, taxIncluded, total },
    lines: order.lines.map(({ id, productId, variantId, sku, quantity, unitPrice, ...line }) => ({
      ...{ id, productId, variantId, sku, quantity, unitPrice },
      ...{ subtotal: line.subtotal, discountTotal: line.discountTotal, taxTotal: line.taxTotal, total: line.total },
    })),
  }
}

export function paymentFacts({ id, provider, method, amount }: Payment): PaymentFacts {
  return { id, provider, method, amount }
}

export function noOrder(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such order.' })
}

interface OrderRow extends Omit<Order, 'lines' | 'payments' | 'pricing'> {
  pricingVersion: string | null
  pricingResult: StoredResult
}

/** A stored result: amounts are plain numbers, and the first orders have adjustments and totals only. */
interface StoredResult {
  adjustments: (Omit<Adjustment, 'amount' | 'shares' | 'ratePpm'> & {
    amount: number
    shares: { target: Share['target']; amount: number }[]
    ratePpm?: number | null
  })[]
  shipping?: { [Key in keyof PricedShipping]: PricedShipping[Key] extends bigint ? number : PricedShipping[Key] } | null
  taxTreatment?: PricedCart['taxTreatment']
  coupons?: CouponOutcome[]
  notes?: PricedCart['notes']
}

function readPricing(version: string | null, stored: StoredResult): OrderPricing {
  const { shipping = null } = stored
  return {
    version,
    shipping: shipping && {
      ...shipping,
      amount: BigInt(shipping.amount),
      discount: BigInt(shipping.discount),
      tax: BigInt(shipping.tax),
      total: BigInt(shipping.total),
    },
    adjustments: stored.adjustments.map(({ ratePpm, ...adjustment }) => ({
      ...adjustment,
      amount: BigInt(adjustment.amount),
      shares: adjustment.shares.map(({ target, amount }) => ({ target, amount: BigInt(amount) })),
      ...(ratePpm !== undefined && { ratePpm: ratePpm === null ? null : BigInt(ratePpm) }),
    })),
    taxTreatment: stored.taxTreatment ?? null,
    coupons: stored.coupons ?? [],
    notes: stored.notes ?? [],
  }
}
