import type { WorkClass } from '@souk/platform/plans/limits.ts'
import type { PlanBook } from '@souk/platform/plans/plan-book.ts'
import { Bulkhead, type BulkheadLimits } from './bulkhead.ts'

/** A transaction holds a connection; single statements share one, about so many at a time. */
export type Passage = 'transaction' | 'statement'

const STATEMENTS_PER_PLACE = 8
const QUEUE_DEFAULT = { length: 100, wait_ms: 1_000 }
const UNLIMITED_PLACES = Number.MAX_SAFE_INTEGER

/** Of each merchant in this process, for each class of work, the places before the pool of connections. */
export class Bulkheads {
  readonly #plans: Pick<PlanBook, 'limitsOf'>
  // Only those in use: an idle one says nothing.
  readonly #bulkheads = new Map<string, Bulkhead>()

  constructor(plans: Pick<PlanBook, 'limitsOf'>) {
    this.#plans = plans
  }

  /** Takes a place. Throws BulkheadFull. Whoever got one calls `leave` with the same words. */
  enter(merchantId: string, workClass: WorkClass, passage: Passage, begun: boolean): Promise<void> | undefined {
    const name = nameOf(merchantId, workClass, passage)
    let bulkhead = this.#bulkheads.get(name)
    if (!bulkhead) {
      bulkhead = new Bulkhead()
      this.#bulkheads.set(name, bulkhead)
    }
    try {
      return bulkhead.enter(this.limits(merchantId, workClass, passage), begun)
    } finally {
      if (bulkhead.idle) this.#bulkheads.delete(name)
    }
  }

  leave(merchantId: string, workClass: WorkClass, passage: Passage): void {
    const name = nameOf(merchantId, workClass, passage)
    const bulkhead = this.#bulkheads.get(name)!
    bulkhead.leave(this.limits(merchantId, workClass, passage))
    if (bulkhead.idle) this.#bulkheads.delete(name)
  }

  /** What the merchant's plan allows now. */
  limits(merchantId: string, workClass: WorkClass, passage: Passage): BulkheadLimits {
    const { concurrency, queue = QUEUE_DEFAULT } = this.#plans.limitsOf(merchantId)
    const places = concurrency?.[workClass]
    return {
      places: places === undefined ? UNLIMITED_PLACES : passage === 'statement' ? places * STATEMENTS_PER_PLACE : places,
      queueLength: queue.length,
      waitMs: queue.wait_ms,
    }
  }

  /** Bulkheads in use, none when nothing is being done; who waits at them. */
  get load(): { inUse: number; waiting: number } {
    const waiting = [...this.#bulkheads.values()].reduce((sum, bulkhead) => sum + bulkhead.load.waiting, 0)
    return { inUse: this.#bulkheads.size, waiting }
  }
}

function nameOf(merchantId: string, workClass: WorkClass, passage: Passage): string {
  return `${merchantId}|${workClass}|${passage}`
}
