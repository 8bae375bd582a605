import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { crashPoint } from '../crash-point.ts'
import { FORGOTTEN_EMAIL } from '../customers/forgotten.ts'
import { MAIL_EVENT_AGE_MAX_DAYS, MAIL_EVENTS_PER_ROUND } from '../mail/limits.ts'
import type { MailTemplateName } from '../mail/mail-template.ts'
import { queueMail } from '../mail/queue-mail.ts'

/** What is mailed of what happens to orders. */
const TEMPLATES: Record<string, MailTemplateName> = {
  'order.placed': 'order_placed',
  'order.cancelled': 'order_cancelled',
  'fulfillment.shipped': 'shipment_sent',
  'refund.issued': 'refund_issued',
  'return.received': 'return_received',
}

const DAY_MS = 86_400_000

interface Happened {
  sequence: bigint
  type: string
  orderId: string
  occurredAt: Date
}

/**
 * Queues the mails about what has happened since the last time, each once: the position moves in the transaction that queues them, and
 * the event's number is the mail's key. Nothing is skipped: a number that is visible has all smaller ones before it. Answers
 * how many were queued.
 */
export async function followEventsForMail(inMerchant: InMerchant, now: Date): Promise<number> {
  for (let queued = 0; ; ) {
    const round = await inMerchant((tx) => followSome(tx, now))
    crashPoint('mail.followed')
    queued += round.queued
    if (round.read < MAIL_EVENTS_PER_ROUND) return queued
  }
}

/** Whether there are events that were not looked at for mail yet. */
export async function hasUnmailedEvents(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<boolean> {
  const rows = await tx.sql`
    select 1 from merchant_counter c left join mail_follower f on f.merchant_id = c.merchant_id
    where c.merchant_id = ${tx.merchantId} and c.event_sequence > coalesce(f.position, 0)`
  return rows.length > 0
}

async function followSome(tx: Tx, now: Date): Promise<{ read: number; queued: number }> {
  await tx.sql`insert into mail_follower (merchant_id) values (${tx.merchantId}) on conflict (merchant_id) do nothing`
  const [follower] = await tx.sql<[{ position: bigint }]>`
    select position from mail_follower where merchant_id = ${tx.merchantId} for update`
  const events = await tx.sql<Happened[]>`
    select sequence, type, aggregate_id as "orderId", occurred_at as "occurredAt" from event
    where merchant_id = ${tx.merchantId} and sequence > ${follower.position} order by sequence limit ${MAIL_EVENTS_PER_ROUND}`
  const last = events.at(-1)
  if (!last) return { read: 0, queued: 0 }
  const oldest = now.getTime() - MAIL_EVENT_AGE_MAX_DAYS * DAY_MS
  let queued = 0
  for (const event of events) {
    const template = TEMPLATES[event.type]
    if (template && event.occurredAt.getTime() >= oldest && (await queueFor(tx, event, template, now))) queued++
  }
  await tx.sql`
    update mail_follower set position = ${last.sequence}, updated_at = ${now} where merchant_id = ${tx.merchantId}`
  return { read: events.length, queued }
}

async function queueFor(tx: Tx, event: Happened, template: MailTemplateName, now: Date): Promise<boolean> {
  const [order] = await tx.sql<[{ email: string; locale: string | null; wasPlaced: boolean }?]>`
    select o.email, c.locale, exists (
        select from event e
        where e.merchant_id = ${tx.merchantId} and e.aggregate_id = o.id and e.type = 'order.placed' and e.sequence <= ${event.sequence}
      ) as "wasPlaced"
    from orders o left join customer c on c.merchant_id = ${tx.merchantId} and c.id = o.customer_id
    where o.merchant_id = ${tx.merchantId} and o.id = ${event.orderId}`
  // Whoever never heard that there was an order need not hear that there is none.
  if (!order?.wasPlaced || order.email === FORGOTTEN_EMAIL) return false
  const data = { order_id: event.orderId, sequence: event.sequence.toString() }
  return queueMail(tx, { template, to: order.email, locale: order.locale, data, key: `event:${event.sequence}`, now })
}
