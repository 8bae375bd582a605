import { Refusal } from '../refusal.ts'
import type { LineContent, LineQuantity, OrderContent, OrderEvent } from './order-event.ts'
import type { FulfillmentStatus, OrderLineState, OrderPaymentStatus, OrderState, OrderStatus } from './order-state.ts'

/**
 * The whole state machine of an order: the state after one more event. Pure. Refuses `invalid_state`, with `current_state`,
 * for what may not happen to an order as it is, and `quantity_out_of_range` for more pieces than there are.
 */
export function evolve(state: OrderState | undefined, event: OrderEvent, at: Date): OrderState {
  if (!state) return opened(event)
  const next = derived(changed(state, event, at), event)
  return { ...next, revision: state.revision + 1n }
}

function opened(event: OrderEvent): OrderState {
  if ((event.type !== 'order.submitted' && event.type !== 'order.placed') || event.content === null)
    throw new Error(`the first event of an order is ${event.type}`)
  const state = fresh(event.content)
  return event.type === 'order.submitted' ? { ...state, status: 'pending' } : derived(state, event)
}

function fresh({ customerId: _, lines, ...content }: OrderContent): OrderState {
  return {
    ...content,
    status: 'placed',
    paymentStatus: 'pending',
    fulfillmentStatus: 'unfulfilled',
    authorized: 0n,
    captured: 0n,
    refunded: 0n,
    repaid: 0n,
    lines: lines.map((line) => ({ ...line, fulfilled: 0n, delivered: 0n, returned: 0n })),
    tags: [],
    cancelledAt: null,
    cancelReason: null,
    contactRevision: 1n,
    revision: 1n,
  }
}

/** What an event says by itself; what follows from it is `derived`. */
function changed(state: OrderState, event: OrderEvent, at: Date): OrderState {
  switch (event.type) {
    case 'order.submitted':
      throw illegal(state, 'The order was submitted before.')
    case 'order.placed':
      if (state.status !== 'pending') throw illegal(state, 'The order was placed before.')
      return { ...state, status: 'placed' }
    case 'order.cancelled':
      assertOpen(state, 'cancelled')
      if (state.lines.some(({ fulfilled }) => fulfilled > 0n)) throw illegal(state, 'A part of the order has been sent.')
      return { ...state, status: 'cancelled', cancelledAt: at, cancelReason: event.reason }
    case 'order.edited':
      assertFirm(state, 'edited')
      return { ...state, ...event.totals, lines: edited(state, event.lines) }
    case 'order.tagged':
      return { ...state, tags: event.tags }
    case 'order.contact_changed':
      return { ...state, contactRevision: state.contactRevision + 1n }
    case 'payment.authorized':
      return { ...state, authorized: state.authorized + event.amount }
    case 'payment.captured': {
      const captured = state.captured + event.amount
      // Money that was taken at once was authorized with it.
      return { ...state, captured, ...(captured > state.authorized && { authorized: captured }) }
    }
    case 'payment.voided':
      if (event.amount > state.authorized - state.captured) throw illegal(state, 'More was voided than is authorized.')
      return { ...state, authorized: state.authorized - event.amount }
    case 'refund.issued':
      if (state.refunded + event.amount > state.captured)
        throw new Refusal('refund_exceeds_capture', { detail: 'More would be refunded than was captured.' })
      return {
        ...state,
        refunded: state.refunded + event.amount,
        repaid: state.repaid + (event.editId === undefined ? 0n : event.amount),
      }
    case 'fulfillment.shipped':
      assertFirm(state, 'sent')
      return { ...state, lines: moved(state, event.lines, 'fulfilled', 'quantity') }
    case 'fulfillment.delivered':
      return { ...state, lines: moved(state, event.lines, 'delivered', 'fulfilled') }
    case 'return.received':
      return { ...state, lines: moved(state, event.lines, 'returned', 'fulfilled') }
    case 'order.noted':
    case 'payment.failed':
    case 'payment.action_required':
    case 'payment.requested':
    case 'payment.held_for_review':
    case 'payment.disputed':
      return state
  }
}

function derived(state: OrderState, event: OrderEvent): OrderState {
  const fulfillmentStatus = fulfillmentStatusOf(state.lines)
  const paymentStatus = paymentStatusOf(state, event)
  const next = { ...state, fulfillmentStatus, paymentStatus }
  return { ...next, status: statusOf(next) }
}

