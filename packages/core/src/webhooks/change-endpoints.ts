import type { MerchantEntry } from '@souk/tenant-router/merchant-entry.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { wakeFollower } from '../events/followers.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import type { SecretBox } from '../secret-box.ts'
import { ENDPOINTS_MAX, holdEndpoint, readEndpoint, type WebhookEndpoint } from './endpoints.ts'
import { NEWEST_PAYLOAD_VERSION, type PayloadVersion } from './payload.ts'
import { newSecret, openHeaders, placeOf, requireHeaders, sealHeaders } from './secrets.ts'
import { webhookEndpoints, webhookSubscriptions } from './tables.ts'

/** So long the secret before a rotation signs as well. */
export const PREVIOUS_SECRET_MS = 24 * 60 * 60_000

export interface WebhookDeps {
  /** With WEBHOOK_SECRETS_PURPOSE. */
  box: SecretBox
  /** Why a URL may not be sent to, or undefined. */
  urlFault: (url: string) => Promise<string | undefined>
}

export interface EndpointFields {
  url: string
  description: string
  eventTypes: string[]
  payloadVersion: PayloadVersion
  headers: Record<string, string>
  enabled: boolean
}

export interface ChangedBy {
  actor: Actor
  now: Date
  reason: string
}

/**
 * The URL in the form it is kept in. Refuses `url_not_allowed`, and every URL in a sandbox. No transaction is open: to know our own
 * hosts the directory is asked.
 */
export async function requireUrl({ urlFault }: WebhookDeps, merchant: Pick<MerchantEntry, 'sandbox'>, url: string): Promise<string> {
  if (merchant.sandbox) throw new Refusal('invalid_state', { detail: 'This is a sandbox: it sends no webhooks.' })
  const fault = await urlFault(url)
  if (fault !== undefined) throw new Refusal('url_not_allowed', { detail: fault, errors: [{ pointer: '/url', code: 'url_not_allowed' }] })
  return new URL(url).href
}

/** Makes an endpoint that is told of everything that happens from now on. The secret is answered this once. */
export async function createEndpoint(
  tx: Tx,
  { box }: WebhookDeps,
  given: Omit<EndpointFields, 'payloadVersion'> & {
    payloadVersion?: PayloadVersion | undefined
    /** How many the merchant's plan allows; ENDPOINTS_MAX if it does not say. */
    endpointsMax?: number | undefined
  },
  by: ChangedBy,
): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
  const id = newId(by.now)
  const secret = newSecret()
  const headers = requireHeaders(given.headers)
  const { merchantId } = tx
  // Endpoints are counted by one at a time.
  await tx.sql`select 1 from merchant_settings where merchant_id = ${merchantId} for no key update`
  const position = await reachOfLog(tx)
  const made = await tx.sql`
    insert into webhook_endpoint (merchant_id, id, url, description, sealed_secret, sealed_headers, status, disabled_reason, position, kept_from)
    select ${merchantId}, ${id}, ${given.url}, ${given.description}, ${box.seal(secret, placeOf(merchantId, id, 'secret'))},
      ${sealHeaders(box, { merchantId, endpointId: id }, headers)}, ${given.enabled ? 'enabled' : 'disabled'}, ${given.enabled ? null : 'staff'},
      ${position}::bigint, ${position}::bigint
    where (select count(*) from webhook_endpoint where merchant_id = ${merchantId} and status <> 'deleted') < ${given.endpointsMax ?? ENDPOINTS_MAX}
    returning id`
  if (made.length === 0) throw tooManyEndpoints(given.endpointsMax)
  await subscribe(tx, id, { eventTypes: given.eventTypes, payloadVersion: given.payloadVersion ?? NEWEST_PAYLOAD_VERSION })
  await wakeFollower(tx, 'webhooks')
  const endpoint = await readEndpoint(tx, id)
  await audit(tx, 'created', null, endpoint, by)
  return { endpoint, secret }
}

function tooManyEndpoints(ofPlan: number | undefined): Refusal {
  if (ofPlan === undefined) return new Refusal('too_many', { detail: `A merchant has at most ${ENDPOINTS_MAX} webhook endpoints.` })
  const detail = `The merchant's plan allows ${ofPlan} webhook endpoints.`
  return new Refusal('plan_limit_reached', { detail, extra: { limit: 'webhooks.endpoints', allowed: ofPlan } })
}

/**
 * Changes an endpoint. What it wants and the form it wants it in count for events that happen from now on. One that is enabled
 * again is told of everything that happened meanwhile.
 */
