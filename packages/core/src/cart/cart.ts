import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { type PricedCart, priceCart } from '../pricing/price-cart-v1.ts'
import type { PricingInput } from '../pricing/pricing-input-v1.ts'
import { Refusal } from '../refusal.ts'
import type { Address } from './address.ts'

export interface CartLine {
  id: string
  variantId: string
  productId: string
  productHandle: string
  productTitle: string
  variantTitle: string
  sku: string
  quantity: bigint
  unitPrice: bigint
  taxable: boolean
  requiresShipping: boolean
  imageUrl: string | null
  /** Still sold, and in stock in this quantity. */
  available: boolean
}

/** A cart with the prices of this moment. */
export interface Cart {
  id: string
  version: bigint
  status: 'open' | 'ordered'
  currency: string
  email: string | null
  shippingAddress: Address | null
  billingAddress: Address | null
  shippingOption: string | null
  updatedAt: Date
  lines: CartLine[]
  pricingInput: PricingInput
  priced: PricedCart
  /** Where orders take their stock from. */
  locationId: string
}

/** The one shipping option a merchant has so far. */
export const FLAT_SHIPPING = 'flat'

interface CartRow {
  id: string
  version: bigint
  status: Cart['status']
  currency: string
  email: string | null
  shipping_address: Address | null
  billing_address: Address | null
  shipping_option: string | null
  updated_at: Date
  prices_include_tax: boolean
  tax_rate_ppm: bigint
  shipping_name: string
  shipping_amount: bigint
  default_location_id: string
}

interface LineRow {
  id: string
  variant_id: string
  product_id: string
  handle: string
  product_title: string
  variant_title: string
  sku: string
  quantity: bigint
  price: bigint
  taxable: boolean
  requires_shipping: boolean
  image_url: string | null
  available: boolean
}

/** The two statements that read a cart. With `lock` the cart stays as it is until the transaction ends. */
export function cartQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, cartId: string, lock: 'lock' | 'look' = 'look'): [Query, Query] {
  const cart = tx.sql`
    select c.id, c.version, c.status, c.currency, c.email, c.shipping_address, c.billing_address, c.shipping_option, c.updated_at,
      s.prices_include_tax, s.tax_rate_ppm, s.shipping_name, s.shipping_amount, s.default_location_id
    from cart c join merchant_settings s on s.merchant_id = c.merchant_id
    where c.merchant_id = ${tx.merchantId} and c.id = ${cartId}
    ${lock === 'lock' ? tx.sql`for update of c` : tx.sql``}`
  const lines = tx.sql`
    select l.id, l.variant_id, l.quantity, v.product_id, v.title as variant_title, v.sku, v.price, v.taxable, v.requires_shipping,
      coalesce(v.image_url, p.image_url) as image_url, p.title as product_title, p.handle,
      p.status = 'active' and p.published and coalesce((
        select bool_or(not k.tracked or k.backorder) or sum(k.on_hand - k.reserved - k.allocated) >= l.quantity
        from stock_level k where k.merchant_id = l.merchant_id and k.variant_id = l.variant_id
      ), false) as available
    from cart_line l
      join variant v on v.merchant_id = l.merchant_id and v.id = l.variant_id
      join product p on p.merchant_id = v.merchant_id and p.id = v.product_id
    where l.merchant_id = ${tx.merchantId} and l.cart_id = ${cartId}
    order by l.id`
  return [cart, lines]
}

/** The answers of `cartQueries` as a priced cart. Refuses `not_found` when there is none. */
export function toCart([cartRows, lineRows]: readonly [unknown, unknown]): Cart {
  const [row] = cartRows as CartRow[]
  if (!row) throw new Refusal('not_found', { detail: 'There is no such cart.' })
  const lines = (lineRows as LineRow[]).map(toLine)
  const pricingInput = toPricingInput(row, lines)
  return {
    id: row.id,
    version: row.version,
    status: row.status,
    currency: row.currency,
    email: row.email,
    shippingAddress: row.shipping_address,
    billingAddress: row.billing_address,
    shippingOption: row.shipping_option,
    updatedAt: row.updated_at,
    lines,
    pricingInput,
    priced: priceCart(pricingInput),
    locationId: row.default_location_id,
  }
}

/** Reads a cart. */
export async function loadCart(tx: Tx, cartId: string): Promise<Cart> {
  const [cart, lines] = cartQueries(tx, cartId)
  return toCart(await Promise.all([cart, lines]))
}

function toLine(row: LineRow): CartLine {
  return {
    id: row.id,
    variantId: row.variant_id,
    productId: row.product_id,
    productHandle: row.handle,
    productTitle: row.product_title,
    variantTitle: row.variant_title,
    sku: row.sku,
    quantity: row.quantity,
    unitPrice: row.price,
    taxable: row.taxable,
    requiresShipping: row.requires_shipping,
    imageUrl: row.image_url,
    available: row.available,
  }
}

function toPricingInput(row: CartRow, lines: CartLine[]): PricingInput {
  return {
    version: 1,
    currency: row.currency,
    policy: { pricesIncludeTax: row.prices_include_tax, rounding: 'half_up', taxRoundedPer: 'line' },
    lines: lines.map(({ id, variantId, productId, quantity, unitPrice, taxable, requiresShipping }) => ({
      id,
      variantId,
      productId,
      quantity,
      unitPrice,
      taxable,
      requiresShipping,
    })),
    shipping: row.shipping_option === FLAT_SHIPPING ? { code: FLAT_SHIPPING, name: row.shipping_name, amount: row.shipping_amount } : null,
    tax: { name: 'Tax', ratePpm: row.tax_rate_ppm, appliesToShipping: true },
  }
}
