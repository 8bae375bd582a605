import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { customerKey } from '../promotions/customer-key.ts'
import { type BuyerRow, buyerColumns, buyerJoin, orderedBefore } from '../quote/buyer.ts'
import { type GiftRow, type GoodsRow, goodsColumns } from '../quote/goods.ts'
import { makePricingInput } from '../quote/make-input.ts'
import { loadNeeded, type Needed, neededQueries, readNeeded } from '../quote/needs.ts'
import { priceQuote } from '../quote/price-quote.ts'
import { type MerchantPricing, pricingAt, rememberedPricing } from '../quote/pricing-in-force.ts'
import { Refusal } from '../refusal.ts'
import { unitsReserved } from '../stock/units-reserved.ts'
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
  requiresShipping: boolean
  imageUrl: string | null
  /** Still sold, and to be had in this quantity: what this cart has reserved counts. */
  available: boolean
}

/** A cart with the prices of this moment. */
export interface Cart {
  id: string
  version: bigint
  status: 'open' | 'ordered'
  currency: string
  /** Where it was opened, in the storefront's words. */
  channel: string
  email: string | null
  customerId: string | null
  shippingAddress: Address | null
  billingAddress: Address | null
  /** What the buyer chose; null: the first way there is. */
  shippingOption: string | null
  /** In the form they are compared in. */
  couponCodes: readonly string[]
  vatId: string | null
  /** Null unless staff made it. */
  draftedBy: Actor | null
  updatedAt: Date
  lines: CartLine[]
  /** Variants that promotions may add, to show what a gift line is. */
  gifts: readonly GiftRow[]
  pricing: MerchantPricing
  pricingInput: PricingInput
  priced: PricedCart
  /** Where orders take their stock from. */
  locationId: string
  /** How long what is put into it is kept for it; null: it is not. */
  reservedMinutes: number | null
}

interface CartRow extends BuyerRow {
  id: string
  version: bigint
  status: Cart['status']
  currency: string
  channel: string
  email: string | null
  shipping_address: Address | null
  billing_address: Address | null
  shipping_option: string | null
  coupon_codes: string[]
  vat_id: string | null
  updated_at: Date
  drafted_by: Actor | null
  staff_discount: { amount: number; reason: string } | null
  default_location_id: string
  pricing_revision: bigint
  vat_ids: 'checked' | 'well_formed'
  reserved_minutes: number | null
}

interface LineRow extends GoodsRow {
  id: string
  quantity: bigint
  handle: string
  product_title: string
  variant_title: string
  image_url: string | null
  available: boolean
}

/** The statements that read a cart, and the pricing they were made for: the one that this process knows. */
export interface CartQuestion {
  guess: MerchantPricing | undefined
  /** Whether the buyer's earlier orders are looked for. */
  history: boolean
  queries: Query[]
}

/** How to read a cart in one flight. With `lock` the cart stays as it is until the transaction ends. `toCart` takes the answers. */
export function cartQuestion(tx: Pick<Tx, 'merchantId' | 'sql'>, cartId: string, lock: 'lock' | 'look' = 'look'): CartQuestion {
  const guess = rememberedPricing(tx.merchantId)
  // An order remembers it for whatever is asked of it later; a cart only needs it for its price.
  const history = lock === 'lock' || (guess?.asksFirstOrder ?? false)
  const cart = tx.sql`
    select c.id, c.version, c.status, c.currency, c.channel, c.email, c.shipping_address, c.billing_address, c.shipping_option, c.coupon_codes,
      c.vat_id, c.updated_at, c.drafted_by, c.staff_discount, s.default_location_id, s.pricing_revision, s.vat_ids,
      case when s.reserve_in_cart then s.cart_reservation_minutes end as reserved_minutes, ${buyerColumns(tx, { history })}
    from cart c join merchant_settings s on s.merchant_id = c.merchant_id ${buyerJoin(tx)}
    where c.merchant_id = ${tx.merchantId} and c.id = ${cartId}
    ${lock === 'lock' ? tx.sql`for update of c` : tx.sql``}`
  const lines = tx.sql`
    select l.id, l.quantity, ${goodsColumns(tx)}, v.title as variant_title, coalesce(v.image_url, p.image_url) as image_url,
      p.title as product_title, p.handle,
      p.status = 'active' and p.published and coalesce((
        select sum(app.sellable(k)) from stock_level k where k.merchant_id = l.merchant_id and k.variant_id = l.variant_id
      ), 0) + coalesce(own.units, 0) >= l.quantity as available
    from cart_line l
      join variant v on v.merchant_id = l.merchant_id and v.id = l.variant_id
      join product p on p.merchant_id = v.merchant_id and p.id = v.product_id
      left join (${unitsReserved(tx, cartId)}) own on own.line_variant_id = l.variant_id
    where l.merchant_id = ${tx.merchantId} and l.cart_id = ${cartId}
    order by l.id`
  return { guess, history, queries: [cart, lines, ...(guess ? neededQueries(tx, guess, () => ofCart(tx, cartId)) : [])] }
}

