import type { Tx } from '@souk/tenant-router/tx.ts'
import { TEST_EVENT } from './change-endpoints.ts'

const EVENTS_A_PLAN = 256
const REPLAYED_A_PART = 200

/**
 * Looks at the next events of the log and makes deliveries of those that the endpoint wanted when they happened. Under the lock
 * on the endpoint. An event of an aggregate that waits, waits with it.
 */
export async function planDeliveries(
  tx: Tx,
  endpointId: string,
  eventsMax = EVENTS_A_PLAN,
): Promise<{ planned: number; reachedEnd: boolean }> {
  const [row] = await tx.sql<{ planned: number; scanned: number }[]>`
    with endpoint as (
      select position from webhook_endpoint where merchant_id = ${tx.merchantId} and id = ${endpointId}
    ), scanned as materialized (
      select e.sequence, e.type, e.aggregate_id from endpoint, lateral (
        select sequence, type, aggregate_id from event
        where merchant_id = ${tx.merchantId} and sequence > endpoint.position order by sequence limit ${eventsMax}) e
    ), planned as (
      insert into webhook_delivery (merchant_id, endpoint_id, sequence, event_type, aggregate_id, payload_version, status, due_at)
      select ${tx.merchantId}, ${endpointId}, e.sequence, e.type, e.aggregate_id, wanted.payload_version, 'pending', coalesce(waiting.due_at, now())
      from scanned e
        cross join lateral (
          select s.event_types, s.payload_version from webhook_subscription s
          where s.merchant_id = ${tx.merchantId} and s.endpoint_id = ${endpointId} and s.after < e.sequence order by s.after desc limit 1) wanted
        left join lateral (
          select max(d.due_at) as due_at from webhook_delivery d
          where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpointId} and d.aggregate_id = e.aggregate_id and d.status = 'pending'
        ) waiting on true
      where case when e.type = ${TEST_EVENT} then e.aggregate_id = ${endpointId}
        else '*' = any (wanted.event_types) or e.type = any (wanted.event_types) or split_part(e.type, '.', 1) || '.*' = any (wanted.event_types) end
      order by e.sequence
      returning 1
    ), moved as (
      update webhook_endpoint set position = (select max(sequence) from scanned)
      where merchant_id = ${tx.merchantId} and id = ${endpointId} and exists (select from scanned)
    )
    select (select count(*)::int from planned) as planned, (select count(*)::int from scanned) as scanned`
  return { planned: row!.planned, reachedEnd: row!.scanned < eventsMax }
}

/** Puts the next part of an ordered replay on its way again. Answers how many deliveries. */
export async function replayPart(tx: Tx, endpointId: string): Promise<number> {
  const [row] = await tx.sql<{ replayed: number }[]>`
    with replay as (
      select id, position, to_sequence from webhook_replay
      where merchant_id = ${tx.merchantId} and endpoint_id = ${endpointId} and done_at is null order by id limit 1
    ), part as materialized (
      select d.id, d.sequence, d.status, d.aggregate_id from replay r, lateral (
        select id, sequence, status, aggregate_id from webhook_delivery
        where merchant_id = ${tx.merchantId} and endpoint_id = ${endpointId} and sequence > r.position and sequence <= r.to_sequence
        order by sequence limit ${REPLAYED_A_PART}) d
    ), again as (
      update webhook_delivery d
      set status = 'pending', ended_at = null, pending_since = now(), due_at = greatest(now(), waiting.due_at)
      from part p left join lateral (
        select max(w.due_at) as due_at from webhook_delivery w
        where w.merchant_id = ${tx.merchantId} and w.endpoint_id = ${endpointId} and w.aggregate_id = p.aggregate_id and w.status = 'pending'
          and w.sequence < p.sequence) waiting on true
      where d.merchant_id = ${tx.merchantId} and d.id = p.id and p.status <> 'pending'
      returning 1
    ), moved as (
      update webhook_replay r set position = coalesce((select max(sequence) from part), r.to_sequence), replayed = r.replayed + (select count(*) from again),
        done_at = case when (select count(*) from part) < ${REPLAYED_A_PART} then now() end
      where r.merchant_id = ${tx.merchantId} and r.id = (select id from replay)
    )
    select (select count(*)::int from again) as replayed`
  return row!.replayed
}
