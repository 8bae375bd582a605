import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LogFunctionFactory, Logger, runTaskList, type TaskList, type WorkerEvents, type WorkerPool } from 'graphile-worker'
import { describeError } from './describe-error.ts'
import { type Heartbeat, startHeartbeat } from './heartbeat.ts'
import { Lease } from './lease.ts'
import type { Log } from './log.ts'
import type { MerchantTask } from './merchant-task.ts'
import { handBack } from './queue-jobs.ts'
import { type JobContext, runJob } from './run-job.ts'

const POLL_MS = 1_000
// Closing: running jobs may finish, then they stop at their next transaction, then they are taken from the pool.
const FINISH_MS = 1_000
const INTERRUPT_MS = 5_000
// graphile-worker remembers a failed first query about its tasks for good; such a pool never finds a job again.
const FETCH_FAILING_MS = 5_000

export interface ShiftOptions extends Pick<JobContext, 'cell' | 'pool' | 'router' | 'log' | 'metrics' | 'places' | 'usage'> {
  tasks: Record<string, MerchantTask>
  jobsAtOnce: number
}

/**
 * The life of one graphile-worker pool, from its registration to its end. It ends when it is told to, when it was taken
 * for dead, and when graphile-worker gives up; the runner then begins another, under a new id.
 */
export class Shift {
  readonly lease = new Lease()
  readonly poolId: string
  /** When no job of this pool runs any more, or none that could still do anything. Never rejects. */
  readonly ended: Promise<void>
  readonly #options: ShiftOptions
  readonly #workers: WorkerPool
  readonly #heartbeat: Heartbeat
  #fetchFailingSince: number | undefined
  #ending: Promise<void> | undefined

  constructor(options: ShiftOptions) {
    this.#options = options
    this.#workers = runTaskList(
      {
        concurrency: options.jobsAtOnce,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        logger: new Logger(logFactory(options.log, options.cell)),
        events: this.#watchFetches(),
        // Awaited before every look for a job: none is taken before the pool is registered, or without a lease.
        forbiddenFlags: async () => {
          await this.lease.begun
          await options.router.standBack(options.cell)
          // A pool that is closing is not asked for jobs; an error now would be taken for its failure.
          if (!this.#ending) this.lease.assertValid()
          return this.#passedBy()
        },
        // Settled in batches even when they are of one: graphile-worker leaves a single failure unhandled.
        preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      },
      this.#taskList(),
      options.pool,
    )
    this.poolId = this.#workers.id
    this.#heartbeat = startHeartbeat({
      pool: options.pool,
      poolId: this.poolId,
      lease: this.lease,
      onDead: () => this.#end('taken for dead'),
      onBeat: () => this.#checkFetches(),
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    const onEnd = (problem?: unknown) => {
      this.#end('the pool ended', problem)
      void this.#ending?.then(resolve)
    }
    this.#workers.promise.then(() => onEnd(), onEnd)
  }

  /** Takes no new job, gives the running ones a moment, and interrupts them at their next transaction. */
  async close(): Promise<void> {
    this.#end('closing')
    await this.#ending
  }

  #end(reason: string, problem?: unknown): void {
    if (this.#ending) return
    const { log, cell } = this.#options
    const fields = { cell, pool: this.poolId, reason, ...(problem !== undefined && { error: describeError(problem) }) }
    log[reason === 'closing' ? 'info' : 'warn'](fields, 'shift ends')
    this.#ending = this.#close(reason === 'closing')
  }

  async #close(uncounted: boolean): Promise<void> {
    const graceful = this.#workers._shuttingDown ? this.#workers.promise : this.#workers.gracefulShutdown()
    const finished = Promise.resolve(graceful).then(
      () => true,
      () => true,
    )
    if (!this.lease.valid) this.lease.end()
    else if (!(await Promise.race([finished, sleep(FINISH_MS, false, { ref: false })]))) this.lease.end()
    if (!(await Promise.race([finished, sleep(INTERRUPT_MS, false, { ref: false })]))) {
      // A job that does not come back from what it waits for. Its lease is gone, so its next transaction is refused.
      this.lease.lose()
      await this.#heartbeat.stop()
      await handBack(this.#options.pool, [this.poolId], uncounted).catch(() => {})
      await Promise.resolve(this.#workers.forcefulShutdown('the worker was closed')).catch(() => {})
    }
    await this.#heartbeat.stop()
  }

  #taskList(): TaskList {
    const { tasks, ...options } = this.#options
    return Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => [
        name,
        // The pool's id is known only once it has begun.
        (payload, helpers) => runJob({ ...options, lease: this.lease, poolId: this.poolId }, task)(payload, helpers),
      ]),
    ) as TaskList
  }

  /** Flags of merchants whose jobs would only be given back, and the tasks of which that is so, of all merchants or of one: our patch knows these. */
  #passedBy(): string[] | null {
    const { places, tasks } = this.#options
    const { merchants, kinds } = places.full()
    const passedBy = merchants.map((merchantId) => `merchant:${merchantId}`)
    for (const { kind, merchantId } of kinds) {
      const whose = merchantId === undefined ? '' : ` ${merchantId}`
      for (const [name, task] of Object.entries(tasks)) if (task.kind === kind) passedBy.push(`task:${name}${whose}`)
    }
    return passedBy.length === 0 ? null : passedBy
  }

  #watchFetches(): WorkerEvents {
    const events = new EventEmitter() as WorkerEvents
    const fine = () => {
      this.#fetchFailingSince = undefined
    }
    events.on('worker:getJob:empty', fine)
    events.on('job:start', fine)
    events.on('worker:getJob:error', () => {
      if (this.lease.valid) this.#fetchFailingSince ??= performance.now()
    })
    return events
  }

  #checkFetches(): void {
    if (!this.lease.valid) this.#fetchFailingSince = undefined
    else if (this.#fetchFailingSince !== undefined && performance.now() - this.#fetchFailingSince > FETCH_FAILING_MS) {
      this.#end('jobs cannot be fetched')
    }
  }
}

/** What graphile-worker says of jobs is dropped: it prints whole errors, and the job has been reported by then. */
function logFactory(log: Log, cell: string): LogFunctionFactory {
  return () => (level, message, meta) => {
    if (level === 'debug' || level === 'info' || meta?.failure === true) return
    log.warn({ cell, error: describeError(new Error(message.split('\n')[0])) }, 'graphile-worker')
  }
}
