import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { assertStep, type Fulfillment, type HeldFulfillment, holdFulfillment, loadFulfillment, noFulfillment } from './fulfillment.ts'
import { imageType } from './image-type.ts'
import { deliverHeld, shipHeld } from './ship-fulfillment.ts'

export const DELIVERY_FAILURES = ['nobody_home', 'wrong_address', 'refused', 'damaged', 'other'] as const
export type DeliveryFailure = (typeof DELIVERY_FAILURES)[number]

export const PROOF_KINDS = ['photo', 'signature'] as const
export type ProofKind = (typeof PROOF_KINDS)[number]

export const PROOF_BYTES_MAX = 512 * 1024
export const DELIVERY_ATTEMPTS_MAX = 100

/** Who looks at deliveries: a courier sees those that are its own, others all. */
export interface Viewer {
  actor: Actor
  seesAll: boolean
}

interface By {
  actor: Actor
  now: Date
}

export interface NewAttempt {
  outcome: 'delivered' | 'failed'
  reason: DeliveryFailure | null
  /** In the words of whoever brought it. */
  receivedBy: string
  note: string
  proofs: readonly { kind: ProofKind; content: Buffer }[]
}

export interface DeliveryAttempt {
  id: string
  outcome: 'delivered' | 'failed'
  reason: DeliveryFailure | null
  receivedBy: string
  note: string
  actor: Actor
  attemptedAt: Date
  proofs: { id: string; kind: ProofKind; mediaType: string }[]
}

/** A delivery that the viewer may see, or `not_found`. */
export async function loadDelivery(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string, viewer: Viewer): Promise<Fulfillment> {
  const fulfillment = await loadFulfillment(tx, id)
  assertSees(viewer, fulfillment)
  return fulfillment
}

/** The courier takes packed goods along: they leave the house. */
export async function collectDelivery(tx: Tx, id: string, viewer: Viewer, by: By): Promise<Fulfillment> {
  const target = await holdDelivery(tx, id, viewer)
  assertStep(target.fulfillment, ['packed'], 'collected')
  await shipHeld(tx, target, {}, by)
  return loadFulfillment(tx, id)
}

/**
 * Writes down that a courier was at the door, with what shows it. Delivered goods are delivered for the order, too. Refuses
 * `invalid_state` for goods that are not on their way, and `invalid_media` for what is no picture.
 */
export async function recordAttempt(tx: Tx, id: string, attempt: NewAttempt, viewer: Viewer, by: By): Promise<DeliveryAttempt> {
  const target = await holdDelivery(tx, id, viewer)
  assertStep(target.fulfillment, ['shipped'], 'delivered')
  if (target.fulfillment.attempts >= DELIVERY_ATTEMPTS_MAX)
    throw new Refusal('too_many', { detail: `A fulfillment has at most ${DELIVERY_ATTEMPTS_MAX} delivery attempts.` })
  const attemptId = newId(by.now)
  await tx.sql`
    insert into delivery_attempt (merchant_id, id, fulfillment_id, outcome, reason, received_by, note, actor, attempted_at)
    values (${tx.merchantId}, ${attemptId}, ${id}, ${attempt.outcome}, ${attempt.reason}, ${attempt.receivedBy}, ${attempt.note},
      ${JSON.stringify(by.actor)}::jsonb, ${by.now})`
  for (const [index, proof] of attempt.proofs.entries()) await insertProof(tx, attemptId, proof, index)
  await tx.sql`update fulfillment set attempts = attempts + 1 where merchant_id = ${tx.merchantId} and id = ${id}`
  if (attempt.outcome === 'delivered') await deliverHeld(tx, target, by)
  else await tellFailed(tx, target, attempt, by)
  const attempts = await attemptsOf(tx, id)
  return attempts.find((each) => each.id === attemptId)!
}

/** How often somebody was at the door, the first time first. */
export async function attemptsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, fulfillmentId: string): Promise<DeliveryAttempt[]> {
  return tx.sql<DeliveryAttempt[]>`
    select a.id, a.outcome, a.reason, a.received_by as "receivedBy", a.note, a.actor, a.attempted_at as "attemptedAt", coalesce(p.proofs, '[]') as proofs
    from delivery_attempt a
      cross join lateral (
        select jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'mediaType', media_type) order by kind) as proofs
        from delivery_proof where merchant_id = a.merchant_id and attempt_id = a.id
      ) p
    where a.merchant_id = ${tx.merchantId} and a.fulfillment_id = ${fulfillmentId} order by a.id`
}

/** What shows that something was delivered, or `not_found`. */
export async function loadProof(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  { fulfillmentId, proofId }: { fulfillmentId: string; proofId: string },
): Promise<{ mediaType: string; content: Buffer }> {
  const [row] = await tx.sql<{ mediaType: string; content: Buffer }[]>`
    select p.media_type as "mediaType", p.content
    from delivery_proof p join delivery_attempt a on a.merchant_id = p.merchant_id and a.id = p.attempt_id
    where p.merchant_id = ${tx.merchantId} and p.id = ${proofId} and a.fulfillment_id = ${fulfillmentId}`
  if (!row) throw new Refusal('not_found', { detail: 'There is no such proof of delivery.' })
  return row
}

async function holdDelivery(tx: Tx, id: string, viewer: Viewer): Promise<HeldFulfillment> {
  await loadDelivery(tx, id, viewer)
  const target = await holdFulfillment(tx, id)
  assertSees(viewer, target.fulfillment)
  return target
}

/** What is none of a courier's is answered as what does not exist. */
function assertSees({ actor, seesAll }: Viewer, { courierId }: Fulfillment): void {
  if (!seesAll && !('id' in actor && actor.id === courierId)) throw noFulfillment()
}

async function insertProof(tx: Tx, attemptId: string, { kind, content }: NewAttempt['proofs'][number], index: number): Promise<void> {
  const mediaType = imageType(content)
  if (mediaType === undefined || content.byteLength > PROOF_BYTES_MAX) {
    throw new Refusal('invalid_media', {
      detail: `A proof is a PNG, JPEG or WebP picture of at most ${PROOF_BYTES_MAX / 1024} KiB.`,
      errors: [{ pointer: `/proofs/${index}/content`, code: 'invalid_media' }],
    })
  }
  const written = await tx.sql`
    insert into delivery_proof (merchant_id, id, attempt_id, kind, media_type, content)
    values (${tx.merchantId}, ${newId()}, ${attemptId}, ${kind}, ${mediaType}, ${content}) on conflict do nothing returning id`
  if (written.length > 0) return
  const errors = [{ pointer: `/proofs/${index}/kind`, code: 'duplicate' }]
  throw new Refusal('duplicate', { detail: 'There is one proof of each kind.', errors })
}

/** Tells what everybody may know: not who opened, nor what was said. */
async function tellFailed(tx: Tx, { fulfillment }: HeldFulfillment, { reason }: NewAttempt, { actor, now }: By): Promise<void> {
  const { id, orderId, attempts } = fulfillment
  const data = { fulfillment_id: id, order_id: orderId, reason, attempt: attempts + 1 }
  await recordEvent(tx, { type: 'fulfillment.delivery_failed', aggregateType: 'fulfillment', aggregateId: id, data, actor, now })
}
