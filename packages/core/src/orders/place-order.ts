import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Cart } from '../cart/cart.ts'
import { newId } from '../ids.ts'
import type { PricedLine } from '../pricing/priced-cart.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { type Order, type OrderLine, type Payment, pricingOf } from './order.ts'

/** The order that a cart becomes: what was bought is copied, so that it stays what it was. */
export function orderFrom(cart: Cart, given: { id: string; number: bigint; email: string; payments: Payment[]; now: Date }): Order {
  const { totals } = cart.priced
  return {
    id: given.id,
    number: given.number,
    status: 'placed',
    paymentStatus: 'pending',
    fulfillmentStatus: 'unfulfilled',
    currency: cart.currency,
    channel: cart.channel,
    email: given.email,
    customerId: cart.customerId,
    shippingAddress: cart.shippingAddress,
    billingAddress: cart.billingAddress,
    subtotal: totals.subtotal,
    discountTotal: totals.discount,
    shippingDiscountTotal: totals.shippingDiscount,
    shippingTotal: totals.shipping,
    taxTotal: totals.tax,
    taxIncluded: totals.taxIncluded,
    total: totals.total,
    pricing: pricingOf(cart.pricing.rules.version, cart.priced),
    placedAt: given.now,
    cancelledAt: null,
    cancelReason: null,
    lines: inCartOrder(cart).map((line) => orderLine(cart, line, given.now)),
    payments: given.payments,
  }
}

/** The priced lines in the order in which the buyer sees them; gifts come last. */
function inCartOrder(cart: Cart): PricedLine[] {
  const place = new Map(cart.lines.map((line, index) => [line.id, index]))
  return cart.priced.lines.toSorted((a, b) => (place.get(a.id) ?? place.size) - (place.get(b.id) ?? place.size))
}

function orderLine(cart: Cart, priced: PricedLine, now: Date): OrderLine {
  return {
    id: newId(now),
    productId: priced.productId,
    variantId: priced.variantId,
    ...descriptionOf(cart, priced),
    quantity: priced.quantity,
    unitPrice: priced.unitPrice,
    subtotal: priced.subtotal,
    discountTotal: priced.discount,
    taxTotal: priced.tax,
    total: priced.total,
    kind: priced.kind,
    pricingLineId: priced.id,
  }
}

function descriptionOf(cart: Cart, priced: PricedLine): Pick<OrderLine, 'productTitle' | 'variantTitle' | 'sku'> {
  const line = cart.lines.find((candidate) => candidate.id === priced.id)
  if (line) return { productTitle: line.productTitle, variantTitle: line.variantTitle, sku: line.sku }
  const gift = cart.gifts.find((candidate) => candidate.variant_id === priced.variantId)
  if (!gift) throw new Error(`the priced line ${priced.id} is neither in the cart nor a gift`)
  return { productTitle: gift.product_title, variantTitle: gift.variant_title, sku: gift.sku }
}

/** The insert of an order, numbered by a table expression `counter` that its caller adds as `from counter`. */
export function insertOrder(tx: Pick<Tx, 'merchantId' | 'sql'>, order: Order, cart: Cart): Query {
  return tx.sql`
    insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, channel, email, customer_id,
      shipping_address, billing_address, subtotal, discount_total, shipping_discount_total, shipping_total, tax_total, tax_included, total,
      pricing_version, tax_treatment, location_id, pricing_input, pricing_result, placed_at)
    select ${tx.merchantId}::uuid, ${order.id}::uuid, counter.order_number, ${cart.id}::uuid, ${order.status}, ${order.paymentStatus},
      ${order.fulfillmentStatus}, ${order.currency}, ${order.channel}, ${order.email}, ${order.customerId}::uuid,
      ${order.shippingAddress && JSON.stringify(order.shippingAddress)}::jsonb,
      ${order.billingAddress && JSON.stringify(order.billingAddress)}::jsonb,
      ${order.subtotal}::bigint, ${order.discountTotal}::bigint, ${order.shippingDiscountTotal}::bigint, ${order.shippingTotal}::bigint,
      ${order.taxTotal}::bigint, ${order.taxIncluded}::boolean, ${order.total}::bigint,
      ${order.pricing.version}, ${order.pricing.taxTreatment!.treatment}, ${cart.locationId}::uuid,
      ${storePricing(cart.pricingInput)}::jsonb, ${storePricing(cart.priced)}::jsonb, ${order.placedAt}::timestamptz`
}

/** The insert of an order's lines, in their order. */
export function insertOrderLines(tx: Pick<Tx, 'merchantId' | 'sql'>, order: Order): Query {
  const lines = order.lines.map((line, index) => ({ position: index + 1, ...line }))
  return tx.sql`
    insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku,
      quantity, unit_price, subtotal, discount_total, tax_total, total, kind, pricing_line_id)
    select ${tx.merchantId}::uuid, id, ${order.id}::uuid, position, "productId", "variantId", "productTitle", "variantTitle", sku,
      quantity, "unitPrice", subtotal, "discountTotal", "taxTotal", total, kind, "pricingLineId"
    from jsonb_to_recordset(${storePricing(lines)}::jsonb) as line (id uuid, position int, "productId" uuid, "variantId" uuid,
      "productTitle" text, "variantTitle" text, sku text, quantity bigint, "unitPrice" bigint, subtotal bigint,
      "discountTotal" bigint, "taxTotal" bigint, total bigint, kind text, "pricingLineId" text)`
}
