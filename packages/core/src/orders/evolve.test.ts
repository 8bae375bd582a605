import { describe, expect, it } from 'vitest'
import { Refusal } from '../refusal.ts'
import { evolve } from './evolve.ts'
import { foldOrder } from './fold-order.ts'
import { eventData, type OrderContent, type OrderEvent, readOrderEvent } from './order-event.ts'
import type { OrderState } from './order-state.ts'

const AT = new Date('2026-05-01T12:00:00Z')
const line = (id: string, quantity: bigint) => ({
  ...{ id, productId: `p-${id}`, variantId: `v-${id}`, sku: id, quantity, unitPrice: 500n },
  ...{ subtotal: 500n * quantity, discountTotal: 0n, taxTotal: 0n, total: 500n * quantity },
})
const CONTENT: OrderContent = {
  ...{ number: 1n, currency: 'EUR', customerId: null, subtotal: 1_500n, discountTotal: 0n, shippingDiscountTotal: 0n },
  ...{ shippingTotal: 0n, taxTotal: 0n, taxIncluded: true, total: 1_500n, lines: [line('a', 2n), line('b', 1n)] },
}
const PLACED: OrderEvent = { type: 'order.placed', content: CONTENT, payments: [] }
const SUBMITTED: OrderEvent = { type: 'order.submitted', content: CONTENT, payments: [] }
const FIRM: OrderEvent = { type: 'order.placed', content: null, payments: [] }
const captured = (amount: bigint): OrderEvent => ({ type: 'payment.captured', paymentId: 'x', amount })
const authorized = (amount: bigint): OrderEvent => ({ type: 'payment.authorized', paymentId: 'x', amount })
const refunded = (amount: bigint): OrderEvent => ({
  ...{ type: 'refund.issued', refundId: 'r', paymentId: 'x', amount, to: 'original', lines: [], shipping: 0n },
})
const goods = (type: 'fulfillment.shipped' | 'fulfillment.delivered', quantities: Record<string, bigint>): OrderEvent => ({
  ...{ type, fulfillmentId: 'f', lines: Object.entries(quantities).map(([lineId, quantity]) => ({ lineId, quantity })) },
})
const returned = (quantities: Record<string, bigint>): OrderEvent => ({
  ...{ type: 'return.received', returnId: 'r', lines: Object.entries(quantities).map(([lineId, quantity]) => ({ lineId, quantity })) },
})
const CANCELLED: OrderEvent = { type: 'order.cancelled', reason: 'no more' }

function after(...events: OrderEvent[]): OrderState {
  return events.reduce<OrderState | undefined>((state, event) => evolve(state, event, AT), undefined)!
}

function statuses(...events: OrderEvent[]): string {
  const { status, paymentStatus, fulfillmentStatus } = after(...events)
  return `${status} ${paymentStatus} ${fulfillmentStatus}`
}

function refusal(...events: OrderEvent[]): Refusal {
  try {
    after(...events)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the state of an order', () => {
  const cases: [string, OrderEvent[], string][] = [
    ['is placed and unpaid at first', [PLACED], 'placed pending unfulfilled'],
    ['is pending until its payment is settled', [SUBMITTED], 'pending pending unfulfilled'],
    ['stays pending while it is only authorized', [SUBMITTED, authorized(1_500n)], 'pending authorized unfulfilled'],
    ['is firm once it is confirmed', [SUBMITTED, authorized(1_500n), FIRM], 'placed authorized unfulfilled'],
    ['is paid when all of it is captured', [PLACED, captured(1_500n)], 'paid paid unfulfilled'],
    ['is part paid before', [PLACED, captured(1_499n)], 'placed part_paid unfulfilled'],
    ['says that a payment failed', [SUBMITTED, { type: 'payment.failed', paymentId: 'x', code: 'no' }], 'pending failed unfulfilled'],
    [
      'forgets a failed payment when another one works',
      [SUBMITTED, { type: 'payment.failed', paymentId: 'x', code: 'no' }, authorized(1_500n), FIRM, captured(1_500n)],
      'paid paid unfulfilled',
    ],
    [
      'says that a payment is held for review',
      [SUBMITTED, { type: 'payment.held_for_review', paymentId: 'x', reason: 'amount' }],
      'pending review unfulfilled',
    ],
    [
      'is voided with its authorization',
      [PLACED, authorized(1_500n), { type: 'payment.voided', paymentId: 'x', amount: 1_500n }],
      'placed voided unfulfilled',
    ],
    ['is sent in part', [PLACED, goods('fulfillment.shipped', { a: 1n })], 'part_fulfilled pending part_fulfilled'],
    ['is sent', [PLACED, goods('fulfillment.shipped', { a: 2n, b: 1n })], 'fulfilled pending fulfilled'],
    [
      'has arrived',
      [PLACED, goods('fulfillment.shipped', { a: 2n, b: 1n }), goods('fulfillment.delivered', { a: 2n, b: 1n })],
      'delivered pending delivered',
    ],
    ['came back in part', [PLACED, goods('fulfillment.shipped', { a: 2n, b: 1n }), returned({ a: 1n })], 'fulfilled pending part_returned'],
    ['came back', [PLACED, goods('fulfillment.shipped', { a: 2n, b: 1n }), returned({ a: 2n, b: 1n })], 'returned pending returned'],
    ['is refunded in part', [PLACED, captured(1_500n), refunded(1n)], 'paid part_refunded unfulfilled'],
    ['is refunded', [PLACED, captured(1_500n), refunded(1_500n)], 'placed refunded unfulfilled'],
    ['is cancelled', [PLACED, CANCELLED], 'cancelled voided unfulfilled'],
    ['keeps what is authorized when it is cancelled', [PLACED, authorized(1_500n), CANCELLED], 'cancelled authorized unfulfilled'],
    ['takes note of money that comes too late', [SUBMITTED, CANCELLED, captured(1_500n)], 'cancelled paid unfulfilled'],
    ['and of its way back', [SUBMITTED, CANCELLED, captured(1_500n), refunded(1_500n)], 'cancelled refunded unfulfilled'],
    ['with nothing to pay is paid', [{ ...PLACED, content: { ...CONTENT, total: 0n } } as OrderEvent], 'paid paid unfulfilled'],
  ]
  it.each(cases)('%s', (_, events, expected) => {
    expect(statuses(...events)).toBe(expected)
  })

  it('counts its events', () => {
    expect(after(SUBMITTED, authorized(1_500n), FIRM, captured(1_500n)).revision).toBe(4n)
  })
})

