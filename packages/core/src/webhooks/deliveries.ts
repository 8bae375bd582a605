import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, lt } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { wakeFollower } from '../events/followers.ts'
import { firstIdOf, newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { holdEndpoint, readEndpoint } from './endpoints.ts'
import { type DeliveryStatus, webhookAttempts, webhookDeliveries, webhookReplays } from './tables.ts'

export type WebhookDelivery = typeof webhookDeliveries.$inferSelect
export type WebhookAttempt = typeof webhookAttempts.$inferSelect
export type WebhookReplay = typeof webhookReplays.$inferSelect

export interface DeliveryFilter {
  status?: DeliveryStatus | undefined
  eventType?: string | undefined
  aggregateId?: string | undefined
}

/** The log of an endpoint, the newest event first; `next` is the sequence before which it goes on. Refuses `not_found`. */
export async function listDeliveries(
  tx: Tx,
  endpointId: string,
  filter: DeliveryFilter,
  page: { limit: number; before?: bigint | undefined },
): Promise<{ deliveries: WebhookDelivery[]; next: bigint | null }> {
  await readEndpoint(tx, endpointId)
  const { status, eventType, aggregateId } = filter
  const rows = await tx
    .select()
    .from(webhookDeliveries)
    .where(
      and(
        mine(tx, webhookDeliveries),
        eq(webhookDeliveries.endpointId, endpointId),
        page.before === undefined ? undefined : lt(webhookDeliveries.sequence, page.before),
        status === undefined ? undefined : eq(webhookDeliveries.status, status),
        eventType === undefined ? undefined : eq(webhookDeliveries.eventType, eventType),
        aggregateId === undefined ? undefined : eq(webhookDeliveries.aggregateId, aggregateId),
      ),
    )
    .orderBy(desc(webhookDeliveries.sequence))
    .limit(page.limit + 1)
  const deliveries = rows.slice(0, page.limit)
  return { deliveries, next: rows.length > page.limit ? deliveries.at(-1)!.sequence : null }
}

const ATTEMPTS_SHOWN = 100

/** A delivery with its last attempts, the newest first. Refuses `not_found`. */
export async function readDelivery(
  tx: Tx,
  of: { endpointId: string; deliveryId: string },
): Promise<{ delivery: WebhookDelivery; attempts: WebhookAttempt[] }> {
  await readEndpoint(tx, of.endpointId)
  const [delivery] = await tx.select().from(webhookDeliveries).where(thatOne(tx, of))
  if (!delivery) throw noDelivery()
  const attempts = await tx
    .select()
    .from(webhookAttempts)
    .where(and(mine(tx, webhookAttempts), eq(webhookAttempts.deliveryId, of.deliveryId)))
    .orderBy(desc(webhookAttempts.number))
    .limit(ATTEMPTS_SHOWN)
  return { delivery, attempts }
}

/** Sends something again, whatever came of it, with the same id and the same bytes. Refuses what is on its way anyway. */
export async function replayDelivery(tx: Tx, of: { endpointId: string; deliveryId: string }): Promise<WebhookDelivery> {
  await requireEnabled(tx, of.endpointId)
  const replayed = await tx.sql`
    update webhook_delivery d set status = 'pending', ended_at = null, pending_since = now(), due_at = greatest(now(), (
      select max(w.due_at) from webhook_delivery w
      where w.merchant_id = ${tx.merchantId} and w.endpoint_id = d.endpoint_id and w.aggregate_id = d.aggregate_id and w.status = 'pending'
        and w.sequence < d.sequence))
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${of.endpointId} and d.id = ${of.deliveryId} and d.status <> 'pending' returning 1`
  const { delivery } = await readDelivery(tx, of)
  if (replayed.length === 0) {
    throw new Refusal('invalid_state', { detail: 'The delivery is on its way already.', extra: { current_state: delivery.status } })
  }
  await wakeFollower(tx, 'webhooks')
  return delivery
}

/**
 * Sends everything again that an endpoint was to be told between two moments, in order and a part at a time. What is older than
 * the log is gone. One replay of an endpoint at a time.
 */
export async function startReplay(
  tx: Tx,
  endpointId: string,
  range: { since: Date; until: Date },
  by: { actor: Actor; now: Date; reason: string },
): Promise<WebhookReplay> {
  await requireEnabled(tx, endpointId)
  const [open] = await tx.sql`
    select 1 from webhook_replay where merchant_id = ${tx.merchantId} and endpoint_id = ${endpointId} and done_at is null`
  if (open) throw new Refusal('too_many_in_progress', { detail: 'A replay to this endpoint is still going on.' })
  const [from, to] = [await lastBefore(tx, range.since), await lastBefore(tx, range.until)]
  const row = { merchantId: tx.merchantId, id: newId(by.now), endpointId, fromSequence: from, toSequence: to, position: from }
  const [replay] = await tx.insert(webhookReplays).values(row).returning()
  await recordAudit(tx, {
    action: 'webhook_endpoint.replayed',
    targetType: 'webhook_endpoint',
    targetId: endpointId,
    before: null,
    after: { since: range.since.toISOString(), until: range.until.toISOString() },
    ...by,
  })
  await wakeFollower(tx, 'webhooks')
  return replay!
}

/** The replays of an endpoint, the newest first. */
export async function listReplays(tx: Tx, endpointId: string, limit: number): Promise<WebhookReplay[]> {
  await readEndpoint(tx, endpointId)
  return tx
    .select()
    .from(webhookReplays)
    .where(and(mine(tx, webhookReplays), eq(webhookReplays.endpointId, endpointId)))
    .orderBy(desc(webhookReplays.id))
    .limit(limit)
}

async function requireEnabled(tx: Tx, endpointId: string): Promise<void> {
  const { status } = await holdEndpoint(tx, endpointId)
  if (status !== 'enabled') throw new Refusal('invalid_state', { detail: 'The endpoint is disabled.', extra: { current_state: status } })
}

/** The number of the last event that was written before a moment: ids begin with the time. */
async function lastBefore(tx: Tx, moment: Date): Promise<bigint> {
  const [row] = await tx.sql<{ sequence: bigint }[]>`
    select sequence from event where merchant_id = ${tx.merchantId} and id < ${firstIdOf(moment)}::uuid
    order by id desc limit 1`
  return row?.sequence ?? 0n
}

function thatOne(tx: Tx, { endpointId, deliveryId }: { endpointId: string; deliveryId: string }) {
  return and(mine(tx, webhookDeliveries), eq(webhookDeliveries.endpointId, endpointId), eq(webhookDeliveries.id, deliveryId))
}

function noDelivery(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such delivery.' })
}
