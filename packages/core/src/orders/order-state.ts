/** Pending: submitted, its payment not settled yet, nothing of it firm. All but pending and cancelled is derived. */
export const ORDER_STATUSES = ['pending', 'placed', 'paid', 'part_fulfilled', 'fulfilled', 'delivered', 'cancelled', 'returned'] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

export const PAYMENT_STATUSES = [
  'pending',
  'authorized',
  'part_paid',
  'paid',
  'part_refunded',
  'refunded',
  'voided',
  'failed',
  'review',
] as const
export type OrderPaymentStatus = (typeof PAYMENT_STATUSES)[number]

export const FULFILLMENT_STATUSES = ['unfulfilled', 'part_fulfilled', 'fulfilled', 'delivered', 'part_returned', 'returned'] as const
export type FulfillmentStatus = (typeof FULFILLMENT_STATUSES)[number]

/** What is charged, in minor units. With tax_included the tax is part of the other amounts, else it comes on top. */
export interface OrderTotals {
  subtotal: bigint
  discountTotal: bigint
  shippingDiscountTotal: bigint
  shippingTotal: bigint
  taxTotal: bigint
  taxIncluded: boolean
  total: bigint
}

/** A line as far as an order's state knows it. `fulfilled` has left the house, `delivered` arrived, `returned` came back. */
export interface OrderLineState {
  id: string
  productId: string
  variantId: string
  sku: string
  quantity: bigint
  unitPrice: bigint
  subtotal: bigint
  discountTotal: bigint
  taxTotal: bigint
  total: bigint
  fulfilled: bigint
  delivered: bigint
  returned: bigint
}

/** What the events of an order fold into. No personal data: that is versioned beside it. */
export interface OrderState extends OrderTotals {
  number: bigint
  status: OrderStatus
  paymentStatus: OrderPaymentStatus
  fulfillmentStatus: FulfillmentStatus
  currency: string
  /** Sums over all payments, in minor units. Voided authorizations are taken off again. */
  authorized: bigint
  captured: bigint
  refunded: bigint
  /** Of what was refunded, what edits had made too much: it is owed again when the order grows. The rest was given for good. */
  repaid: bigint
  lines: OrderLineState[]
  tags: string[]
  cancelledAt: Date | null
  cancelReason: string | null
  contactRevision: bigint
  /** How many events it is the fold of. */
  revision: bigint
}
