import type { QueuePool } from './queue-pool.ts'

/** A job in the hands of a pool. Every statement about it asks whether it still is: it may have been given to others. */
export interface HeldJob {
  id: string
  poolId: string
}

/** A job that nobody holds and that has no attempts left. */
export interface ExhaustedJob {
  id: string
  task: string
  key: string | null
  /** It had a key and lost it: an equal job was enqueued while it ran, and that one counts. */
  superseded: boolean
  payload: unknown
  attempts: number
  lastError: string | null
  enqueuedAt: Date
}

export type RejectionReason = 'merchant_unknown' | 'payload_invalid'

const SUPERSEDED = `(key is null and coalesce(flags ? 'keyed', false))`

// The attempt that is taken back. A superseded job has none left and must not get one.
const ATTEMPT_UNCOUNTED = `case when ${SUPERSEDED} then attempts else greatest(attempts - 1, 0) end`

const ADVANCED = `id, queue.advance(payload ->> 'merchantId')`

/** Also gives free the named queue that a job may have been taken from. */
function withQueueFreed(change: string, answer = 'id'): string {
  return `
    with changed as (${change} returning id, job_queue_id, payload),
    freed as (
      update graphile_worker._private_job_queues as q set locked_by = null, locked_at = null
      from changed where q.id = changed.job_queue_id and q.locked_by = $2
    )
    select ${answer} from changed`
}

/**
 * Takes a finished job out of the queue, and lets its merchant's next come to the front. False: it was not this pool's any more, and is
 * still there.
 */
export async function completeJob(pool: QueuePool, job: HeldJob): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'souk_complete',
    text: withQueueFreed('delete from graphile_worker._private_jobs where id = $1 and locked_by = $2', ADVANCED),
    values: [job.id, job.poolId],
  })
  return rowCount === 1
}

/** A job of the merchant has left the front, whatever becomes of it: its next may come there. */
export async function advance(pool: QueuePool, merchantId: string): Promise<void> {
  await pool.query({ name: 'souk_advance', text: 'select queue.advance($1)', values: [merchantId] })
}

/** The same for every merchant that has jobs behind its others: what a process that was killed did not come to. */
export async function advanceAll(pool: QueuePool): Promise<void> {
  await pool.query('select queue.advance_all()')
}

/** Gives a job back as if it had not been tried. */
export async function releaseJob(pool: QueuePool, job: HeldJob, delayMs: number): Promise<void> {
  const change = `
    update graphile_worker._private_jobs
    set locked_by = null, locked_at = null, attempts = ${ATTEMPT_UNCOUNTED}, run_at = greatest(run_at, now() + $3 * interval '1 millisecond')
    where id = $1 and locked_by = $2`
  await pool.query(withQueueFreed(change), [job.id, job.poolId, delayMs])
}

/** Gives a job back that has no attempts left: now it is exhausted. */
export async function exhaustJob(pool: QueuePool, job: HeldJob, lastError: string): Promise<void> {
  const change = `
    update graphile_worker._private_jobs set locked_by = null, locked_at = null, last_error = $3, updated_at = now()
    where id = $1 and locked_by = $2`
  await pool.query(withQueueFreed(change), [job.id, job.poolId, lastError])
}

/** Moves a job that can never run to where the platform sees it. `poolId` null: nobody holds it. */
export async function rejectJob(
  pool: QueuePool,
  job: { id: string; poolId: string | null },
  reason: RejectionReason,
  detail: string,
): Promise<void> {
  await pool.query(
    `with gone as (
       delete from graphile_worker._private_jobs where id = $1 and locked_by is not distinct from $2
       returning id, task_id, payload, attempts, created_at, job_queue_id
     ),
     freed as (
       update graphile_worker._private_job_queues as q set locked_by = null, locked_at = null
       from gone where q.id = gone.job_queue_id and q.locked_by = $2
     )
     insert into queue.rejected_job (queue_id, task, payload, reason, detail, attempts, enqueued_at)
     select gone.id, t.identifier, gone.payload, $3, $4, gone.attempts, gone.created_at
     from gone join graphile_worker._private_tasks t on t.id = gone.task_id
     on conflict (queue_id) do nothing`,
    [job.id, job.poolId, reason, detail],
  )
}

/** A page of the exhausted jobs, in id order. */
export async function findExhausted(pool: QueuePool, afterId: string, limit: number): Promise<ExhaustedJob[]> {
  const { rows } = await pool.query<ExhaustedJob>(
    `select j.id, t.identifier as task, j.key, ${SUPERSEDED} as superseded, j.payload, j.attempts::int, j.last_error as "lastError",
       j.created_at as "enqueuedAt"
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where j.locked_at is null and j.attempts >= j.max_attempts and j.id > $1
     order by j.id limit $2`,
    [afterId, limit],
  )
  return rows
}

