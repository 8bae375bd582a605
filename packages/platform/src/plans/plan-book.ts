import type { PlatformSql } from '../platform-sql.ts'
import { type PlanLimits, planLimits, STANDARD_PLAN } from './limits.ts'

export interface PlanBookOptions {
  /** The directory, as souk_platform. */
  sql: PlatformSql
  onError: (error: unknown) => void
}

const REFRESH_EVERY_MS = 30_000
const UNLIMITED: PlanLimits = {}

/**
 * Which limits each merchant has, held in memory and heard of by LISTEN; read again twice a minute besides, so that a lost
 * message costs no more than that. Until it was read once, nobody is limited: a limit must not stop a shop for want of an answer.
 */
export class PlanBook {
  readonly #options: PlanBookOptions
  #limits: ReadonlyMap<string, PlanLimits> = new Map()
  /** The plans of merchants that do not have the standard one. */
  #plans = new Map<string, string>()
  /** Of those whose plans say how much may be stored: what was last counted. */
  #rowsStored: ReadonlyMap<string, number> = new Map()
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor(options: PlanBookOptions) {
    this.#options = options
  }

  /** Reads all plans and hears of changes from now on. */
  async open(): Promise<void> {
    const heard = (merchantId: string) => void this.refresh(merchantId).catch(this.#options.onError)
    const { unlisten } = await this.#options.sql.listen('souk_plans', heard, () => heard(''))
    this.#unlisten = unlisten
    await this.refresh()
    this.#timer = setInterval(() => heard(''), REFRESH_EVERY_MS).unref()
  }

  limitsOf(merchantId: string): PlanLimits {
    return this.#limits.get(this.planOf(merchantId)) ?? this.#limits.get(STANDARD_PLAN) ?? UNLIMITED
  }

  planOf(merchantId: string): string {
    return this.#plans.get(merchantId) ?? STANDARD_PLAN
  }

  /** What the merchant has stored and what its plan allows, when that is no less. */
  fullOf(merchantId: string): { stored: number; allowed: number } | undefined {
    const allowed = this.limitsOf(merchantId).rows?.stored
    const stored = this.#rowsStored.get(merchantId)
    return allowed !== undefined && stored !== undefined && stored >= allowed ? { stored, allowed } : undefined
  }

  /** Reads all again, or what one merchant has. One reading after the other: an older answer never comes after a newer one. */
  refresh(merchantId = ''): Promise<void> {
    const read = () => (merchantId === '' ? this.#readAll() : this.#readOne(merchantId))
    this.#reading = this.#reading.then(read, read)
    return this.#reading
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#unlisten?.().catch(() => {})
    await this.#reading.catch(() => {})
  }

  async #readAll(): Promise<void> {
    const { sql } = this.#options
    const [plans, merchants, stored] = await Promise.all([
      sql<{ name: string; limits: unknown }[]>`select name, limits from platform.plans()`,
      sql<{ merchant_id: string; plan: string }[]>`select merchant_id, plan from platform.merchants_on_plans(null)`,
      sql<{ merchant_id: string; rows: number }[]>`
        select m.id as merchant_id, u.rows_stored::float8 as rows
        from platform.plan p join platform.merchant m on m.plan = p.name
          cross join lateral (
            select rows_stored from platform.usage where merchant_id = m.id and rows_stored is not null order by day desc limit 1) u
        where p.limits -> 'rows' is not null`,
    ])
    this.#limits = new Map(plans.map(({ name, limits }) => [name, this.#understood(name, limits)]))
    this.#plans = new Map(merchants.map((row) => [row.merchant_id, row.plan]))
    this.#rowsStored = new Map(stored.map((row) => [row.merchant_id, row.rows]))
  }

  async #readOne(merchantId: string): Promise<void> {
    const [row] = await this.#options.sql<{ plan: string }[]>`select plan from platform.merchants_on_plans(${merchantId})`
    if (row) this.#plans.set(merchantId, row.plan)
    else this.#plans.delete(merchantId)
  }

  /** A plan that a newer release wrote may say what this one does not know: what it knows of it holds, part by part. */
  #understood(name: string, limits: unknown): PlanLimits {
    const read = planLimits.safeParse(limits)
    if (read.success) return read.data
    this.#options.onError(new Error(`The plan ${name} is not understood: ${read.error.message}`))
    const parts = Object.entries(limits as object).filter(([part, value]) => planLimits.safeParse({ [part]: value }).success)
    return planLimits.parse(Object.fromEntries(parts))
  }
}
