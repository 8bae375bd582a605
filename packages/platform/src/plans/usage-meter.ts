import type { PlatformSql } from '../platform-sql.ts'

/** What is counted of a merchant; times in milliseconds. `rows_stored` is no sum: the last one told holds. */
export interface UsageCounts {
  requests?: number
  refused?: number
  database_ms?: number
  jobs?: number
  job_ms?: number
  plugin_cpu_ms?: number
  rows_stored?: number
}

export interface UsageMeterOptions {
  /** The directory, as souk_platform. */
  sql: PlatformSql
  now: () => Date
  onError: (error: unknown) => void
}

type Counted = Map<string, UsageCounts>

/** How long the daily figures are kept: a year can be compared with the one before, month by month. */
export const USAGE_KEPT_DAYS = 400

const FLUSH_EVERY_MS = 30_000
const PRUNE_EVERY_MS = 3_600_000
// The days of thousands of merchants are removed piece by piece.
const PRUNED_AT_ONCE = 5_000
const DAY_MS = 86_400_000

/**
 * Counts what merchants use, in memory, and adds it to the day's row twice a minute; days past USAGE_KEPT_DAYS are removed on the way. A process that is killed loses what it
 * counted since; a flush whose answer was lost may be counted twice. It is for planning, not for invoices.
 */
export class UsageMeter {
  readonly #options: UsageMeterOptions
  /** By day (UTC), in days since 1970: what is told late belongs to the day on which it was counted. */
  readonly #days = new Map<number, Counted>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> = Promise.resolve()
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(options: UsageMeterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush().then(() => this.#pruneNowAndThen()), FLUSH_EVERY_MS).unref()
  }

  count(merchantId: string, more: UsageCounts): void {
    add(this.#countedOn(Math.floor(this.#options.now().getTime() / DAY_MS)), merchantId, more)
  }

  /** Adds what was counted so far. What could not be added is kept for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush())
    return this.#flushing
  }

  /** Removes some of the days past USAGE_KEPT_DAYS, and answers whether there may be more. Others may be at it. */
  async prune(): Promise<boolean> {
    const { sql, now } = this.#options
    const first = new Date(now().getTime() - USAGE_KEPT_DAYS * DAY_MS).toISOString().slice(0, 10)
    const { count } = await sql`
      delete from platform.usage where (merchant_id, day) in (
        select merchant_id, day from platform.usage where day < ${first}::date order by day limit ${PRUNED_AT_ONCE} for update skip locked)`
    return count === PRUNED_AT_ONCE
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #flush(): Promise<void> {
    for (const [day, counted] of [...this.#days]) {
      this.#days.delete(day)
      try {
        await this.#tell(day, counted)
      } catch (error) {
        this.#options.onError(error)
        const later = this.#days.get(day)
        this.#days.set(day, counted)
        for (const [merchantId, counts] of later ?? []) add(counted, merchantId, counts)
      }
    }
  }

  /** Once an hour, and each time as long as there is more. */
  async #pruneNowAndThen(): Promise<void> {
    const nowMs = this.#options.now().getTime()
    if (nowMs - this.#prunedAt < PRUNE_EVERY_MS) return
    try {
      if (!(await this.prune())) this.#prunedAt = nowMs
    } catch (error) {
      this.#options.onError(error)
    }
  }

  async #tell(day: number, counted: Counted): Promise<void> {
    const entries = [...counted].map(([merchant_id, counts]) => ({ merchant_id, ...rounded(counts) }))
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10)
    await this.#options.sql`select platform.add_usage(${date}, ${JSON.stringify(entries)}::text::jsonb)`
  }

  #countedOn(day: number): Counted {
    let counted = this.#days.get(day)
    if (!counted) {
      counted = new Map()
      this.#days.set(day, counted)
    }
    return counted
  }
}

function add(counted: Counted, merchantId: string, { rows_stored, ...sums }: UsageCounts): void {
  const counts = counted.get(merchantId) ?? {}
  for (const [name, value] of Object.entries(sums) as [keyof typeof sums, number][]) counts[name] = (counts[name] ?? 0) + value
  if (rows_stored !== undefined) counts.rows_stored = rows_stored
  counted.set(merchantId, counts)
}

function rounded(counts: UsageCounts): UsageCounts {
  return Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Math.ceil(value)]))
}
