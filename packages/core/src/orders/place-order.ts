import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Cart } from '../cart/cart.ts'
import { newId } from '../ids.ts'
import { storePricing } from '../pricing/stored-form.ts'
import type { Order, OrderLine, Payment } from './order.ts'

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
    email: given.email,
    shippingAddress: cart.shippingAddress,
    billingAddress: cart.billingAddress,
    subtotal: totals.subtotal,
    discountTotal: totals.discount,
    shippingTotal: totals.shipping,
    taxTotal: totals.tax,
    taxIncluded: totals.taxIncluded,
    total: totals.total,
    placedAt: given.now,
    lines: cart.lines.map((line, index) => orderLine(line, cart.priced.lines[index]!, given.now)),
    payments: given.payments,
  }
}

function orderLine(line: Cart['lines'][number], priced: Cart['priced']['lines'][number], now: Date): OrderLine {
  return {
    id: newId(now),
    productId: line.productId,
    variantId: line.variantId,
    productTitle: line.productTitle,
    variantTitle: line.variantTitle,
    sku: line.sku,
    quantity: line.quantity,
    unitPrice: line.unitPrice,
    subtotal: priced.subtotal,
    discountTotal: priced.discount,
    taxTotal: priced.tax,
    total: priced.total,
  }
}

/** The insert of an order, numbered by a table expression `counter` that its caller adds as `from counter`. */
export function insertOrder(tx: Pick<Tx, 'merchantId' | 'sql'>, order: Order, cart: Cart): Query {
  return tx.sql`
    insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email,
      shipping_address, billing_address, subtotal, discount_total, shipping_total, tax_total, tax_included, total,
      pricing_input, pricing_result, placed_at)
    select ${tx.merchantId}::uuid, ${order.id}::uuid, counter.order_number, ${cart.id}::uuid, ${order.status}, ${order.paymentStatus},
      ${order.fulfillmentStatus}, ${order.currency}, ${order.email},
      ${order.shippingAddress && JSON.stringify(order.shippingAddress)}::jsonb,
      ${order.billingAddress && JSON.stringify(order.billingAddress)}::jsonb,
      ${order.subtotal}::bigint, ${order.discountTotal}::bigint, ${order.shippingTotal}::bigint, ${order.taxTotal}::bigint,
      ${order.taxIncluded}::boolean, ${order.total}::bigint,
      ${storePricing(cart.pricingInput)}::jsonb, ${storePricing(cart.priced)}::jsonb, ${order.placedAt}::timestamptz`
}

/** The insert of an order's lines, in their order. */
export function insertOrderLines(tx: Pick<Tx, 'merchantId' | 'sql'>, order: Order): Query {
  const lines = order.lines.map((line, index) => ({ position: index + 1, ...line }))
  return tx.sql`
    insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku,
      quantity, unit_price, subtotal, discount_total, tax_total, total)
    select ${tx.merchantId}::uuid, id, ${order.id}::uuid, position, "productId", "variantId", "productTitle", "variantTitle", sku,
      quantity, "unitPrice", subtotal, "discountTotal", "taxTotal", total
    from jsonb_to_recordset(${storePricing(lines)}::jsonb) as line (id uuid, position int, "productId" uuid, "variantId" uuid,
      "productTitle" text, "variantTitle" text, sku text, quantity bigint, "unitPrice" bigint, subtotal bigint,
      "discountTotal" bigint, "taxTotal" bigint, total bigint)`
}
