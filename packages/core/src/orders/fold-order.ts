import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { evolve } from './evolve.ts'
import { readOrderEvent } from './order-event.ts'
import type { OrderState } from './order-state.ts'

export interface StoredOrderEvent {
  type: string
  data: Record<string, unknown>
  occurredAt: Date
}

/** An order as its events tell it, nothing else looked at; undefined when there are none. */
export function foldOrder(events: readonly StoredOrderEvent[]): OrderState | undefined {
  let state: OrderState | undefined
  for (const { type, data, occurredAt } of events) state = evolve(state, readOrderEvent(type, data), occurredAt)
  return state
}

/** The events of an order in the order in which they happened, up to a moment. */
export function orderEventsQuery(tx: Pick<Tx, 'sql' | 'merchantId'>, orderId: string, until?: Date): Query {
  return tx.sql`
    select type, data, occurred_at as "occurredAt" from event
    where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} and aggregate_type = 'order'
      and (${until ?? null}::timestamptz is null or occurred_at <= ${until ?? null}::timestamptz)
    order by sequence`
}
