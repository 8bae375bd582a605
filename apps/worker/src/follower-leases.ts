import type { Follower } from '@souk/core/events/followers.ts'
import type { QueuePool } from './queue-pool.ts'

export interface FollowerKey {
  merchantId: string
  follower: Follower
}

export interface FollowerDepth {
  follower: string
  merchants: number
}

const HAS_WORK = '(coalesce(h.sequence, 0) > f.position or f.due_at <= now())'

/**
 * Takes the lease on followers with something to do that nobody works for, and answers these and those of ours with something to
 * do, each with how much was known of its log and of calls.
 */
export async function claimFollowers(
  pool: QueuePool,
  ask: { leaseId: string; leaseMs: number; followers: Follower[]; room: number },
): Promise<(FollowerKey & { known: string })[]> {
  const { rows } = await pool.query<FollowerKey & { known: string }>({
    name: 'souk_claim_followers',
    text: `
      with free as (
        select f.merchant_id, f.follower from queue.follower f left join queue.event_head h on h.merchant_id = f.merchant_id
        where f.follower = any($3) and f.leased_until <= now() and ${HAS_WORK}
        order by f.leased_until limit $4 for update of f skip locked
      ), claimed as (
        update queue.follower f set lease = $1, leased_until = now() + $2 * interval '1 millisecond'
        from free where f.merchant_id = free.merchant_id and f.follower = free.follower
        returning f.merchant_id, f.follower, f.revision
      ), ours as (
        select merchant_id, follower, revision from claimed
        union all
        select f.merchant_id, f.follower, f.revision from queue.follower f left join queue.event_head h on h.merchant_id = f.merchant_id
        where f.lease = $1 and f.leased_until > now() and ${HAS_WORK}
      )
      select o.merchant_id as "merchantId", o.follower, o.revision || '/' || coalesce(h.sequence, 0) as known
      from ours o left join queue.event_head h on h.merchant_id = o.merchant_id`,
    values: [ask.leaseId, ask.leaseMs, ask.followers, Math.max(0, ask.room)],
  })
  return rows
}

/** Prolongs the leases that are still ours, and answers them. */
export async function renewFollowers(pool: QueuePool, leaseId: string, leaseMs: number): Promise<FollowerKey[]> {
  const { rows } = await pool.query<FollowerKey>(
    `update queue.follower set leased_until = now() + $2 * interval '1 millisecond' where lease = $1 and leased_until > now()
     returning merchant_id as "merchantId", follower`,
    [leaseId, leaseMs],
  )
  return rows
}

/** Gives a lease up after trouble: nobody takes it for a while. */
export async function pauseFollower(pool: QueuePool, key: FollowerKey, leaseId: string, pauseMs: number): Promise<void> {
  await pool.query(
    `update queue.follower set lease = null, leased_until = now() + $4 * interval '1 millisecond'
     where merchant_id = $1 and follower = $2 and lease = $3`,
    [key.merchantId, key.follower, leaseId, pauseMs],
  )
}

/** Forgets a merchant that does not live here any more: its wake-ups are made anew where it lives. */
export async function dismissFollower(pool: QueuePool, key: FollowerKey, leaseId: string): Promise<void> {
  await pool.query('delete from queue.follower where merchant_id = $1 and follower = $2 and lease = $3', [
    key.merchantId,
    key.follower,
    leaseId,
  ])
}

/** How many merchants have something for each follower to do. */
export async function followerDepth(pool: QueuePool): Promise<FollowerDepth[]> {
  const { rows } = await pool.query<FollowerDepth>(
    `select f.follower, count(*) filter (where ${HAS_WORK})::int as merchants
     from queue.follower f left join queue.event_head h on h.merchant_id = f.merchant_id group by f.follower`,
  )
  return rows
}
