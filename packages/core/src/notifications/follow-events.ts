import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { FORGOTTEN_EMAIL } from '../customers/forgotten.ts'
import { type FollowerLease, holdFollower, releaseFollower, wakeFollower } from '../events/followers.ts'
import { MAIL_EVENT_AGE_MAX_DAYS, MAIL_EVENTS_PER_ROUND, MAIL_ROUND_MS } from '../mail/limits.ts'
import type { MailTemplateName } from '../mail/mail-template.ts'
import { queueMail } from '../mail/queue-mail.ts'

/** What is mailed of what happens to orders. */
const TEMPLATES: Record<string, MailTemplateName> = {
  'order.placed': 'order_placed',
  'order.cancelled': 'order_cancelled',
  'fulfillment.shipped': 'shipment_sent',
  'payment.requested': 'payment_requested',
  'refund.issued': 'refund_issued',
  'return.received': 'return_received',
}

const OF_WEBHOOKS = ['webhook.endpoint_failing', 'webhook.endpoint_disabled']
const DAY_MS = 86_400_000

interface Happened {
  sequence: bigint
  type: string
  aggregateId: string
  occurredAt: Date
}

/** A worker's turn: queues the mails about all that has happened, and gives the lease back. */
export async function followMail(inMerchant: InMerchant, lease: FollowerLease): Promise<void> {
  const revision = await inMerchant((tx) => holdFollower(tx, lease))
  const position = await followEventsForMail(inMerchant, new Date(), (tx) => holdFollower(tx, lease))
  await inMerchant(async (tx) => {
    await releaseFollower(tx, lease, { position, dueAt: null, revision })
  })
}

/**
 * Queues the mails about what has happened since the last time, each once: the position moves in the transaction that queues them, and
 * the event's number is the mail's key. Nothing is skipped: a number that is visible has all smaller ones before it. Answers how far
 * the log has been read. `hold` comes first in every transaction.
 */
export async function followEventsForMail(
  inMerchant: InMerchant,
  now: Date,
  hold: (tx: Tx) => Promise<unknown> = async () => {},
): Promise<bigint> {
  for (;;) {
    const round = await inMerchant(async (tx) => {
      await hold(tx)
      return followSome(tx, now, () => (inMerchant.isAboutToMove() ? 0 : MAIL_ROUND_MS))
    })
    crashPoint('mail.followed')
    if (round.isLast) return round.position
  }
}

/** Wakes the workers if something has happened that was not looked at for mail: they may have missed it. */
export async function wakeMail(tx: Tx): Promise<void> {
  const rows = await tx.sql`
    select 1 from merchant_counter c left join mail_follower f on f.merchant_id = c.merchant_id
    where c.merchant_id = ${tx.merchantId} and c.event_sequence > coalesce(f.position, 0)`
  if (rows.length > 0) await wakeFollower(tx, 'mail')
}

async function followSome(tx: Tx, now: Date, roundMs: () => number): Promise<{ isLast: boolean; position: bigint }> {
  const startedAt = performance.now()
  await tx.sql`insert into mail_follower (merchant_id) values (${tx.merchantId}) on conflict (merchant_id) do nothing`
  const [follower] = await tx.sql<[{ position: bigint }]>`
    select position from mail_follower where merchant_id = ${tx.merchantId} for update`
  const events = await tx.sql<Happened[]>`
    select sequence, type, aggregate_id as "aggregateId", occurred_at as "occurredAt" from event
    where merchant_id = ${tx.merchantId} and sequence > ${follower.position} order by sequence limit ${MAIL_EVENTS_PER_ROUND}`
  const oldest = now.getTime() - MAIL_EVENT_AGE_MAX_DAYS * DAY_MS
  let read = 0
  for (const event of events) {
    if (event.occurredAt.getTime() >= oldest) await queueMailOf(tx, event, now)
    read += 1
    // A merchant who moves waits for its longest transaction.
    if (performance.now() - startedAt > roundMs()) break
  }
  const last = events[read - 1]
  if (!last) return { isLast: true, position: follower.position }
  await tx.sql`
    update mail_follower set position = ${last.sequence}, updated_at = ${now} where merchant_id = ${tx.merchantId}`
  return { isLast: read === events.length && read < MAIL_EVENTS_PER_ROUND, position: last.sequence }
}

async function queueMailOf(tx: Tx, event: Happened, now: Date): Promise<void> {
  const template = TEMPLATES[event.type]
  if (template) await queueForBuyer(tx, event, template, now)
  else if (OF_WEBHOOKS.includes(event.type)) await queueForShop(tx, event, now)
}

async function queueForBuyer(tx: Tx, event: Happened, template: MailTemplateName, now: Date): Promise<void> {
  const [order] = await tx.sql<[{ email: string; locale: string | null; wasPlaced: boolean }?]>`
    select o.email, c.locale, exists (
        select from event e
        where e.merchant_id = ${tx.merchantId} and e.aggregate_id = o.id and e.type = 'order.placed' and e.sequence <= ${event.sequence}
      ) as "wasPlaced"
    from orders o left join customer c on c.merchant_id = ${tx.merchantId} and c.id = o.customer_id
    where o.merchant_id = ${tx.merchantId} and o.id = ${event.aggregateId}`
  // Whoever never heard that there was an order need not hear that there is none.
  if (!order?.wasPlaced || order.email === FORGOTTEN_EMAIL) return
  const data = { order_id: event.aggregateId, sequence: event.sequence.toString() }
  await queueMail(tx, { template, to: order.email, locale: order.locale, data, key: `event:${event.sequence}`, now })
}

async function queueForShop(tx: Tx, event: Happened, now: Date): Promise<void> {
  const [shop] = await tx.sql<[{ contactEmail: string }]>`
    select contact_email as "contactEmail" from merchant_settings where merchant_id = ${tx.merchantId}`
  const mail = { template: 'webhook_trouble', to: shop.contactEmail, locale: null, data: { sequence: event.sequence.toString() } } as const
  await queueMail(tx, { ...mail, key: `event:${event.sequence}`, now })
}
