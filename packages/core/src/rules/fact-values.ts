/**
 * What rules are evaluated on: flat values, one per fact of the catalogue (fact-catalogue.ts says what each means).
 * Amounts are minor units of the cart's currency. A fact that is null, undefined or absent is missing: every condition on
 * it fails, and its trace says so. Values may be getters: a rule set reads each fact it needs once per cart, and no other.
 */
export interface CartFacts {
  'cart.subtotal': bigint
  /** What is left of the subtotal after the promotions considered before. */
  'cart.discounted_subtotal': bigint
  /** Units of all lines. */
  'cart.quantity': number
  'cart.line_count': number
  /** Grams. */
  'cart.weight': number
  'cart.skus': readonly string[]
  'cart.product_ids': readonly string[]
  'cart.variant_ids': readonly string[]
  /** Handles. */
  'cart.collections': readonly string[]
  'cart.tags': readonly string[]
  'cart.vendors': readonly string[]
  'cart.product_types': readonly string[]
  'customer.known': boolean
  'customer.id'?: string | null | undefined
  /** Empty, not missing, for a buyer without an account: "not in the group vip" holds for a guest. */
  'customer.groups': readonly string[]
  'customer.orders_count'?: number | null | undefined
  'customer.total_spent'?: bigint | null | undefined
  /** Whole days since the last order; missing without one. */
  'customer.last_order_days'?: number | null | undefined
  /** Whether this would be the buyer's first order; missing until the buyer is known by account or e-mail address. */
  'customer.first_order'?: boolean | null | undefined
  /** What follows the @, in lower case. */
  'customer.email_domain'?: string | null | undefined
  channel: string
  currency: string
  /** An ISO 8601 instant with its offset: 2026-05-04T09:30:00Z. */
  'time.now': string
  /** YYYY-MM-DD in the merchant's time zone, as are the three below. */
  'time.date': string
  /** 1 is Monday, 7 is Sunday. */
  'time.weekday': number
  'time.hour': number
  'time.minute_of_day': number
  'shipping_address.country'?: string | null | undefined
  'shipping_address.region'?: string | null | undefined
  'shipping_address.postcode'?: string | null | undefined
  'shipping_address.city'?: string | null | undefined
  'billing_address.country'?: string | null | undefined
  'shipping.method'?: string | null | undefined
  'shipping.amount'?: bigint | null | undefined
  'coupon.codes': readonly string[]
  lines: readonly LineFacts[]
}

/** What line conditions are evaluated on; as CartFacts. */
export interface LineFacts {
  'line.quantity': number
  /** Of one unit, before any discount. */
  'line.unit_price': bigint
  /** Quantity times unit price. */
  'line.subtotal': bigint
  /** Grams of all units. */
  'line.weight': number
  'line.sku'?: string | null | undefined
  'line.product_id': string
  'line.variant_id': string
  'line.tags': readonly string[]
  /** Handles. */
  'line.collections': readonly string[]
  'line.vendor'?: string | null | undefined
  'line.product_type'?: string | null | undefined
  /** Whether the unit price is below the compare-at price. */
  'line.on_sale': boolean
  /**
   * How far the unit price is below the compare-at price, in percent times 10,000 (parts per million), rounded down: 250000
   * is 25 %. Missing when the product is not on sale.
   */
  'line.sale_percent'?: number | null | undefined
  'line.taxable': boolean
  'line.tax_category'?: string | null | undefined
  'line.requires_shipping': boolean
}

export type CartFactName = keyof CartFacts
export type LineFactName = keyof LineFacts
export type FactName = CartFactName | LineFactName
