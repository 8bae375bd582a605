import type { Actor } from '../actor.ts'
import type { Address } from '../cart/address.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { eventData } from '../orders/order-event.ts'
import { assertClaimed, claimStock } from '../stock/claim.ts'
import type { Goods } from './goods.ts'
import type { TestMerchant } from './merchant.ts'

const ADDRESS: Address = { name: 'Ada Buyer', line1: 'Market Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }
const BUYER: Actor = { kind: 'buyer' }
const UNPRICED = JSON.stringify({ lines: [], adjustments: [], shipping: null, notes: [] })

export interface PlacedOrder {
  orderId: string
  lineIds: string[]
}

/** An order that was placed, with its stock and its event, written as the checkout would: 10.00 a piece, no tax, nothing else. */
export async function addPlacedOrder(
  shop: TestMerchant,
  lines: readonly { goods: Goods; quantity?: bigint }[],
  now = new Date(),
): Promise<PlacedOrder> {
  const orderId = newId(now)
  const rows = lines.map(({ goods, quantity = 1n }, index) => {
    const subtotal = 1_000n * quantity
    return {
      ...goods,
      id: newId(now),
      position: index + 1,
      sku: `SKU-${index + 1}`,
      quantity,
      unitPrice: 1_000n,
      subtotal,
      total: subtotal,
    }
  })
  const total = rows.reduce((sum, line) => sum + line.total, 0n)
  await shop.inMerchant(async (tx) => {
    const [counter] = await tx.sql<{ number: bigint }[]>`
      update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId} returning order_number as number`
    await tx.sql`
      insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, shipping_address,
        subtotal, discount_total, shipping_total, tax_total, tax_included, total, location_id, pricing_input, pricing_result, placed_at)
      values (${tx.merchantId}, ${orderId}, ${counter!.number}, ${newId(now)}, 'placed', 'pending', 'unfulfilled', 'EUR', 'ada@buyer.example',
        ${JSON.stringify(ADDRESS)}::jsonb, ${total}, 0, 0, 0, true, ${total}, ${shop.locationId}, '{}', ${UNPRICED}::jsonb, ${now})`
    for (const line of rows)
      await tx.sql`
        insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku, quantity,
          unit_price, subtotal, discount_total, tax_total, total)
        values (${tx.merchantId}, ${line.id}, ${orderId}, ${line.position}, ${line.productId}, ${line.variantId}, 'Goods', '', ${line.sku},
          ${line.quantity}, ${line.unitPrice}, ${line.subtotal}, 0, 0, ${line.total})`
    const claim = rows.map(({ variantId, quantity }) => ({ variantId, quantity }))
    assertClaimed(await claimStock(tx, { orderId, lines: claim, actor: BUYER, now }), claim)
    const content = {
      number: counter!.number,
      currency: 'EUR',
      customerId: null,
      subtotal: total,
      discountTotal: 0n,
      shippingDiscountTotal: 0n,
      shippingTotal: 0n,
      taxTotal: 0n,
      taxIncluded: true,
      total,
      lines: rows.map(({ position: _, ...line }) => ({ ...line, discountTotal: 0n, taxTotal: 0n })),
    }
    const data = eventData(orderId, { type: 'order.placed', content, payments: [] })
    await recordEvent(tx, { type: 'order.placed', aggregateType: 'order', aggregateId: orderId, data, actor: BUYER, now })
  })
  return { orderId, lineIds: rows.map(({ id }) => id) }
}
