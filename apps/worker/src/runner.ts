import { setTimeout as sleep } from 'node:timers/promises'
import { buryExhausted } from './dead-letters.ts'
import { describeError } from './describe-error.ts'
import { wakeDueWork } from './due-work.ts'
import { followerDepth } from './follower-leases.ts'
import { DEAD_AFTER_MS } from './lease.ts'
import type { CellDepth } from './metrics.ts'
import { advanceAll, claimRound, countAbandoned, countRejected, freeDeadPools, handBack, queueDepth } from './queue-jobs.ts'
import { QueuePool } from './queue-pool.ts'
import { Shift, type ShiftOptions } from './shift.ts'

export interface RunnerOptions extends Omit<ShiftOptions, 'pool'> {
  /** As souk_queue, at the cell's database. */
  queueUrl: string
}

export interface Runner {
  readonly cell: string
  /** The queue is being worked on: registered, and heard of lately. */
  readonly ready: boolean
  depth(): Promise<CellDepth>
  /** Gives running jobs a moment to finish, hands the others back at once, and hangs up. */
  stop(): Promise<void>
}

const SWEEP_MS = 2_500
const EXHAUSTED_PAGE = 50
const ADVANCE_CHECK_MS = 1_000
const ADVANCE_INTERVAL_MS = 2_500
const DUE_WORK_CHECK_MS = 5_000
const DUE_WORK_INTERVAL_MS = 60_000
const UNREACHABLE_RETRY_MS = 500
/** After it is taken for dead, a pool's jobs are others' within this. */
const ABANDONED_AFTER_MS = 15_000

/** Works on the queue of one cell until it is stopped, whatever happens to the database meanwhile. */
export function startRunner(options: RunnerOptions): Runner {
  return new CellRunner(options)
}

class CellRunner implements Runner {
  readonly cell: string
  readonly #options: ShiftOptions
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[]
  #shift: Shift | undefined
  #exhaustedFrom = '0'

  constructor({ queueUrl, ...options }: RunnerOptions) {
    const { cell, log } = options
    const onError = (error: Error) => log.warn({ cell, error: describeError(error) }, 'connection to the queue lost')
    this.cell = cell
    this.#options = { ...options, pool: new QueuePool({ url: queueUrl, jobsAtOnce: options.jobsAtOnce, onError }) }
    this.#loops = [
      this.#work(),
      this.#repeat('free dead pools', SWEEP_MS, () => this.#freeDeadPools()),
      // Apart from the one before: a merchant that cannot be entered must not hold up the living.
      this.#repeat('bury exhausted jobs', SWEEP_MS, () => this.#buryExhausted()),
      this.#repeat('bring jobs forward', ADVANCE_CHECK_MS, () => this.#advance()),
      this.#repeat('due work', DUE_WORK_CHECK_MS, () => this.#wake()),
    ]
  }

  get ready(): boolean {
    return this.#shift?.lease.valid ?? false
  }

  async depth(): Promise<CellDepth> {
    const { pool } = this.#options
    const [tasks, rejected, abandoned, followers] = await Promise.all([
      queueDepth(pool),
      countRejected(pool),
      countAbandoned(pool, DEAD_AFTER_MS + ABANDONED_AFTER_MS),
      followerDepth(pool),
    ])
    return { cell: this.cell, tasks, rejected, abandoned, followers }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#loops, this.#shift?.close()])
    await this.#options.pool.end()
  }

  /** One shift after the other. What one leaves locked is freed before the next begins. */
  async #work(): Promise<void> {
    const { cell, log, pool } = this.#options
    const { signal } = this.#stopping
    const left: string[] = []
    while (!signal.aborted) {
      if (!(await this.#reach(() => handBack(pool, left, false))) || signal.aborted) break
      left.length = 0
      const shift = new Shift(this.#options)
      this.#shift = shift
      log.info({ cell, pool: shift.poolId }, 'shift begins')
      await shift.ended
      left.push(shift.poolId)
    }
    if (left.length === 0) return
    await handBack(pool, left, true).catch((error) =>
      log.warn({ cell, pools: left, error: describeError(error) }, 'jobs not handed back: others will free them'),
    )
  }

  /** Tries until the database answers. False: stopped before. */
  async #reach(use: () => Promise<void>): Promise<boolean> {
    const { cell, log } = this.#options
    for (let reported = false; !this.#stopping.signal.aborted; reported = true) {
      try {
        await use()
        return true
      } catch (error) {
        if (!reported) log.warn({ cell, error: describeError(error) }, 'queue not reached, trying on')
        await this.#pause(UNREACHABLE_RETRY_MS)
      }
    }
    return false
  }

  async #freeDeadPools(): Promise<void> {
    const { cell, log, metrics, pool } = this.#options
    if (!this.#shift?.lease.steady) return
    const freed = await freeDeadPools(pool, DEAD_AFTER_MS)
    if (freed.length === 0) return
    metrics.freedPools.inc(freed.length)
    log.warn({ cell, pools: freed }, 'freed the jobs of dead pools')
  }

  async #buryExhausted(): Promise<void> {
    this.#exhaustedFrom = await buryExhausted(this.#options, { fromId: this.#exhaustedFrom, limit: EXHAUSTED_PAGE })
  }

  async #advance(): Promise<void> {
    const { pool } = this.#options
    if (await claimRound(pool, 'bring jobs forward', ADVANCE_INTERVAL_MS)) await advanceAll(pool)
  }

  async #wake(): Promise<void> {
    if (!(await claimRound(this.#options.pool, 'due work', DUE_WORK_INTERVAL_MS))) return
    await wakeDueWork({ ...this.#options, now: () => new Date() })
  }

  async #repeat(name: string, pauseMs: number, work: () => Promise<void>): Promise<void> {
    const { cell, log } = this.#options
    while (!this.#stopping.signal.aborted) {
      if (this.ready) {
        await work().catch((error) => log.warn({ cell, reason: name, error: describeError(error) }, 'round broke off'))
      }
      await this.#pause(pauseMs)
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }
}
