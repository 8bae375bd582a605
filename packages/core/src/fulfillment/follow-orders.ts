import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type FollowerLease, holdFollower, releaseFollower, wakeFollower } from '../events/followers.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { Refusal } from '../refusal.ts'
import { fulfilUnsent } from './fulfil-unsent.ts'
import { type Fulfillment, fulfillmentsOf } from './fulfillment.ts'
import { isDue, openFulfillments } from './open-fulfillments.ts'
import { loadFulfillmentSettings } from './settings.ts'
import { sortLines } from './sort-lines.ts'

const EVENTS_AT_ONCE = 500
const BY: Actor = { kind: 'job', task: 'follow_orders' }
/** What can make an order due, or goods of it that need no sending. */
const DECIDING: readonly string[] = ['order.placed', 'order.edited', 'payment.captured']

/**
 * Opens the fulfillments of orders that became due, by the merchant's setting, as the event log tells. Each event is looked at
 * once: the position moves in the transaction that opens. An order that has fulfillments already, open or not, is left to staff, but
 * for goods that need no sending, where the merchant wants these fulfilled by themselves.
 */
export async function followOrders(inMerchant: InMerchant, lease: FollowerLease): Promise<void> {
  const revision = await inMerchant((tx) => holdFollower(tx, lease))
  const position = await openDueFulfillments(inMerchant, (tx) => holdFollower(tx, lease))
  await inMerchant(async (tx) => {
    await releaseFollower(tx, lease, { position, dueAt: null, revision })
  })
}

/** Wakes the workers if something has happened that was not looked at: they may have missed it. */
export async function wakeFulfillments(tx: Tx): Promise<void> {
  const rows = await tx.sql`
    select 1 from merchant_counter c left join fulfillment_settings s on s.merchant_id = c.merchant_id
    where c.merchant_id = ${tx.merchantId} and c.event_sequence > coalesce(s.followed_sequence, 0)`
  if (rows.length > 0) await wakeFollower(tx, 'fulfillment')
}

/** Follows the log to its end and answers how far that is. `hold` comes first in every transaction that writes. */
export async function openDueFulfillments(inMerchant: InMerchant, hold: (tx: Tx) => Promise<unknown> = async () => {}): Promise<bigint> {
  let position = await inMerchant.read(positionOf)
  for (;;) {
    const events = await inMerchant.read((tx) => eventsAfter(tx, position))
    const last = events.at(-1)
    if (!last) return position
    for (const { sequence, type, orderId } of events) if (orderId !== null) await openDue(inMerchant, hold, { sequence, type, orderId })
    await inMerchant(async (tx) => {
      await hold(tx)
      await moveTo(tx, last.sequence)
    })
    position = last.sequence
  }
}

async function openDue(
  inMerchant: InMerchant,
  hold: (tx: Tx) => Promise<unknown>,
  event: { sequence: bigint; type: string; orderId: string },
): Promise<void> {
  const now = new Date()
  const attempt = (opens: 'everything' | 'what is sent' | 'nothing') =>
    inMerchant(async (tx) => {
      await hold(tx)
      if (!(await moveTo(tx, event.sequence)) || opens === 'nothing') return
      const held = await holdOrder(tx, event.orderId)
      const { opensOn, fulfilsUnsent } = await loadFulfillmentSettings(tx)
      if (!isDue(held, 'placed')) return
      const { sent, unsent } = fulfilsUnsent ? await sortLines(tx, held) : { sent: undefined, unsent: NONE }
      const isUntouched = (await fulfillmentsOf(tx, held.id)).every(isOfUnsent(unsent))
      if (isUntouched && isDue(held, opensOn) && event.type !== 'order.edited') await openFulfillments(tx, held, { actor: BY, now }, sent)
      if (opens === 'everything') await fulfilUnsent(tx, held, unsent, { actor: BY, now })
    })
  // What the shop's rules refuse stays with staff, and stops nobody else's order.
  const onRefusal = (next: () => Promise<void>) => (error: unknown) => (error instanceof Refusal ? next() : Promise.reject(error))
  await attempt('everything').catch(onRefusal(() => attempt('what is sent').catch(onRefusal(() => attempt('nothing')))))
}

const NONE: ReadonlySet<string> = new Set()

function isOfUnsent(unsent: ReadonlySet<string>) {
  return ({ lines }: Fulfillment) => lines.length > 0 && lines.every(({ lineId }) => unsent.has(lineId))
}

async function positionOf(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<bigint> {
  const [row] = await tx.sql<{ position: bigint }[]>`
    select followed_sequence as position from fulfillment_settings where merchant_id = ${tx.merchantId}`
  return row?.position ?? 0n
}

/** Moves the position forward; false when it is there already. */
async function moveTo(tx: Tx, sequence: bigint): Promise<boolean> {
  const moved = await tx.sql`
    insert into fulfillment_settings as s (merchant_id, followed_sequence) values (${tx.merchantId}, ${sequence})
    on conflict (merchant_id) do update set followed_sequence = excluded.followed_sequence where s.followed_sequence < excluded.followed_sequence
    returning merchant_id`
  return moved.length > 0
}

interface Followed {
  sequence: bigint
  type: string
  orderId: string | null
}

/** The next events; of those that decide nothing only how far they go. */
async function eventsAfter(tx: Pick<Tx, 'merchantId' | 'sql'>, position: bigint): Promise<Followed[]> {
  return tx.sql<Followed[]>`
    select sequence, type, case when aggregate_type = 'order' and type = any(${DECIDING as string[]}) then aggregate_id end as "orderId"
    from event where merchant_id = ${tx.merchantId} and sequence > ${position} order by sequence limit ${EVENTS_AT_ONCE}`
}
