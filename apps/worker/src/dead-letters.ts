import { buryJob } from '@souk/core/jobs/dead-jobs.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'
import { stampedPayload } from './merchant-task.ts'
import type { WorkerMetrics } from './metrics.ts'
import { type ExhaustedJob, findExhausted, rejectJob, removeExhausted } from './queue-jobs.ts'
import type { QueuePool } from './queue-pool.ts'

export interface BurialContext {
  cell: string
  pool: QueuePool
  router: Router
  log: Log
  metrics: WorkerMetrics
}

const DIED_WITHOUT_A_WORD = 'The worker ended while it ran this job for the last time.'

/**
 * Moves exhausted jobs, from an id on, out of the queue and into their merchants' dead_job. First the grave, then the
 * removal: a crash in between leaves the job to the next sweep, and the second burial changes nothing. Answers with the
 * id to go on from, or '0' at the end. A job whose merchant cannot be entered now stays, and holds nobody up.
 */
export async function buryExhausted(context: BurialContext, page: { fromId: string; limit: number }): Promise<string> {
  const jobs = await findExhausted(context.pool, (BigInt(page.fromId) - 1n).toString(), page.limit)
  for (const job of jobs) {
    await bury(context, job).catch((error) =>
      context.log.warn({ cell: context.cell, task: job.task, jobId: job.id, error: describeError(error) }, 'dead job not buried yet'),
    )
  }
  const last = jobs.length < page.limit ? undefined : jobs.at(-1)
  return last ? (BigInt(last.id) + 1n).toString() : '0'
}

async function bury(context: BurialContext, job: ExhaustedJob): Promise<void> {
  if (job.superseded) {
    if (await removeExhausted(context.pool, job.id)) context.metrics.jobs.inc({ task: job.task, outcome: 'superseded' })
    return
  }
  const payload = stampedPayload.safeParse(job.payload).data
  if (!payload) return reject(context, job, 'payload_invalid', 'The payload names no merchant.')
  const { merchantId, ...rest } = payload
  const merchant = (await context.router.directory.byId(merchantId)) ?? (await context.router.directory.refresh(merchantId))
  if (!merchant) return reject(context, job, 'merchant_unknown', 'The directory has no such merchant.')
  const prefix = `${merchantId}:${job.task}:`
  await context.router.inMerchant(merchant)((tx) =>
    buryJob(tx, {
      queueId: BigInt(job.id),
      task: job.task,
      jobKey: job.key?.startsWith(prefix) ? job.key.slice(prefix.length) : null,
      payload: rest,
      attempts: job.attempts,
      lastError: job.lastError ?? DIED_WITHOUT_A_WORD,
      enqueuedAt: job.enqueuedAt,
    }),
  )
  if (!(await removeExhausted(context.pool, job.id))) return
  context.metrics.deadJobs.inc({ task: job.task })
  context.log.error({ cell: context.cell, task: job.task, jobId: job.id, merchantId, attempt: job.attempts, outcome: 'dead' }, 'dead job')
}

async function reject(
  context: BurialContext,
  job: ExhaustedJob,
  reason: 'merchant_unknown' | 'payload_invalid',
  detail: string,
): Promise<void> {
  await rejectJob(context.pool, { id: job.id, poolId: null }, reason, detail)
  context.metrics.jobs.inc({ task: job.task, outcome: 'rejected' })
}
