import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkClass } from '@souk/platform/plans/limits.ts'
import { PlanBook } from '@souk/platform/plans/plan-book.ts'
import { type RequestRate, RequestTokens, type TokenAnswer } from '@souk/platform/plans/request-tokens.ts'
import { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import type { PlatformSql } from '@souk/platform/platform-sql.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { Bulkheads } from './bulkheads.ts'
import { guardedDoor, progress } from './guarded-door.ts'

export interface QuotasOptions {
  /** The directory: as souk_platform here. */
  sql: PlatformSql
  router: Pick<Router, 'load'>
  now: () => Date
  onError: (error: unknown) => void
  shedAt?: ShedAt
}

/** So many callers wait for a connection to a cell: from then on the class gives way to those that are not named. */
export type ShedAt = Partial<Record<WorkClass, number>>

type Done = () => void

// Of the 500 that a pool lets wait, for two seconds each. Checkouts may fill it.
const SHED_AT: ShedAt = { staff: 100, storefront: 250 }
const LOAD_REMEMBERED_MS = 20
const MS_PER_S = 1_000
const CLOSE_TIMEOUT_MS = 3_000

/** What each merchant's plan lets it use of this process, in front of everything that costs something. */
export class Quotas {
  readonly plans: PlanBook
  readonly usage: UsageMeter
  readonly bulkheads: Bulkheads
  readonly #tokens: RequestTokens
  readonly #options: QuotasOptions
  readonly #shedAt: ShedAt
  // By the door that requests share for as long as the directory's entry is remembered.
  readonly #doors = new WeakMap<InMerchant, Map<WorkClass, InMerchant>>()
  #load: { at: number; byCell: ReturnType<Router['load']> } = { at: Number.NEGATIVE_INFINITY, byCell: {} }

  constructor(options: QuotasOptions) {
    this.#options = options
    this.#shedAt = options.shedAt ?? SHED_AT
    this.plans = new PlanBook(options)
    this.usage = new UsageMeter(options)
    this.bulkheads = new Bulkheads(this.plans)
    this.#tokens = new RequestTokens(options)
  }

  /** Tells the directory what was counted, if it listens: the process does not stay for it. */
  async close(): Promise<void> {
    await Promise.race([Promise.all([this.plans.close(), this.usage.close()]), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }

  /**
   * The gate behind the merchant's: counts the request, refuses what is over the rate, and puts the bulkhead before the
   * door. A merchant whose plan names no rate, as most do, costs no promise.
   */
  gate(workClass: WorkClass) {
    return (request: FastifyRequest, reply: FastifyReply, done: Done): Promise<void> | undefined => {
      const { id } = request.inMerchant.merchant
      this.usage.count(id, { requests: 1 })
      request.inMerchant = this.#door(request.inMerchant, workClass)
      const rate = this.plans.limitsOf(id).requests
      if (rate) return this.#takeToken(id, rate, reply)
      done()
      return undefined
    }
  }

  /** Before the handler: from the first transaction on the request is finished before others are begun. */
  follow(_request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    progress.run({ begun: false }, done)
  }

  async #takeToken(merchantId: string, rate: RequestRate, reply: FastifyReply): Promise<void> {
    const answer = await this.#tokens.take(merchantId, rate)
    const headers = rateHeaders(rate, answer)
    if (answer.granted) {
      reply.headers(headers)
      return
    }
    this.usage.count(merchantId, { refused: 1 })
    throw new Problem('quota_exceeded', {
      detail: `The merchant's plan allows ${rate.per_second} requests a second.`,
      headers: { ...headers, 'retry-after': String(Math.ceil(answer.waitMs / MS_PER_S)) },
    })
  }

  #door(inMerchant: InMerchant, workClass: WorkClass): InMerchant {
    const doors = this.#doors.get(inMerchant) ?? new Map<WorkClass, InMerchant>()
    this.#doors.set(inMerchant, doors)
    let door = doors.get(workClass)
    if (!door) {
      door = guardedDoor(inMerchant, workClass, {
        bulkheads: this.bulkheads,
        assertRoom: (cell, wanted) => this.#assertRoom(cell, wanted),
        onDatabaseTime: (merchantId, database_ms) => this.usage.count(merchantId, { database_ms }),
        onRefused: (merchantId) => this.usage.count(merchantId, { refused: 1 }),
      })
      doors.set(workClass, door)
    }
    return door
  }

  #assertRoom(cell: string, workClass: WorkClass): void {
    const limit = this.#shedAt[workClass]
    if (limit === undefined) return
    const now = performance.now()
    if (now - this.#load.at > LOAD_REMEMBERED_MS) this.#load = { at: now, byCell: this.#options.router.load() }
    if ((this.#load.byCell[cell]?.waiting ?? 0) < limit) return
    throw new Problem('temporary_reduced_capacity')
  }
}

/** As the IETF draft of the RateLimit fields has them: the bucket's size and how long it takes to fill; what is left in it. */
function rateHeaders({ per_second, burst }: RequestRate, { granted, left, waitMs }: TokenAnswer): Record<string, string> {
  const seconds = granted ? (burst - left) / per_second : waitMs / MS_PER_S
  return {
    'ratelimit-policy': `"requests";q=${burst};w=${Math.max(1, Math.ceil(burst / per_second))}`,
    ratelimit: `"requests";r=${Math.floor(left)};t=${Math.max(0, Math.ceil(seconds))}`,
  }
}