/** Takes an exhausted job out of the queue. False: somebody else has done so, or gave it attempts again. */
export async function removeExhausted(pool: QueuePool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'delete from graphile_worker._private_jobs where id = $1 and locked_at is null and attempts >= max_attempts',
    [id],
  )
  return rowCount === 1
}

/**
 * Frees all that pools hold which are no more, and forgets those pools. Of a pool that closes in good order
 * (`uncounted`) the attempts are taken back; what a pool had in hand when it broke off counts as tried.
 */
export async function handBack(pool: QueuePool, poolIds: string[], uncounted: boolean): Promise<void> {
  await pool.query(
    `with forgotten as (delete from queue.runner where pool_id = any($1)),
     jobs as (
       update graphile_worker._private_jobs
       set locked_by = null, locked_at = null, attempts = case when $2::boolean then ${ATTEMPT_UNCOUNTED} else attempts end
       where locked_by = any($1)
     )
     update graphile_worker._private_job_queues set locked_by = null, locked_at = null where locked_by = any($1)`,
    [poolIds, uncounted],
  )
}

// Sweepers take turns: two of them would lock the same rows in orders of their own.
const SWEEP_LOCK_KEY = 7_350_002

/**
 * Takes pools for dead whose heartbeat is older than `deadAfterMs` and frees every job and named queue whose holder is
 * not registered. A pool is removed and its jobs are freed in one transaction, so a pool that still finds its row knows
 * that its jobs are its own. Answers with the pools that lost something.
 */
export async function freeDeadPools(pool: QueuePool, deadAfterMs: number): Promise<string[]> {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('begin')
    const { rows: turn } = await client.query<{ mine: boolean }>(`select pg_try_advisory_xact_lock(${SWEEP_LOCK_KEY}) as mine`)
    if (!turn[0]?.mine) {
      await client.query('rollback')
      return []
    }
    await client.query(`delete from queue.runner where beat_at < now() - $1 * interval '1 millisecond'`, [deadAfterMs])
    // A statement of its own: its snapshot sees every pool that was registered before it locked a job.
    const { rows } = await client.query<{ holders: string[] }>(
      `select coalesce(array_agg(distinct locked_by), '{}') as holders
       from (
         select locked_by from graphile_worker._private_jobs where locked_by is not null
         union all
         select locked_by from graphile_worker._private_job_queues where locked_by is not null
       ) as held
       where not exists (select 1 from queue.runner where pool_id = locked_by)`,
    )
    const holders = rows[0]?.holders ?? []
    if (holders.length > 0) await client.query('select graphile_worker.force_unlock_workers($1::text[])', [holders])
    await client.query('commit')
    return holders
  } catch (error) {
    broken = true
    throw error
  } finally {
    // A connection that goes takes its transaction with it.
    client.release(broken)
  }
}

/** Claims a periodic round: true for one caller an interval, in whatever process. */
export async function claimRound(pool: QueuePool, name: string, intervalMs: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into queue.round as r (name, begun_at) values ($1, now())
     on conflict (name) do update set begun_at = now() where r.begun_at <= now() - $2 * interval '1 millisecond'`,
    [name, intervalMs],
  )
  return rowCount === 1
}

export interface QueueDepth {
  task: string
  runnable: number
  scheduled: number
  running: number
  exhausted: number
  oldestRunnableSeconds: number
}

/** What waits in the queue, by task. */
export async function queueDepth(pool: QueuePool): Promise<QueueDepth[]> {
  const { rows } = await pool.query<QueueDepth>(
    `select t.identifier as task,
       count(*) filter (where is_available and run_at <= now())::int as runnable,
       count(*) filter (where is_available and run_at > now())::int as scheduled,
       count(*) filter (where locked_at is not null)::int as running,
       count(*) filter (where locked_at is null and attempts >= max_attempts)::int as exhausted,
       coalesce(extract(epoch from now() - min(run_at) filter (where is_available and run_at <= now())), 0)::float8 as "oldestRunnableSeconds"
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     group by t.identifier`,
  )
  return rows
}

export async function countRejected(pool: QueuePool): Promise<number> {
  const { rows } = await pool.query<{ rejected: number }>('select count(*)::int as rejected from queue.rejected_job')
  return rows[0]?.rejected ?? 0
}

/** Jobs whose holder has not been heard of for so long, or is not registered: others should have had them by then. */
export async function countAbandoned(pool: QueuePool, silentMs: number): Promise<number> {
  const { rows } = await pool.query<{ abandoned: number }>(
    `select count(*)::int as abandoned from graphile_worker._private_jobs j
     where j.locked_by is not null and not exists (
       select from queue.runner r where r.pool_id = j.locked_by and r.beat_at > now() - $1 * interval '1 millisecond')`,
    [silentMs],
  )
  return rows[0]?.abandoned ?? 0
}