export async function updateEndpoint(
  tx: Tx,
  { box }: WebhookDeps,
  id: string,
  changes: { [Field in keyof EndpointFields]?: EndpointFields[Field] | undefined },
  by: ChangedBy,
): Promise<WebhookEndpoint> {
  const before = await holdEndpoint(tx, id)
  const { eventTypes = before.eventTypes, payloadVersion = before.payloadVersion, enabled = before.status === 'enabled' } = changes
  const headers = changes.headers && requireHeaders(changes.headers)
  const status = enabled ? 'enabled' : 'disabled'
  const switched = status !== before.status
  await tx
    .update(webhookEndpoints)
    .set({
      url: changes.url ?? before.url,
      description: changes.description ?? before.description,
      ...(headers && { sealedHeaders: sealHeaders(box, { merchantId: tx.merchantId, endpointId: id }, headers) }),
      ...(switched && { status, disabledReason: enabled ? null : 'staff' }),
      // What was wrong with the old address says nothing of the new one.
      ...((switched || changes.url !== undefined) && { failures: 0n, failingSince: null, noticedAt: null, pausedUntil: null }),
      updatedAt: by.now,
    })
    .where(and(mine(tx, webhookEndpoints), eq(webhookEndpoints.id, id)))
  if (changes.eventTypes || changes.payloadVersion) await subscribe(tx, id, { eventTypes, payloadVersion })
  await wakeFollower(tx, 'webhooks')
  const after = await readEndpoint(tx, id)
  await audit(tx, 'updated', before, after, by)
  return after
}

/** Deletes an endpoint; what it was not told of yet it never will be. */
export async function deleteEndpoint(tx: Tx, id: string, by: ChangedBy): Promise<void> {
  const before = await holdEndpoint(tx, id)
  await tx
    .update(webhookEndpoints)
    .set({ status: 'deleted', disabledReason: null, updatedAt: by.now })
    .where(and(mine(tx, webhookEndpoints), eq(webhookEndpoints.id, id)))
  await audit(tx, 'deleted', before, null, by)
}

/** Gives an endpoint a new secret, answered this once. The old one signs beside it for a day. */
export async function rotateSecret(
  tx: Tx,
  { box }: WebhookDeps,
  id: string,
  by: ChangedBy,
): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
  const before = await holdEndpoint(tx, id)
  const secret = newSecret()
  await tx.sql`
    update webhook_endpoint set sealed_previous = sealed_secret, previous_until = now() + ${PREVIOUS_SECRET_MS} * interval '1 millisecond',
      sealed_secret = ${box.seal(secret, placeOf(tx.merchantId, id, 'secret'))}, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${id}`
  const endpoint = await readEndpoint(tx, id)
  await audit(tx, 'secret_rotated', before, endpoint, by)
  return { endpoint, secret }
}

/** Sends an event that says nothing, to this endpoint alone. Refuses `invalid_state` while it is disabled. */
export async function testEndpoint(tx: Tx, id: string, by: Pick<ChangedBy, 'actor' | 'now'>): Promise<void> {
  const { status } = await holdEndpoint(tx, id)
  if (status !== 'enabled') throw new Refusal('invalid_state', { detail: 'The endpoint is disabled.', extra: { current_state: status } })
  const data = { endpoint_id: id }
  await recordEvent(tx, { type: TEST_EVENT, aggregateType: 'webhook_endpoint', aggregateId: id, data, actor: by.actor, now: by.now })
}

/** Goes to the endpoint it is about, whatever that has subscribed to. */
export const TEST_EVENT = 'webhook.test'

/** From the next event on. Under the lock on the endpoint, where nothing beyond the log's end can have been looked at. */
async function subscribe(tx: Tx, endpointId: string, wanted: Pick<EndpointFields, 'eventTypes' | 'payloadVersion'>): Promise<void> {
  const row = { merchantId: tx.merchantId, endpointId, after: await reachOfLog(tx), ...wanted }
  await tx
    .insert(webhookSubscriptions)
    .values(row)
    .onConflictDoUpdate({
      target: [webhookSubscriptions.merchantId, webhookSubscriptions.endpointId, webhookSubscriptions.after],
      set: wanted,
    })
}

async function reachOfLog(tx: Tx): Promise<bigint> {
  const [row] = await tx.sql<{ sequence: bigint }[]>`
    select event_sequence as sequence from merchant_counter where merchant_id = ${tx.merchantId}`
  return row!.sequence
}

async function audit(tx: Tx, what: string, before: WebhookEndpoint | null, after: WebhookEndpoint | null, by: ChangedBy): Promise<void> {
  await recordAudit(tx, {
    action: `webhook_endpoint.${what}`,
    targetType: 'webhook_endpoint',
    targetId: (after ?? before)!.id,
    before: documentOf(before),
    after: documentOf(after),
    ...by,
  })
}

function documentOf(endpoint: WebhookEndpoint | null) {
  if (!endpoint) return null
  const { url, description, eventTypes, payloadVersion, status, disabledReason, sealedHeaders } = endpoint
  return {
    url,
    description,
    events: eventTypes,
    payload_version: payloadVersion,
    status,
    disabled_reason: disabledReason,
    has_headers: sealedHeaders !== null,
  }
}

/** The names of the headers an endpoint is sent with. */
export function headerNames({ box }: WebhookDeps, merchantId: string, { id, sealedHeaders }: WebhookEndpoint): string[] {
  return Object.keys(openHeaders(box, { merchantId, endpointId: id }, sealedHeaders))
}
