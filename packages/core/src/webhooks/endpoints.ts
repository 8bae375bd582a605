import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, asc, desc, eq, ne, sql } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import type { PayloadVersion } from './payload.ts'
import { webhookEndpoints, webhookSubscriptions } from './tables.ts'

export const ENDPOINTS_MAX = 20
export const EVENT_TYPES_MAX = 50

/** A type, all types of a kind (`order.*`), or everything (`*`). */
export const EVENT_PATTERN = /^(\*|[a-z][a-z0-9_]{0,49}\.(\*|[a-z][a-z0-9_]{0,49}))$/

/** An endpoint as staff see it; its secret and the values of its headers are never shown again. */
export interface WebhookEndpoint {
  id: string
  url: string
  description: string
  eventTypes: string[]
  payloadVersion: PayloadVersion
  status: 'enabled' | 'disabled'
  disabledReason: 'staff' | 'gone' | 'failing' | null
  sealedHeaders: string | null
  previousUntil: Date | null
  /** What of the event log has its delivery. */
  position: bigint
  failingSince: Date | null
  pausedUntil: Date | null
  createdAt: Date
  updatedAt: Date
}

const COLUMNS = {
  id: webhookEndpoints.id,
  url: webhookEndpoints.url,
  description: webhookEndpoints.description,
  status: sql<'enabled' | 'disabled'>`${webhookEndpoints.status}`,
  disabledReason: webhookEndpoints.disabledReason,
  sealedHeaders: webhookEndpoints.sealedHeaders,
  previousUntil: webhookEndpoints.previousUntil,
  position: webhookEndpoints.position,
  failingSince: webhookEndpoints.failingSince,
  pausedUntil: webhookEndpoints.pausedUntil,
  createdAt: webhookEndpoints.createdAt,
  updatedAt: webhookEndpoints.updatedAt,
}

/** All of them: there are at most ENDPOINTS_MAX, or what the merchant's plan says. */
export async function listEndpoints(tx: Tx): Promise<WebhookEndpoint[]> {
  const rows = await tx
    .select(COLUMNS)
    .from(webhookEndpoints)
    .where(and(mine(tx, webhookEndpoints), ne(webhookEndpoints.status, 'deleted')))
    .orderBy(asc(webhookEndpoints.id))
  return Promise.all(rows.map(async (row) => ({ ...row, ...(await subscriptionOf(tx, row.id)) })))
}

/** Refuses `not_found`. */
export async function readEndpoint(tx: Tx, id: string): Promise<WebhookEndpoint> {
  const [row] = await tx
    .select(COLUMNS)
    .from(webhookEndpoints)
    .where(and(mine(tx, webhookEndpoints), eq(webhookEndpoints.id, id), ne(webhookEndpoints.status, 'deleted')))
  if (!row) throw noEndpoint()
  return { ...row, ...(await subscriptionOf(tx, id)) }
}

/** As readEndpoint, and keeps others from changing it until the commit. */
export async function holdEndpoint(tx: Tx, id: string): Promise<WebhookEndpoint> {
  await tx.sql`select 1 from webhook_endpoint where merchant_id = ${tx.merchantId} and id = ${id} for no key update`
  return readEndpoint(tx, id)
}

export function noEndpoint(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such webhook endpoint.' })
}

/** What it wants of the events that happen from now on. */
async function subscriptionOf(tx: Tx, endpointId: string): Promise<Pick<WebhookEndpoint, 'eventTypes' | 'payloadVersion'>> {
  const [row] = await tx
    .select({ eventTypes: webhookSubscriptions.eventTypes, payloadVersion: webhookSubscriptions.payloadVersion })
    .from(webhookSubscriptions)
    .where(and(mine(tx, webhookSubscriptions), eq(webhookSubscriptions.endpointId, endpointId)))
    .orderBy(desc(webhookSubscriptions.after))
    .limit(1)
  return row as Pick<WebhookEndpoint, 'eventTypes' | 'payloadVersion'>
}
