import type { OrderLineState, OrderTotals } from './order-state.ts'

/** So much of a line. */
export interface LineQuantity {
  lineId: string
  quantity: bigint
}

export type LineContent = Omit<OrderLineState, 'fulfilled' | 'delivered' | 'returned'>

/** What was bought, and for how much. */
export interface OrderContent extends OrderTotals {
  number: bigint
  currency: string
  customerId: string | null
  lines: LineContent[]
}

export interface PaymentFacts {
  id: string
  provider: string
  method: string
  amount: bigint
}

/** Everything that can happen to an order. Amounts in minor units of its currency; those of a step, not sums. */
export type OrderEvent =
  | { type: 'order.submitted'; content: OrderContent; payments: PaymentFacts[] }
  /** With its content when it is the order's first event. */
  | { type: 'order.placed'; content: OrderContent | null; payments: PaymentFacts[] }
  | { type: 'order.cancelled'; reason: string }
  /** All lines and totals as they are from now on; difference = the new total less the old one. */
  | { type: 'order.edited'; lines: LineContent[]; totals: OrderTotals; difference: bigint; reason: string }
  | { type: 'order.tagged'; tags: string[] }
  | { type: 'order.noted'; noteId: string }
  | { type: 'order.contact_changed'; fields: string[] }
  | { type: 'payment.authorized' | 'payment.captured' | 'payment.voided'; paymentId: string; amount: bigint }
  | { type: 'payment.failed'; paymentId: string; code: string }
  | { type: 'payment.action_required'; paymentId: string }
  /** The buyer is asked to pay what is outstanding. */
  | { type: 'payment.requested'; amount: bigint }
  | { type: 'payment.held_for_review'; paymentId: string; reason: string }
  | { type: 'payment.disputed'; paymentId: string; disputeId: string; amount: bigint; status: 'opened' | 'won' | 'lost' }
  | {
      type: 'refund.issued'
      refundId: string
      paymentId: string | null
      amount: bigint
      to: 'original' | 'store_credit'
      lines: LineQuantity[]
      shipping: bigint
      /** The edit whose excess it gives back; absent otherwise. */
      editId?: string
    }
  | { type: 'fulfillment.shipped' | 'fulfillment.delivered'; fulfillmentId: string; lines: LineQuantity[] }
  | { type: 'return.received'; returnId: string; lines: LineQuantity[] }

/** The members of an event that are amounts, sums or quantities: plain numbers on the wire, bigint here. */
const BIGINTS: ReadonlySet<string> = new Set([
  'number',
  'amount',
  'difference',
  'shipping',
  'quantity',
  'unitPrice',
  'subtotal',
  'discountTotal',
  'shippingDiscountTotal',
  'shippingTotal',
  'taxTotal',
  'total',
])

/** What of an event is written to the log: JSON in snake_case, amounts as plain numbers of minor units. */
export function eventData(orderId: string, { type: _, ...members }: OrderEvent): Record<string, unknown> {
  return { order_id: orderId, ...(outward(members) as object) }
}

/** An event as it was written, read again. */
export function readOrderEvent(type: string, data: Record<string, unknown>): OrderEvent {
  const { order_id: _, ...members } = data
  return { type, ...(inward(members) as object) } as OrderEvent
}

function outward(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(outward)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [snakeCase(name), outward(member)]))
}

function inward(value: unknown, name = ''): unknown {
  if (typeof value === 'number' && BIGINTS.has(name)) return BigInt(value)
  if (Array.isArray(value)) return value.map((member) => inward(member))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
      return [camel, inward(member, camel)]
    }),
  )
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
