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

const FLUSH_EVERY_MS = 30_000

/**
 * Counts what merchants use, in memory, and adds it to the day's row twice a minute. A process that is killed loses what it
 * counted since; a flush whose answer was lost may be counted twice. It is for planning, not for invoices.
 */
export class UsageMeter {
  readonly #options: UsageMeterOptions
  #counted = new Map<string, UsageCounts>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: UsageMeterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref()
  }

  count(merchantId: string, more: UsageCounts): void {
    const counts = this.#counted.get(merchantId)
    if (counts) merge(counts, more)
    else this.#counted.set(merchantId, { ...more })
  }

  /** Adds what was counted so far. What could not be added is kept for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush())
    return this.#flushing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #flush(): Promise<void> {
    const counted = this.#counted
    if (counted.size === 0) return
    this.#counted = new Map()
    const entries = [...counted].map(([merchant_id, counts]) => ({ merchant_id, ...rounded(counts) }))
    const day = this.#options.now().toISOString().slice(0, 10)
    try {
      await this.#options.sql`select platform.add_usage(${day}, ${JSON.stringify(entries)}::text::jsonb)`
    } catch (error) {
      this.#options.onError(error)
      for (const [merchantId, counts] of counted) {
        const later = this.#counted.get(merchantId)
        this.#counted.set(merchantId, later ? merge(counts, later) : counts)
      }
    }
  }
}

function merge(counts: UsageCounts, { rows_stored, ...sums }: UsageCounts): UsageCounts {
  for (const [name, value] of Object.entries(sums) as [keyof typeof sums, number][]) counts[name] = (counts[name] ?? 0) + value
  if (rows_stored !== undefined) counts.rows_stored = rows_stored
  return counts
}

function rounded(counts: UsageCounts): UsageCounts {
  return Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Math.ceil(value)]))
}
