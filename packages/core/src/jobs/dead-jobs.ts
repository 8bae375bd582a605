import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, lt } from 'drizzle-orm'
import { newId } from '../ids.ts'
import { enqueue, type Jobs, type TaskName } from '../jobs.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { deadJobs } from './tables.ts'

export type DeadJob = typeof deadJobs.$inferSelect

/** A job as the queue gave it up. The error is a sentence without values of the merchant's data. */
export interface GivenUpJob {
  queueId: bigint
  task: string
  /** The key it was enqueued with, if any: a retry takes it again. */
  jobKey: string | null
  payload: Record<string, unknown>
  attempts: number
  lastError: string
  enqueuedAt: Date
}

const LAST_ERROR_LENGTH_MAX = 1_000
const DEAD_JOBS_PAGE_MAX = 100

/** Keeps a job that failed for good until somebody looks. Burying it again, after a crash, changes nothing. */
export async function buryJob(tx: Tx, job: GivenUpJob): Promise<void> {
  await tx
    .insert(deadJobs)
    .values({ ...job, merchantId: tx.merchantId, id: newId(), lastError: job.lastError.slice(0, LAST_ERROR_LENGTH_MAX) })
    .onConflictDoNothing({ target: [deadJobs.merchantId, deadJobs.queueId] })
}

/** The newest dead jobs, or those older than the one with the id `before`. */
export async function listDeadJobs(tx: Tx, page: { limit: number; before?: string }): Promise<DeadJob[]> {
  const older = page.before === undefined ? undefined : lt(deadJobs.id, page.before)
  const limit = Math.min(page.limit, DEAD_JOBS_PAGE_MAX)
  return tx
    .select()
    .from(deadJobs)
    .where(and(mine(tx, deadJobs), older))
    .orderBy(desc(deadJobs.id))
    .limit(limit)
}

/** Gives a dead job all its attempts again. It is dead or queued, never both: one transaction. */
export async function retryDeadJob(tx: Tx, id: string): Promise<void> {
  const [job] = await tx
    .delete(deadJobs)
    .where(and(mine(tx, deadJobs), eq(deadJobs.id, id)))
    .returning()
  if (!job) throw new Refusal('not_found')
  await enqueue(tx, job.task as TaskName, job.payload as Jobs[TaskName], job.jobKey === null ? {} : { key: job.jobKey })
}
