import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type FollowerLease, holdFollower } from '../events/followers.ts'
import { recordEvent } from '../events/record.ts'
import { type Health, isOpen, judge, retryDelayMs, succeeded, type Verdict } from './health.ts'
import type { SentEvent } from './payload.ts'
import { planDeliveries, replayPart } from './plan.ts'
import type { SendResult } from './sender.ts'

const ACTOR: Actor = { kind: 'job', task: 'webhooks' }
/** After so long a delivery is given up, and those that waited for it are sent. */
export const DEAD_AFTER_DAYS = 7
const PLANS_MAX = 4

/** What an attempt came to, to be written down. */
export interface Attempted {
  delivery: Pick<DueDelivery, 'id' | 'aggregateId' | 'sequence'>
  number: bigint
  startedAt: Date
  result: SendResult
}

export interface DueDelivery {
  id: string
  sequence: bigint
  aggregateId: string
  payloadVersion: string
  attempts: bigint
  event: SentEvent
}

export interface ServedEndpoint extends Health {
  id: string
  url: string
  status: 'enabled' | 'disabled' | 'deleted'
  position: bigint
  sealedSecret: string
  /** The one before, for as long as it signs. */
  sealedPrevious: string | null
  sealedHeaders: string | null
  now: Date
}

export interface Exchange {
  endpoint: ServedEndpoint
  /** In the order of the log; those of one aggregate are to be sent one after the other, each if the one before was taken. */
  deliveries: DueDelivery[]
  /** The circuit is open, or the endpoint gone: nothing that has not been sent yet may be. */
  halted: boolean
  /** There is more of the log to look at. */
  more: boolean
}

/**
 * One step of serving an endpoint, in one transaction under the lease: writes down what attempts came to, judges the endpoint,
 * makes deliveries of new events, and answers what is due. Throws FollowerLeaseLost; then nothing of it is written.
 */
export async function exchange(
  tx: Tx,
  work: {
    lease: FollowerLease
    endpointId: string
    attempted: readonly Attempted[]
    busy: readonly string[]
    room: number
    random: () => number
  },
): Promise<Exchange> {
  await holdFollower(tx, work.lease)
  const before = await lockServed(tx, work.endpointId)
  if (work.attempted.length > 0) await recordAttempts(tx, work.endpointId, work.attempted, work.random)
  const { endpoint, verdict } = await judgeEndpoint(tx, before, work)
  const halted = endpoint.status !== 'enabled' || (endpoint.pausedUntil !== null && endpoint.pausedUntil > endpoint.now)
  if (halted || work.room <= 0) return { endpoint, deliveries: [], halted, more: false }
  if (verdict === 'recovered') await hurry(tx, work.endpointId)
  const trying = isOpen(endpoint)
  const ask = { endpointId: endpoint.id, busy: work.busy, room: trying ? 1 : work.room, trying }
  let deliveries = await findDue(tx, ask)
  let more = false
  for (let plans = 0; deliveries.length < ask.room && plans < PLANS_MAX; plans += 1) {
    const { planned, reachedEnd } = await planDeliveries(tx, endpoint.id, trying ? 1 : undefined)
    const replayed = await replayPart(tx, endpoint.id)
    if (planned + replayed > 0) deliveries = await findDue(tx, ask)
    more = !reachedEnd || replayed > 0
    if (!more) break
  }
  return { endpoint, deliveries, halted, more }
}

async function lockServed(tx: Tx, id: string): Promise<ServedEndpoint> {
  const [row] = await tx.sql<ServedEndpoint[]>`
    select id, url, status, position, sealed_secret as "sealedSecret", case when previous_until > now() then sealed_previous end as "sealedPrevious",
      sealed_headers as "sealedHeaders", failures, failing_since as "failingSince", noticed_at as "noticedAt", paused_until as "pausedUntil", now() as now
    from webhook_endpoint where merchant_id = ${tx.merchantId} and id = ${id} for no key update`
  return row!
}

/** What failed is due later, and all of its aggregate with it. */
async function recordAttempts(tx: Tx, endpointId: string, attempted: readonly Attempted[], random: () => number): Promise<void> {
  const rows = attempted.map(({ delivery, number, startedAt, result }) => ({
    id: delivery.id,
    aggregate_id: delivery.aggregateId,
    sequence: Number(delivery.sequence),
    number: Number(number),
    ok: succeeded(result),
    started_at: startedAt.toISOString(),
    duration_ms: Math.round(result.durationMs),
    status_code: result.statusCode,
    failure: result.failure,
    answer: result.answer,
    retry_ms: retryDelayMs(number, result.retryAfterMs, random()),
  }))
  await tx.sql`
    with result as materialized (
      select r.*, now() + r.retry_ms * interval '1 millisecond' as retry_at
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (id uuid, aggregate_id uuid, sequence bigint, number bigint, ok boolean,
        started_at timestamptz, duration_ms bigint, status_code integer, failure text, answer text, retry_ms bigint)
    ), attempt as (
      insert into webhook_attempt (merchant_id, delivery_id, number, started_at, duration_ms, status_code, failure, answer)
      select ${tx.merchantId}, r.id, r.number, r.started_at, r.duration_ms, r.status_code, r.failure, r.answer from result r
    )
    update webhook_delivery d set attempts = d.attempts + 1,
      status = case when r.ok then 'delivered' when d.pending_since < now() - ${DEAD_AFTER_DAYS} * interval '1 day' then 'dead' else 'pending' end,
      ended_at = case when r.ok or d.pending_since < now() - ${DEAD_AFTER_DAYS} * interval '1 day' then now() end,
      due_at = case when r.ok then d.due_at else r.retry_at end
    from result r where d.merchant_id = ${tx.merchantId} and d.id = r.id and d.status = 'pending'`
  const refused = rows.filter(({ ok }) => !ok)
  if (refused.length === 0) return
  await tx.sql`
    update webhook_delivery later set due_at = d.due_at
    from jsonb_to_recordset(${JSON.stringify(refused.map(({ id }) => ({ id })))}::jsonb) as r (id uuid)
      join webhook_delivery d on d.merchant_id = ${tx.merchantId} and d.id = r.id and d.status = 'pending'
    where later.merchant_id = ${tx.merchantId} and later.endpoint_id = ${endpointId} and later.status = 'pending'
      and later.aggregate_id = d.aggregate_id and later.sequence > d.sequence and later.due_at < d.due_at`
}

