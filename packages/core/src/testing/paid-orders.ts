import { newId } from '../ids.ts'
import { type Account, clearing, giftCard, storeCredit } from '../ledger/accounts.ts'
import { journalOfCapture } from '../ledger/journals-of-payments.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import { storePricing } from '../pricing/stored-form.ts'
import type { TestMerchant } from './merchant.ts'

export interface TestPayment {
  id: string
  provider: string
  captured: bigint
  sourceId: string | null
}

export interface PaidOrder {
  id: string
  total: bigint
  taxTotal: bigint
  /** The order's line of a line of the price. */
  lineIds: Record<string, string>
  payments: TestPayment[]
}

const actor = { kind: 'job', task: 'test' } as const

/**
 * An order as it stands when it was paid, written past cart and checkout: a test of refunds wants any price, split over any
 * payments. It has no stock and no coupon; its events begin with its captures.
 */
export async function addPaidOrder(
  seller: TestMerchant,
  given: { priced: PricedCart; payments: { provider: string; captured: bigint; sourceId?: string }[]; customerId?: string },
): Promise<PaidOrder> {
  const { priced, customerId = null } = given
  const { totals } = priced
  const order: PaidOrder = {
    id: newId(),
    total: totals.total,
    taxTotal: totals.tax,
    lineIds: Object.fromEntries(priced.lines.map((line) => [line.id, newId()])),
    payments: given.payments.map(({ provider, captured, sourceId = null }) => ({ id: newId(), provider, captured, sourceId })),
  }
  await seller.inMerchant(async (tx) => {
    const [counter] = await tx.sql<{ number: bigint }[]>`
      update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId} returning order_number as number`
    await tx.sql`
      insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, customer_id, subtotal,
        discount_total, shipping_discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result)
      values (${tx.merchantId}, ${order.id}, ${counter!.number}, ${newId()}, 'placed', 'pending', 'unfulfilled', 'EUR', 'ada@buyer.example',
        ${customerId}, ${totals.subtotal}, ${totals.discount}, ${totals.shippingDiscount}, ${totals.shipping}, ${totals.tax},
        ${totals.taxIncluded}, ${totals.total}, '{}', ${storePricing(priced)}::jsonb)`
    for (const [index, line] of priced.lines.entries()) {
      await tx.sql`
        insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku, quantity,
          unit_price, subtotal, discount_total, tax_total, total, pricing_line_id)
        values (${tx.merchantId}, ${order.lineIds[line.id]!}, ${order.id}, ${index + 1}, ${newId()}, ${newId()}, 'Goods', '', '', ${line.quantity},
          ${line.unitPrice}, ${line.subtotal}, ${line.discount}, ${line.tax}, ${line.total}, ${line.id})`
    }
  })
  for (const payment of order.payments) await capture(seller, order, payment)
  return order
}

async function capture(seller: TestMerchant, order: PaidOrder, { id, provider, captured, sourceId }: TestPayment): Promise<void> {
  await seller.inMerchant(async (tx) => {
    const held = await holdOrder(tx, order.id)
    const { total, taxTotal } = order
    await tx.sql`
      insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, authorized_amount, captured_amount, source_id,
        provider_reference)
      values (${tx.merchantId}, ${id}, ${order.id}, ${provider}, ${provider}, 'captured', ${captured}, 'EUR', ${captured}, ${captured},
        ${sourceId}, ${`at-${id}`})`
    if (captured === 0n) return
    await journalOfCapture(tx, {
      key: `capture:${id}`,
      orderId: order.id,
      paymentId: id,
      currency: 'EUR',
      amount: captured,
      from: accountOf(provider, sourceId),
      order: { total, taxTotal, captured: held.state.captured },
      actor,
      now: new Date(),
    })
    await recordOrderEvent(tx, held, { type: 'payment.captured', paymentId: id, amount: captured }, { actor, now: new Date() })
  })
}

function accountOf(provider: string, sourceId: string | null): Account {
  if (sourceId === null) return clearing(provider)
  return provider === 'gift_card' ? giftCard(sourceId) : storeCredit(sourceId)
}