describe('what may not happen', () => {
  const cases: [string, OrderEvent[], string][] = [
    ['placing twice', [PLACED, FIRM], 'invalid_state'],
    ['submitting twice', [SUBMITTED, SUBMITTED], 'invalid_state'],
    ['cancelling twice', [PLACED, CANCELLED, CANCELLED], 'invalid_state'],
    ['cancelling what was sent', [PLACED, goods('fulfillment.shipped', { a: 1n }), CANCELLED], 'invalid_state'],
    ['sending what is not firm', [SUBMITTED, goods('fulfillment.shipped', { a: 1n })], 'invalid_state'],
    ['sending what is cancelled', [PLACED, CANCELLED, goods('fulfillment.shipped', { a: 1n })], 'invalid_state'],
    ['sending more than was ordered', [PLACED, goods('fulfillment.shipped', { a: 3n })], 'quantity_out_of_range'],
    ['sending nothing', [PLACED, goods('fulfillment.shipped', { a: 0n })], 'quantity_out_of_range'],
    ['sending a line of nobody', [PLACED, goods('fulfillment.shipped', { z: 1n })], 'not_found'],
    ['arriving before it is sent', [PLACED, goods('fulfillment.delivered', { a: 1n })], 'quantity_out_of_range'],
    ['returning what was not sent', [PLACED, returned({ a: 1n })], 'quantity_out_of_range'],
    ['refunding more than was captured', [PLACED, captured(10n), refunded(11n)], 'refund_exceeds_capture'],
    ['voiding what was captured', [PLACED, captured(10n), { type: 'payment.voided', paymentId: 'x', amount: 1n }], 'invalid_state'],
    [
      'editing away what was sent',
      [
        PLACED,
        goods('fulfillment.shipped', { a: 2n }),
        {
          type: 'order.edited',
          lines: [line('a', 1n), line('b', 1n)],
          totals: { ...CONTENT, subtotal: 1_000n, total: 1_000n },
          difference: -500n,
          reason: '',
        },
      ],
      'quantity_out_of_range',
    ],
  ]
  it.each(cases)('%s', (_, events, code) => {
    expect(refusal(...events).code).toBe(code)
  })
})

describe('an event', () => {
  it('is the same after it was written and read', () => {
    const written = JSON.parse(JSON.stringify(eventData('an order', PLACED)))
    expect(written).toMatchObject({ order_id: 'an order', content: { tax_included: true, lines: [{ unit_price: 500 }, {}] } })
    expect(readOrderEvent('order.placed', written)).toEqual(PLACED)
  })

  it('folds from the log to the state it had made', () => {
    const events = [PLACED, captured(1_500n), goods('fulfillment.shipped', { a: 2n }), refunded(200n)]
    const stored = events.map((event) => ({ type: event.type, data: JSON.parse(JSON.stringify(eventData('o', event))), occurredAt: AT }))
    expect(foldOrder(stored)).toEqual(after(...events))
  })
})