/**
 * The answers of `cartQuestion` as a cart, priced without plugins: `withPlugins` asks them, outside of the transaction. Refuses
 * `not_found` when there is none. Reads on only where the pricing is not the one this process knew, or codes were entered that
 * none of its promotions takes.
 */
export async function toCart(tx: Tx, question: CartQuestion, answers: readonly unknown[], now: Date): Promise<Cart> {
  const [cartRows, lineRows, ...needed] = answers as [CartRow[], LineRow[], ...unknown[][]]
  const [row] = cartRows
  if (!row) throw new Refusal('not_found', { detail: 'There is no such cart.' })
  const pricing = await pricingAt(tx, row.pricing_revision)
  const wasAsked = pricing === question.guess && (pricing.countsUses || row.coupon_codes.length === 0)
  const buyer = { customerId: row.customer_id, email: row.email }
  const read = wasAsked
    ? readNeeded(pricing, needed)
    : await loadNeeded(tx, pricing, { codes: row.coupon_codes, customerKey: customerKey(buyer) })
  const isMissing = !question.history && pricing.asksFirstOrder && row.email !== null
  const known = isMissing ? { ...row, ordered_before: await orderedBefore(tx, row.email!) } : row
  return priced(known, lineRows, { pricing, needed: read, now })
}

/** Reads a cart, priced without plugins. */
export async function loadCart(tx: Tx, cartId: string, now: Date): Promise<Cart> {
  const question = cartQuestion(tx, cartId)
  return toCart(tx, question, await Promise.all(question.queries), now)
}

function priced(row: CartRow, lineRows: LineRow[], given: { pricing: MerchantPricing; needed: Needed; now: Date }): Cart {
  const { pricing, needed, now } = given
  const input = makePricingInput(
    {
      now,
      cartId: row.id,
      currency: row.currency,
      channel: row.channel,
      email: row.email,
      shippingAddress: row.shipping_address,
      billingAddress: row.billing_address,
      shippingMethod: row.shipping_option,
      couponCodes: row.coupon_codes,
      vatId: row.vat_id,
      vatIdsAccepted: row.vat_ids,
      lines: lineRows.map((line) => ({ id: line.id, quantity: line.quantity, goods: line })),
      buyer: row,
      staffDiscount: row.staff_discount,
      ...needed,
    },
    pricing,
  )
  return {
    id: row.id,
    version: row.version,
    status: row.status,
    currency: row.currency,
    channel: row.channel,
    email: row.email,
    customerId: row.customer_id,
    shippingAddress: row.shipping_address,
    billingAddress: row.billing_address,
    shippingOption: row.shipping_option,
    couponCodes: row.coupon_codes,
    vatId: row.vat_id,
    draftedBy: row.drafted_by,
    updatedAt: row.updated_at,
    lines: lineRows.map(toLine),
    gifts: needed.gifts,
    pricing,
    ...priceQuote(input, pricing.rules),
    locationId: row.default_location_id,
    reservedMinutes: row.reserved_minutes,
  }
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
    requiresShipping: row.requires_shipping,
    imageUrl: row.image_url,
    available: row.available,
  }
}

/** The same as customer-key.ts says, found by the database: a cart keeps its address in the form it is compared in. */
function ofCart(tx: Pick<Tx, 'merchantId' | 'sql'>, cartId: string) {
  return {
    codes: tx.sql`(select coupon_codes from cart where merchant_id = ${tx.merchantId} and id = ${cartId})`,
    customerKey: tx.sql`(select coalesce(customer_id::text, email) from cart where merchant_id = ${tx.merchantId} and id = ${cartId})`,
  }
}
