import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Cart } from '../cart/cart.ts'
import { newId } from '../ids.ts'
import type { PricedLine } from '../pricing/priced-cart.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { type Order, type OrderLine, pricingOf } from './order.ts'
import type { Payment } from './order-payment.ts'

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
    authorizedTotal: 0n,
    capturedTotal: 0n,
    refundedTotal: 0n,
    repaidTotal: 0n,
    tags: [],
    pricing: pricingOf(cart.pricing.rules.version, cart.priced),
    placedAt: given.now,
    cancelledAt: null,
    cancelReason: null,
    lines: orderLines(cart, given.now),
    payments: given.payments,
  }
}

/** What was bought, in the order in which the buyer sees it; gifts come last. */
function orderLines(cart: Cart, now: Date): OrderLine[] {
  const priced = new Map(cart.priced.lines.map((line) => [line.id, line]))
  const items = cart.lines.map((line) => {
    const { productTitle, variantTitle, sku } = line
    return { ...ofPriced(priced.get(line.id)!), id: newId(now), productTitle, variantTitle, sku }
  })
  const gifts = cart.priced.lines
    .filter((line) => line.kind === 'gift')
    .map((line) => {
      const gift = cart.gifts.find(({ variant_id }) => variant_id === line.variantId)!
      return { ...ofPriced(line), id: newId(now), productTitle: gift.product_title, variantTitle: gift.variant_title, sku: gift.sku }
    })
  return [...items, ...gifts]
}

function ofPriced(line: PricedLine): Omit<OrderLine, 'id' | 'productTitle' | 'variantTitle' | 'sku'> {
  return {
    productId: line.productId,
    variantId: line.variantId,
    quantity: line.quantity,
    fulfilled: 0n,
    delivered: 0n,
    returned: 0n,
    unitPrice: line.unitPrice,
    subtotal: line.subtotal,
    discountTotal: line.discount,
    taxTotal: line.tax,
    total: line.total,
    kind: line.kind,
    pricingLineId: line.id,
  }
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

/** The first revision of whom an order is for. */
export function insertContact(tx: Pick<Tx, 'merchantId' | 'sql'>, order: Order): Query {
  return tx.sql`
    insert into order_contact (merchant_id, order_id, revision, email, shipping_address, billing_address, valid_from)
    select ${tx.merchantId}::uuid, ${order.id}::uuid, 1, ${order.email},
      ${order.shippingAddress && JSON.stringify(order.shippingAddress)}::jsonb,
      ${order.billingAddress && JSON.stringify(order.billingAddress)}::jsonb, ${order.placedAt}::timestamptz`
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