async function judgeEndpoint(
  tx: Tx,
  before: ServedEndpoint,
  { attempted, random }: { attempted: readonly Attempted[]; random: () => number },
): Promise<{ endpoint: ServedEndpoint; verdict: Verdict }> {
  if (attempted.length === 0) return { endpoint: before, verdict: 'fine' }
  const results = attempted.map(({ result, number }) => ({ ...result, number }))
  const { health, verdict } = judge(before, results, before.now, random())
  const ended = (verdict === 'gone' || verdict === 'failing') && before.status === 'enabled'
  const endpoint: ServedEndpoint = { ...before, ...health, ...(ended && { status: 'disabled' }) }
  if (healthText(before) !== healthText(endpoint)) {
    await tx.sql`
      update webhook_endpoint set failures = ${endpoint.failures}::bigint, failing_since = ${endpoint.failingSince}::timestamptz,
        noticed_at = ${endpoint.noticedAt}::timestamptz, paused_until = ${endpoint.pausedUntil}::timestamptz, status = ${endpoint.status},
        disabled_reason = case when ${ended} then ${verdict} else disabled_reason end
      where merchant_id = ${tx.merchantId} and id = ${before.id}`
  }
  if (ended) await tell(tx, endpoint, 'webhook.endpoint_disabled', { reason: verdict })
  if (verdict === 'notice') await tell(tx, endpoint, 'webhook.endpoint_failing', { failing_since: endpoint.failingSince!.toISOString() })
  return { endpoint, verdict }
}

function healthText({ failures, failingSince, noticedAt, pausedUntil, status }: ServedEndpoint): string {
  return JSON.stringify([String(failures), failingSince, noticedAt, pausedUntil, status])
}

function tell(tx: Tx, endpoint: ServedEndpoint, type: string, data: Record<string, unknown>) {
  const about = { endpoint_id: endpoint.id, url_host: new URL(endpoint.url).host }
  return recordEvent(tx, {
    type,
    aggregateType: 'webhook_endpoint',
    aggregateId: endpoint.id,
    data: { ...about, ...data },
    actor: ACTOR,
    now: endpoint.now,
  })
}

/** The receiver is back: nothing waits for its turn any longer. How fast it is drained is bounded by who sends. */
async function hurry(tx: Tx, endpointId: string): Promise<void> {
  await tx.sql`
    update webhook_delivery set due_at = now()
    where merchant_id = ${tx.merchantId} and endpoint_id = ${endpointId} and status = 'pending' and due_at > now()`
}

/** While it is only tried whether the endpoint is back, its pace is the circuit's, and what was refused least often goes first. */
async function findDue(
  tx: Tx,
  { endpointId, busy, room, trying }: { endpointId: string; busy: readonly string[]; room: number; trying: boolean },
): Promise<DueDelivery[]> {
  const due = trying
    ? tx.sql`
      not exists (select from webhook_delivery b
        where b.merchant_id = ${tx.merchantId} and b.endpoint_id = ${endpointId} and b.aggregate_id = d.aggregate_id and b.status = 'pending'
          and b.sequence < d.sequence)`
    : tx.sql`d.due_at <= now()`
  const rows = await tx.sql<(Omit<DueDelivery, 'event'> & Omit<SentEvent, 'id'> & { eventId: string })[]>`
    select d.id, d.sequence, d.aggregate_id as "aggregateId", d.payload_version as "payloadVersion", d.attempts, e.id as "eventId", e.type,
      e.aggregate_type as "aggregateType", e.data, e.actor, e.occurred_at as "occurredAt"
    from webhook_delivery d
      join event e on e.merchant_id = ${tx.merchantId} and e.sequence = d.sequence
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpointId} and d.status = 'pending' and ${due}
      and not exists (select from jsonb_array_elements_text(${JSON.stringify(busy)}::jsonb) as b (id) where b.id = d.aggregate_id::text)
    order by case when ${trying} then d.attempts else 0 end, d.sequence
    limit ${room}`
  return rows.map(({ id, sequence, aggregateId, payloadVersion, attempts, eventId, ...event }) => ({
    id,
    sequence,
    aggregateId,
    payloadVersion,
    attempts,
    event: { ...event, id: eventId, sequence, aggregateId },
  }))
}
