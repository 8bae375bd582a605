import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { evolve } from './evolve.ts'
import { readOrderEvent } from './order-event.ts'
import type { OrderState } from './order-state.ts'

export interface StoredOrderEvent {
  type: string
  data: Record<string, unknown>
  occurredAt: Date
}

/**
 * An order as its events tell it, nothing else looked at; undefined when there are none, or when the first one is from before
 * events told everything.
 */
export function foldOrder(events: readonly StoredOrderEvent[]): OrderState | undefined {
  const [first] = events
  if (!first?.data.content) return undefined
  let state: OrderState | undefined
  for (const { type, data, occurredAt } of events) state = evolve(state, readOrderEvent(type, data), occurredAt)
  return state
}

/** The events of an order in their order, up to the last one of a moment: clocks of two processes may differ a little, sequences do not. */
export function orderEventsQuery(tx: Pick<Tx, 'sql' | 'merchantId'>, orderId: string, until?: Date): Query {
  return tx.sql`
    select type, data, occurred_at as "occurredAt" from event
    where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} and aggregate_type = 'order'
      ${until === undefined ? tx.sql`` : upTo(tx, orderId, until)}
    order by sequence`
}

function upTo(tx: Pick<Tx, 'sql' | 'merchantId'>, orderId: string, until: Date): Query {
  return tx.sql`
    and sequence <= (
      select max(sequence) from event
      where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} and aggregate_type = 'order' and occurred_at <= ${until}::timestamptz)`
}
