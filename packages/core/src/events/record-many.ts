import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { NewEvent } from './record.ts'

/** As recordEvent, for several events of one actor and moment in one statement. They are numbered in the order given. */
export function recordEvents(
  tx: Pick<Tx, 'sql' | 'merchantId'>,
  events: readonly Omit<NewEvent, 'actor' | 'now'>[],
  by: { actor: Actor; now: Date },
): Query {
  const rows = events.map(({ type, aggregateType, aggregateId, data }, index) => ({
    place: index + 1,
    type,
    aggregate_type: aggregateType,
    aggregate_id: aggregateId,
    data,
  }))
  return tx.sql`
    with counter as (
      update merchant_counter set event_sequence = event_sequence + ${rows.length}::bigint
      where merchant_id = ${tx.merchantId}
      returning event_sequence - ${rows.length}::bigint as before
    )
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor, occurred_at)
    select ${tx.merchantId}, counter.before + e.place, e.type, e.aggregate_type, e.aggregate_id, e.data, ${JSON.stringify(by.actor)}::jsonb,
      ${by.now}::timestamptz
    from counter
      cross join jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as e (place bigint, type text, aggregate_type text, aggregate_id uuid, data jsonb)
    order by e.place`
}
