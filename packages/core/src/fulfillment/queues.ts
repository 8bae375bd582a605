import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import type { Viewer } from './deliver.ts'
import { type Fulfillment, fulfillmentRows, toFulfillment } from './fulfillment.ts'

export const QUEUES = ['to_pick', 'to_pack', 'to_deliver'] as const
export type QueueName = (typeof QUEUES)[number]

export const QUEUE_FILTERS = ['me', 'nobody', 'anybody'] as const

export interface QueueWish {
  locationId?: string | undefined
  /** Whose work: that of whoever asks, what nobody has taken, or all. */
  assigned: (typeof QUEUE_FILTERS)[number]
  limit: number
  cursor?: string | undefined
}

/**
 * One page of work, the oldest first: what to pick, what is picked and to pack, and what our own people are to deliver. A courier
 * sees the deliveries that are its own. Refuses `invalid_cursor`.
 */
export async function listQueue(
  tx: Tx,
  keys: TokenKeys,
  queue: QueueName,
  { locationId = undefined, assigned, limit, cursor }: QueueWish,
  viewer: Viewer,
): Promise<{ fulfillments: Fulfillment[]; nextCursor: string | null }> {
  const me = 'id' in viewer.actor ? viewer.actor.id : null
  const only = viewer.seesAll ? assigned : 'me'
  const scope = { merchantId: tx.merchantId, query: `queue|${JSON.stringify([queue, locationId, only, only === 'me' ? me : null])}` }
  const [after = null] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
  const rows = await tx.sql`
    ${fulfillmentRows(tx)} and ${waiting(tx, queue)} and ${whose(tx, queue, only, me)}
      and (${locationId ?? null}::uuid is null or f.location_id = ${locationId ?? null}::uuid) and (${after}::uuid is null or f.id > ${after}::uuid)
    order by f.id limit ${limit + 1}`
  const fulfillments = rows.slice(0, limit).map(toFulfillment)
  return { fulfillments, nextCursor: rows.length > limit ? sealCursor(keys, scope, [fulfillments.at(-1)!.id]) : null }
}

function waiting(tx: Tx, queue: QueueName): Query {
  if (queue === 'to_pick') return tx.sql`f.status in ('to_pick', 'picking') and f.picked_at is null`
  if (queue === 'to_pack') return tx.sql`f.status = 'picking' and f.picked_at is not null`
  // What a carrier has, or will have, is no work of ours.
  return tx.sql`(f.status = 'packed' and f.carrier is null and s.id is null or f.status = 'shipped' and f.courier_id is not null)`
}

function whose(tx: Tx, queue: QueueName, assigned: QueueWish['assigned'], me: string | null): Query {
  if (assigned === 'anybody') return tx.sql`true`
  if (queue === 'to_deliver') return assigned === 'me' ? tx.sql`f.courier_id = ${me}::uuid` : tx.sql`f.courier_id is null`
  return assigned === 'me' ? tx.sql`f.assigned_to = ${me}::uuid` : tx.sql`f.assigned_to is null`
}
