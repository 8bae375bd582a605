import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'

export interface NewEvent {
  /** Past tense: `order.placed`. */
  type: string
  aggregateType: string
  aggregateId: string
  data: Record<string, unknown>
  actor: Actor
  now: Date
}

/**
 * Writes what happened, in the transaction that makes it true. Events of a merchant are numbered 1, 2, 3, ... without a
 * gap: the counter row is locked until the commit, so the numbers are also the order in which readers see them. Issue it
 * late in a transaction. The query is not awaited here: it may travel with others.
 */
export function recordEvent(tx: Pick<Tx, 'sql' | 'merchantId'>, event: NewEvent): Query {
  return tx.sql`
    with counter as (
      update merchant_counter set event_sequence = event_sequence + 1 where merchant_id = ${tx.merchantId} returning event_sequence
    )
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor, occurred_at)
    select ${tx.merchantId}, event_sequence, ${event.type}, ${event.aggregateType}, ${event.aggregateId},
      ${JSON.stringify(event.data)}::jsonb, ${JSON.stringify(event.actor)}::jsonb, ${event.now}
    from counter`
}
