import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'

/** Others free the jobs of a pool whose last heartbeat is older than this, by the database's clock. */
export const DEAD_AFTER_MS = 8_000
/** A pool believes in itself for a shorter time, by its own clock, counted from before the heartbeat was sent. */
export const LEASE_MS = 6_000
/** Whoever was cut off gives the others this long to report before it believes them dead. */
const STEADY_AFTER_MS = 4_000

/** The pool may have been taken for dead and its jobs given to others: nothing it does may count any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

/** The pool is being closed: the job goes back to the queue and loses nothing but time. */
export class ShiftEnding extends Error {
  override readonly name = 'ShiftEnding'
}

/**
 * A pool's right to work on the jobs it has locked. It holds while heartbeats arrive.
 *
 * A process that was stopped and wakes up finds it expired before it touches anything: monotonic time goes on for a
 * stopped process. A transaction it had open is rolled back, by the check before its COMMIT or by PostgreSQL, which ends
 * a souk_app session that idles in a transaction for 5 s, before the jobs are given away at 8 s. What is left is a
 * COMMIT that was already on its way when the process stopped; that is why tasks are idempotent as well.
 */
export class Lease {
  readonly begun: Promise<void>
  #begin: () => void
  #validUntil = 0
  #steadySince = 0
  #lost = false
  #ending = false

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.begun = promise
    this.#begin = resolve
  }

  get valid(): boolean {
    return !this.#lost && performance.now() < this.#validUntil
  }

  /** Valid, and without interruption for so long that every living pool has had the chance to report. */
  get steady(): boolean {
    return this.valid && performance.now() - this.#steadySince >= STEADY_AFTER_MS
  }

  /** A heartbeat that was sent at `sentAt` (performance.now) found the pool's row in place. */
  renew(sentAt: number): void {
    if (!this.valid) this.#steadySince = sentAt
    this.#validUntil = sentAt + LEASE_MS
    this.#begin()
  }

  lose(): void {
    this.#lost = true
    this.#begin()
  }

  /** Running jobs stop at their next transaction. */
  end(): void {
    this.#ending = true
    this.#begin()
  }

  assertValid(): void {
    if (!this.valid) throw new LeaseLost('This worker was silent for too long; the job may run elsewhere.')
  }

  /** The same door for as long as the lease holds: checked before a transaction begins and again before it commits. */
  guard(inMerchant: InMerchant): InMerchant {
    return Object.assign(
      async <T>(work: (tx: Tx) => Promise<T>) => {
        this.#assertOpen()
        return inMerchant(async (tx) => {
          const result = await work(tx)
          this.assertValid()
          return result
        })
      },
      {
        merchant: inMerchant.merchant,
        isAboutToMove: () => inMerchant.isAboutToMove(),
        read: async <T>(work: (tx: Tx) => Promise<T>) => {
          this.#assertOpen()
          return inMerchant.read(work)
        },
        readStale: async <T>(work: (tx: Tx) => Promise<T>) => {
          this.#assertOpen()
          return inMerchant.readStale(work)
        },
        readOnce: async (work: Parameters<InMerchant['readOnce']>[0]) => {
          this.#assertOpen()
          return inMerchant.readOnce(work)
        },
        readOne: async (statement: Parameters<InMerchant['readOne']>[0]) => {
          this.#assertOpen()
          return inMerchant.readOne(statement)
        },
      },
    )
  }

  #assertOpen(): void {
    this.assertValid()
    if (this.#ending) throw new ShiftEnding('The worker is being closed.')
  }
}
