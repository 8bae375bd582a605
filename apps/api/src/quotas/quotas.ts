import { setTimeout as sleep } from 'node:timers/promises'
import { enqueueUnlessQueued } from '@souk/core/jobs.ts'
import type { WorkClass } from '@souk/platform/plans/limits.ts'
import { PlanBook } from '@souk/platform/plans/plan-book.ts'
import { type RedisBuckets, redisBuckets } from '@souk/platform/plans/redis-buckets.ts'
import { directoryBuckets, type RequestRate } from '@souk/platform/plans/request-buckets.ts'
import { RequestTokens } from '@souk/platform/plans/request-tokens.ts'
import { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import type { PlatformSql } from '@souk/platform/platform-sql.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { Problem } from '../errors.ts'
import { Bulkheads } from './bulkheads.ts'
import { EarlyRefusals } from './early-refusals.ts'
import { guardedDoor, progress } from './guarded-door.ts'
import { overRate, rateHeaders } from './rate-answers.ts'

export interface QuotasOptions {
  /** The directory: as souk_platform here. */
  sql: PlatformSql
  router: Pick<Router, 'load'>
  now: () => Date
  log: Pick<FastifyBaseLogger, 'info'>
  /** Where rates are counted; in the directory if it is not said. */
  redisUrl?: string
  onError: (error: unknown) => void
  shedAt?: ShedAt
}

/** So many callers wait for a connection to a cell: from then on the class gives way to those that are not named. */
export type ShedAt = Partial<Record<WorkClass, number>>

type Done = () => void

// Of the 500 that a pool lets wait, for two seconds each. Checkouts may fill it.
const SHED_AT: ShedAt = { staff: 100, storefront: 250 }
const LOAD_REMEMBERED_MS = 20
const RECOUNTED_MAX = 10_000
const RECOUNT_EVERY_MS = 10 * 60_000
const CLOSE_TIMEOUT_MS = 3_000

/** What each merchant's plan lets it use of this process, in front of everything that costs something. */
export class Quotas {
  readonly plans: PlanBook
  readonly usage: UsageMeter
  readonly bulkheads: Bulkheads
  /** What the HTTP server asks before anything else. */
  readonly early: EarlyRefusals
  readonly #tokens: RequestTokens
  readonly #redis: RedisBuckets | undefined
  readonly #options: QuotasOptions
  readonly #shedAt: ShedAt
  // By the door that requests share for as long as the directory's entry is remembered.
  readonly #doors = new WeakMap<InMerchant, Map<WorkClass, InMerchant>>()
  readonly #recounted = new LRUCache<string, true>({ max: RECOUNTED_MAX, ttl: RECOUNT_EVERY_MS })
  #load: { at: number; byCell: ReturnType<Router['load']> } = { at: Number.NEGATIVE_INFINITY, byCell: {} }

  constructor(options: QuotasOptions) {
    this.#options = options
    this.#shedAt = options.shedAt ?? SHED_AT
    this.plans = new PlanBook(options)
    this.usage = new UsageMeter(options)
    this.bulkheads = new Bulkheads(this.plans)
    this.#redis = options.redisUrl === undefined ? undefined : redisBuckets(options.redisUrl, options.onError)
    this.#tokens = new RequestTokens({ buckets: this.#redis ?? directoryBuckets(options.sql), onError: options.onError })
    this.early = new EarlyRefusals({
      emptyOf: (merchantId) => this.#emptyOf(merchantId),
      onRefused: (merchantId) => this.usage.count(merchantId, { requests: 1, refused: 1 }),
      tell: (merchant_id, refused) => options.log.info({ merchant_id, refused }, 'requests over the rate of the plan'),
    })
  }

  /** Tells the directory what was counted, if it listens: the process does not stay for it. */
  async close(): Promise<void> {
    this.#redis?.close()
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
      if (rate) return this.#takeToken(id, rate, request, reply)
      done()
      return undefined
    }
  }

  /** Before the handler: from the first transaction on the request is finished before others are begun. */
  follow(_request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    progress.run({ begun: false }, done)
  }

  /** The gate of routes that add rows, behind the principal's: refuses merchants that have stored as much as their plan allows. */
  roomForRows(request: FastifyRequest, _reply: FastifyReply, done: Done): Promise<void> | undefined {
    const full = this.plans.fullOf(request.inMerchant.merchant.id)
    if (full) return this.#refuseRows(request.inMerchant, full)
    done()
    return undefined
  }

  /** Who is refused may have removed something since it was counted: it is counted again soon, if that is not what was done lately. */
  async #refuseRows(inMerchant: InMerchant, { stored, allowed }: { stored: number; allowed: number }): Promise<void> {
    const { id } = inMerchant.merchant
    if (!this.#recounted.has(id)) {
      this.#recounted.set(id, true)
      await inMerchant((tx) => enqueueUnlessQueued(tx, 'count_rows', {}, { key: 'recount' })).catch(this.#options.onError)
    }
    throw new Problem('plan_limit_reached', {
      detail: `The merchant's plan allows ${allowed} stored rows.`,
      extra: { limit: 'rows.stored', allowed, stored },
    })
  }

  async #takeToken(merchantId: string, rate: RequestRate, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const answer = await this.#tokens.take(merchantId, rate)
    if (answer.granted) {
      reply.headers(rateHeaders(rate, answer))
      return
    }
    this.usage.count(merchantId, { refused: 1 })
    this.early.remember(request.raw, merchantId)
    throw overRate(rate, answer.waitMs)
  }

  #emptyOf(merchantId: string): { rate: RequestRate; waitMs: number } | undefined {
    const rate = this.plans.limitsOf(merchantId).requests
    const waitMs = rate ? this.#tokens.emptyMs(merchantId, rate) : 0
    return rate && waitMs > 0 ? { rate, waitMs } : undefined
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
