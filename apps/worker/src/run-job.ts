import { timedDoor } from '@souk/platform/plans/timed-door.ts'
import type { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import { DoorError, errorCode } from '@souk/tenant-router/door-error.ts'
import type { MerchantEntry } from '@souk/tenant-router/merchant-entry.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import { committing, inUseCase } from '@souk/tenant-router/use-case.ts'
import type { Job, Task } from 'graphile-worker'
import { buryExhausted } from './dead-letters.ts'
import { describeError } from './describe-error.ts'
import { handOn } from './hand-on.ts'
import { type Lease, LeaseLost, ShiftEnding } from './lease.ts'
import type { Log } from './log.ts'
import type { MerchantTask } from './merchant-task.ts'
import type { JobOutcome, WorkerMetrics } from './metrics.ts'
import type { Places } from './places.ts'
import { advance, completeJob, exhaustJob, type HeldJob, rejectJob, releaseJob } from './queue-jobs.ts'
import type { QueuePool } from './queue-pool.ts'

export interface JobContext {
  cell: string
  pool: QueuePool
  router: Router
  lease: Lease
  poolId: string
  log: Log
  metrics: WorkerMetrics
  /** How many jobs of each merchant, and of each kind, this process may have at work for the cell. */
  places: Places
  /** Counts what each merchant's jobs take. */
  usage?: Pick<UsageMeter, 'count'>
}

/** The merchant has as many jobs at work here as its plan allows, or there are as many of that kind as may be. */
class NoPlace extends Error {
  override readonly name = 'NoPlace'
}

interface Verdict {
  outcome: JobOutcome
  error?: unknown
}

// How long a job waits that met a closed door. None of these is the job's fault, so none counts as an attempt.
const DELAY_WITHOUT_PLACE_MS = 1_000
const DELAY_OF_CLOSED_DOOR_MS: Partial<Record<string, number>> = { merchant_moving: 2_000, cell_busy: 2_000, merchant_suspended: 60_000 }

/**
 * A task as graphile-worker runs it. What becomes of the job is written here, by statements that ask whether this pool
 * still holds it: graphile-worker's own removal of a finished job does not ask, and finds nothing left to do. Where the
 * job is to stay in the queue this throws, and graphile-worker's own note of the failure reaches only a job still held.
 */
export function runJob(context: JobContext, task: MerchantTask): Task {
  return async (_payload, { job }) => {
    const startedAt = performance.now()
    const verdict = await attempt(context, task, job).catch((error): Verdict => ({ outcome: 'failed', error }))
    const text = verdict.error === undefined ? undefined : describeError(verdict.error)
    report(context, job, verdict.outcome, performance.now() - startedAt, text)
    if (text !== undefined) throw new Error(text)
  }
}

async function attempt(context: JobContext, task: MerchantTask, job: Job): Promise<Verdict> {
  const held: HeldJob = { id: job.id, poolId: context.poolId }
  const read = task.payload.safeParse(job.payload)
  if (!read.success) {
    const problems = read.error.issues.map((issue) => `${issue.code} at /${issue.path.join('/')}`)
    await rejectJob(context.pool, held, 'payload_invalid', problems.join('; '))
    return { outcome: 'rejected' }
  }
  const { merchantId, ...payload } = read.data
  let hasLeft = false
  if (!context.places.enter(merchantId, task.kind)) return afterError(context, job, held, new NoPlace('No place is free for it.'))
  try {
    const merchant = await findMerchant(context, merchantId)
    if (!merchant) {
      await rejectJob(context.pool, held, 'merchant_unknown', 'The directory has no such merchant.')
      return { outcome: 'rejected' }
    }
    const counted = timedDoor(context.router.inMerchant(merchant), (id, database_ms) => context.usage?.count(id, { database_ms }))
    const inMerchant = context.lease.guard(counted)
    hasLeft = merchant.cell !== context.cell
    await inUseCase(job.task_identifier, () => (hasLeft ? handOn(inMerchant, job) : task.run(inMerchant, payload)))
    context.lease.assertValid()
  } catch (error) {
    return afterError(context, job, held, error)
  } finally {
    context.places.leave(merchantId, task.kind)
  }
  if (await inUseCase(job.task_identifier, () => committing(() => completeJob(context.pool, held))))
    return { outcome: hasLeft ? 'handed_on' : 'done' }
  return { outcome: 'lost', error: new LeaseLost('The job was given to another worker while it ran here.') }
}

/** Before a job is rejected, or handed on, the database is asked: what is remembered may be older than the merchant, or than its move to here. */
async function findMerchant({ router, cell }: JobContext, merchantId: string): Promise<MerchantEntry | undefined> {
  const known = await router.directory.byId(merchantId)
  return known?.cell === cell ? known : router.directory.refresh(merchantId)
}

async function afterError(context: JobContext, job: Job, held: HeldJob, error: unknown): Promise<Verdict> {
  if (error instanceof LeaseLost || !context.lease.valid) return { outcome: 'lost', error }
  const verdict = await putBack(context, job, held, error)
  const { merchantId } = job.payload as { merchantId: string }
  // What cannot be done now is done by the next round over all merchants.
  await advance(context.pool, merchantId).catch(() => {})
  return verdict
}

async function putBack(context: JobContext, job: Job, held: HeldJob, error: unknown): Promise<Verdict> {
  const delayMs = delayWithoutBlame(error)
  if (delayMs !== undefined) {
    await releaseJob(context.pool, held, delayMs)
    return { outcome: 'released', error }
  }
  if (job.attempts < job.max_attempts) return { outcome: 'failed', error }
  await exhaustJob(context.pool, held, describeError(error))
  // The sweep would find it; what is seen to die is buried at once. Whatever goes wrong here is left to the sweep.
  await buryExhausted(context, { fromId: job.id, limit: 1 }).catch((problem) =>
    context.log.warn({ cell: context.cell, jobId: job.id, error: describeError(problem) }, 'dead job not buried yet'),
  )
  return { outcome: 'exhausted', error }
}

/** MV001 reaches a task only as `merchant_moving`: the door has followed the merchant before. */
function delayWithoutBlame(error: unknown): number | undefined {
  if (error instanceof ShiftEnding) return 0
  if (error instanceof NoPlace) return DELAY_WITHOUT_PLACE_MS * (1 + Math.random() / 2)
  const code = error instanceof DoorError ? error.code : errorCode(error) === 'MV001' ? 'merchant_moving' : undefined
  const delayMs = code === undefined ? undefined : DELAY_OF_CLOSED_DOOR_MS[code]
  return delayMs === undefined ? undefined : delayMs * (1 + Math.random() / 2)
}

function report(context: JobContext, job: Job, outcome: JobOutcome, durationMs: number, error: string | undefined): void {
  const { cell, log, metrics } = context
  const merchantId = (job.payload as { merchantId?: unknown } | null)?.merchantId
  metrics.jobs.inc({ task: job.task_identifier, outcome })
  // A rejected job may name a merchant there is not, and one that was handed on is counted where it is done.
  if (typeof merchantId === 'string' && outcome !== 'rejected' && outcome !== 'handed_on')
    context.usage?.count(merchantId, { jobs: 1, job_ms: durationMs })
  metrics.jobSeconds.observe({ task: job.task_identifier }, durationMs / 1_000)
  const level =
    outcome === 'done' || outcome === 'released' || outcome === 'handed_on'
      ? 'info'
      : outcome === 'exhausted' || outcome === 'rejected'
        ? 'error'
        : 'warn'
  log[level](
    {
      cell,
      task: job.task_identifier,
      jobId: job.id,
      ...(typeof merchantId === 'string' && { merchantId }),
      attempt: job.attempts,
      durationMs: Math.round(durationMs * 10) / 10,
      outcome,
      ...(error !== undefined && { error }),
    },
    'job',
  )
}