function statusOf({ status, fulfillmentStatus, paymentStatus, captured, total, repaid, lines }: OrderState): OrderStatus {
  if (status === 'cancelled' || status === 'pending') return status
  if (fulfillmentStatus === 'part_returned') return sentStatus(lines)
  if (fulfillmentStatus !== 'unfulfilled') return fulfillmentStatus
  const isPaid = paymentStatus === 'paid' || (paymentStatus === 'part_refunded' && captured >= total + repaid)
  return isPaid ? 'paid' : 'placed'
}

/** How far goods have come, whatever of them came back. */
function sentStatus(lines: readonly OrderLineState[]): 'part_fulfilled' | 'fulfilled' | 'delivered' {
  const ordered = sumOf(lines, 'quantity')
  if (sumOf(lines, 'delivered') >= ordered) return 'delivered'
  return sumOf(lines, 'fulfilled') >= ordered ? 'fulfilled' : 'part_fulfilled'
}

function fulfillmentStatusOf(lines: readonly OrderLineState[]): FulfillmentStatus {
  const returned = sumOf(lines, 'returned')
  if (returned > 0n) return returned >= sumOf(lines, 'quantity') ? 'returned' : 'part_returned'
  return sumOf(lines, 'fulfilled') > 0n ? sentStatus(lines) : 'unfulfilled'
}

/** Money that moved decides; while none has, what was heard of the payment last. */
function paymentStatusOf(
  { total, authorized, captured, refunded, repaid, status, paymentStatus }: OrderState,
  event: OrderEvent,
): OrderPaymentStatus {
  if (event.type === 'payment.held_for_review') return 'review'
  if (captured > 0n) {
    if (refunded >= captured) return 'refunded'
    if (refunded > 0n) return 'part_refunded'
    return captured >= total + repaid ? 'paid' : 'part_paid'
  }
  if (status === 'cancelled') return authorized > 0n ? 'authorized' : 'voided'
  if (total === 0n) return 'paid'
  if (authorized > 0n) return 'authorized'
  if (event.type === 'payment.failed') return 'failed'
  if (event.type === 'payment.voided') return 'voided'
  if (event.type === 'payment.action_required') return 'pending'
  const isOfMoney = paymentStatus === 'pending' || paymentStatus === 'failed' || paymentStatus === 'voided' || paymentStatus === 'review'
  return isOfMoney ? paymentStatus : 'pending'
}

/** Lines as they are from now on, with what was sent of them. A line that is left out has nothing left in it. */
function edited(state: OrderState, lines: readonly LineContent[]): OrderLineState[] {
  const before = new Map(state.lines.map((line) => [line.id, line]))
  const kept = lines.map((line) => {
    const { fulfilled, delivered, returned } = before.get(line.id) ?? { fulfilled: 0n, delivered: 0n, returned: 0n }
    if (line.quantity < fulfilled) throw tooMany('A part of the line has been sent.')
    return { ...line, fulfilled, delivered, returned }
  })
  const missing = state.lines.filter(({ id }) => !lines.some((line) => line.id === id))
  if (missing.length > 0) throw new Error('an edit names every line, also those with nothing left in them')
  return kept
}

type Counter = 'fulfilled' | 'delivered' | 'returned'

function moved(state: OrderState, quantities: readonly LineQuantity[], counter: Counter, of: 'quantity' | 'fulfilled'): OrderLineState[] {
  const lines = state.lines.map((line) => ({ ...line }))
  for (const { lineId, quantity } of quantities) {
    const line = lines.find(({ id }) => id === lineId)
    if (!line) throw new Refusal('not_found', { detail: 'The order has no such line.' })
    line[counter] += quantity
    if (quantity <= 0n || line[counter] > line[of])
      throw tooMany(`Only ${line[of] - line[counter] + quantity} pieces of the line are left.`)
  }
  return lines
}

function assertOpen(state: OrderState, what: string): void {
  if (state.status === 'cancelled' || state.status === 'returned')
    throw illegal(state, `An order that is ${state.status} cannot be ${what}.`)
}

function assertFirm(state: OrderState, what: string): void {
  assertOpen(state, what)
  if (state.status === 'pending') throw illegal(state, `An order whose payment is not settled cannot be ${what}.`)
}

function illegal(state: OrderState, detail: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: state.status } })
}

function tooMany(detail: string): Refusal {
  return new Refusal('quantity_out_of_range', { detail })
}

function sumOf(lines: readonly OrderLineState[], what: Counter | 'quantity'): bigint {
  return lines.reduce((sum, line) => sum + line[what], 0n)
}
