import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type FollowerLease, holdFollower, releaseFollower, wakeFollower } from '../events/followers.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { Refusal } from '../refusal.ts'
import { fulfillmentsOf } from './fulfillment.ts'
import { isDue, openFulfillments } from './open-fulfillments.ts'
import { loadFulfillmentSettings } from './settings.ts'

const EVENTS_AT_ONCE = 500
const BY: Actor = { kind: 'job', task: 'follow_orders' }
/** What can make an order due. */
const DECIDING: readonly string[] = ['order.placed', 'payment.captured']

/**
 * Opens the fulfillments of orders that became due, by the merchant's setting, as the event log tells. Each event is looked at
 * once: the position moves in the transaction that opens. An order that has fulfillments already, open or not, is left to staff.
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
    for (const { sequence, orderId } of events) if (orderId !== null) await openDue(inMerchant, hold, { sequence, orderId })
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
  event: { sequence: bigint; orderId: string },
): Promise<void> {
  const now = new Date()
  const attempt = (isOpening: boolean) =>
    inMerchant(async (tx) => {
      await hold(tx)
      if (!(await moveTo(tx, event.sequence)) || !isOpening) return
      const held = await holdOrder(tx, event.orderId)
      const { opensOn } = await loadFulfillmentSettings(tx)
      if (!isDue(held, opensOn) || (await fulfillmentsOf(tx, held.id)).length > 0) return
      await openFulfillments(tx, held, { actor: BY, now })
    })
  // What the shop's rules refuse stays with staff, and stops nobody else's order.
  await attempt(true).catch((error) => (error instanceof Refusal ? attempt(false) : Promise.reject(error)))
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

/** The next events; of those that decide nothing only how far they go. */
async function eventsAfter(tx: Pick<Tx, 'merchantId' | 'sql'>, position: bigint): Promise<{ sequence: bigint; orderId: string | null }[]> {
  return tx.sql<{ sequence: bigint; orderId: string | null }[]>`
    select sequence, case when aggregate_type = 'order' and type = any(${DECIDING as string[]}) then aggregate_id end as "orderId"
    from event where merchant_id = ${tx.merchantId} and sequence > ${position} order by sequence limit ${EVENTS_AT_ONCE}`
}
