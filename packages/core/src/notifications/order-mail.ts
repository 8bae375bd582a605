import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { capabilityToken, type TokenKeys } from '../capability.ts'
import type { Address } from '../cart/address.ts'
import type { MailData, MailTemplateName } from '../mail/mail-template.ts'
import type { MailDataLoader, MailToSend } from '../mail/send-mail.ts'
import { currencyDigits, formatDecimal } from '../money.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import { type LineQuantity, type OrderEvent, readOrderEvent } from '../orders/order-event.ts'

/** What imported catalogues call the variant of a product that has but one. */
const ONLY_VARIANT = 'Default Title'

type OrderTemplate = Extract<
  MailTemplateName,
  'order_placed' | 'order_cancelled' | 'shipment_sent' | 'payment_requested' | 'refund_issued' | 'return_received'
>

/** What the mails about orders say: the order as it is when the mail is sent, and what its event tells. */
export function orderMail(keys: TokenKeys): Record<OrderTemplate, MailDataLoader> {
  const about = (more: (order: Order, event: OrderEvent) => MailData): MailDataLoader => {
    return async (tx, mail) => {
      const { order, event } = await read(tx, mail)
      return { data: { order: orderData(keys, tx.merchantId, order, mail.shopUrl), ...more(order, event) } }
    }
  }
  return {
    order_placed: about(() => ({})),
    order_cancelled: about((order) => ({ reason: order.cancelReason })),
    shipment_sent: about((order, event) => ({ lines: event.type === 'fulfillment.shipped' ? goods(order, event.lines) : [] })),
    payment_requested: about((order, event) => ({
      amount: event.type === 'payment.requested' ? money(event.amount, order.currency) : null,
    })),
    refund_issued: about((order, event) =>
      event.type === 'refund.issued'
        ? { amount: money(event.amount, order.currency), to_store_credit: event.to === 'store_credit' }
        : { amount: null, to_store_credit: false },
    ),
    return_received: about((order, event) => ({ lines: event.type === 'return.received' ? goods(order, event.lines) : [] })),
  }
}

async function read(tx: Tx, { data }: MailToSend): Promise<{ order: Order; event: OrderEvent }> {
  const order = toOrder(await Promise.all(orderQueries(tx, data.order_id!) as Query[]))
  const [row] = await tx.sql<[{ type: string; data: Record<string, unknown> }]>`
    select type, data from event where merchant_id = ${tx.merchantId} and sequence = ${data.sequence!}::bigint`
  return { order, event: readOrderEvent(row.type, row.data) }
}

function orderData(keys: TokenKeys, merchantId: string, order: Order, shopUrl: string): MailData {
  const amount = (minor: bigint) => money(minor, order.currency)
  const token = capabilityToken(keys, merchantId, 'order', order.id)
  return {
    number: Number(order.number),
    placed_on: order.placedAt.toISOString().slice(0, 10),
    url: `${shopUrl}/orders/${order.id}?token=${encodeURIComponent(token)}`,
    lines: order.lines
      .filter((line) => line.quantity > 0n)
      .map((line) => ({ ...named(line), quantity: Number(line.quantity), total: amount(line.total) })),
    subtotal: amount(order.subtotal),
    discount: order.discountTotal === 0n ? null : amount(order.discountTotal),
    shipping: amount(order.shippingTotal),
    tax: amount(order.taxTotal),
    tax_included: order.taxIncluded,
    total: amount(order.total),
    shipping_address: addressLines(order.shippingAddress),
    billing_address: addressLines(order.billingAddress),
  }
}

function goods(order: Order, quantities: readonly LineQuantity[]): MailData[] {
  return quantities.flatMap(({ lineId, quantity }) => {
    const line = order.lines.find(({ id }) => id === lineId)
    return line ? [{ ...named(line), quantity: Number(quantity) }] : []
  })
}

function named({ productTitle, variantTitle, sku }: Order['lines'][number]) {
  return { title: productTitle, variant: variantTitle === '' || variantTitle === ONLY_VARIANT ? null : variantTitle, sku }
}

function money(minor: bigint, currency: string): string {
  return `${formatDecimal(minor, currencyDigits(currency))} ${currency}`
}

/** An address as it is read from the top down. */
function addressLines(address: Address | null): string[] | null {
  if (!address) return null
  const place = [address.postcode, address.city].filter(Boolean).join(' ')
  return [address.name, address.company, address.line1, address.line2, place, address.region, address.country].filter(
    (line): line is string => line !== undefined && line !== '',
  )
}
