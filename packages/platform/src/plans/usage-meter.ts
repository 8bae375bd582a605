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

const FLUSH_EVERY_MS = 30_000
const DAY_MS = 86_400_000

/**
 * Counts what merchants use, in memory, and adds it to the day's row twice a minute. A process that is killed loses what it
 * counted since; a flush whose answer was lost may be counted twice. It is for planning, not for invoices.
 */
export class UsageMeter {
  readonly #options: UsageMeterOptions
  /** By day (UTC), in days since 1970: what is told late belongs to the day on which it was counted. */
  readonly #days = new Map<number, Counted>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: UsageMeterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref()
  }

  count(merchantId: string, more: UsageCounts): void {
    add(this.#countedOn(Math.floor(this.#options.now().getTime() / DAY_MS)), merchantId, more)
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
