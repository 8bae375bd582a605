import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/** Who reads the event log of a merchant to its end, again and again: each is woken by new events, and by `wakeFollower`. */
export type Follower = 'webhooks' | 'mail' | 'fulfillment'

/** A worker's exclusive right to work for one follower of one merchant, by the database's clock. */
export interface FollowerLease {
  readonly id: string
  readonly follower: Follower
}

/** The lease went to another worker: what this transaction would write may be written there as well. */
export class FollowerLeaseLost extends Error {
  override readonly name = 'FollowerLeaseLost'
}

/** What a follower has reached: it is woken by events after `position`, and at `dueAt`. */
export interface Reached {
  position: bigint
  dueAt: Date | null
  /** As holdFollower answered it before the position was read: a call in between is not lost. */
  revision: bigint
}

/** No event wakes whoever has reached this. */
export const BEYOND_ALL_EVENTS = 9_223_372_036_854_775_807n

/**
 * Has the merchant looked at as soon as this transaction is committed; the first call makes it known to the workers. Not
 * awaited here: it may travel with others.
 */
export function wakeFollower(tx: Pick<Tx, 'sql'>, follower: Follower): Query {
  return tx.sql`select queue.wake_follower(${follower})`
}

/**
 * Throws FollowerLeaseLost unless the lease is held, and keeps it from others until the commit. First in every transaction of a
 * follower that writes. Answers the revision for `releaseFollower`.
 */
export async function holdFollower(tx: Pick<Tx, 'sql'>, lease: FollowerLease): Promise<bigint> {
  const [row] = await tx.sql<{ revision: bigint | null }[]>`select queue.hold_follower(${lease.follower}, ${lease.id}::uuid) as revision`
  if (row?.revision === null || row?.revision === undefined) throw new FollowerLeaseLost('The lease is over, or another worker has it.')
  return row.revision
}

/** Ends the work for now. Nothing may be done under the lease afterwards. */
export function releaseFollower(tx: Pick<Tx, 'sql'>, lease: FollowerLease, { position, dueAt, revision }: Reached): Query {
  return tx.sql`
    select queue.release_follower(${lease.follower}, ${lease.id}::uuid, ${position}::bigint, ${dueAt}::timestamptz, ${revision}::bigint)`
}
