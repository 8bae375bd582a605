import type { PlatformSql } from '../platform-sql.ts'

export interface RequestRate {
  per_second: number
  burst: number
}

/** Whether a request may be served; how many more, as far as is known here; and when the next one may, if this may not. */
export interface TokenAnswer {
  granted: boolean
  left: number
  waitMs: number
}

export interface RequestTokensOptions {
  /** The directory, as souk_platform. */
  sql: PlatformSql
  onError: (error: unknown) => void
  /** Milliseconds that only go on. */
  clock?: () => number
}

// What a process takes in advance: what the merchant may use in a tenth of a second, so that ten takings a second are enough.
const TAKEN_SECONDS = 0.1
const TAKEN_MAX = 100
// Without an answer of the directory in this time each process counts for itself, and asks again after as long.
const ANSWER_TIMEOUT_MS = 1_000

interface Taken {
  granted: number
  wait_ms: number
  remaining: number
}

interface Stock {
  tokens: number
  /** Left in the shared bucket when it was last asked. */
  shared: number
  emptyUntil: number
  taking: Promise<void> | undefined
  waiting: number
  /** Counts here while the directory does not answer. */
  alone: { left: number; at: number; until: number } | undefined
}

/**
 * One bucket of requests a merchant for all processes. It is a row of the directory, from which each process takes a few
 * at a time, so that most requests cost no round trip and a refused one costs none. In any window all processes together let
 * through at most the burst, what the rate makes of the window, and what each had taken in advance: at most one and a half of
 * its portions, so 0.15 seconds' worth, and one request at low rates.
 */
export class RequestTokens {
  readonly #options: RequestTokensOptions
  readonly #clock: () => number
  readonly #stocks = new Map<string, Stock>()

  constructor(options: RequestTokensOptions) {
    this.#options = options
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** Takes a request from the merchant's bucket: at once when there is some here. */
  take(merchantId: string, rate: RequestRate): TokenAnswer | Promise<TokenAnswer> {
    const stock = this.#stockOf(merchantId)
    return this.#takeHere(merchantId, stock, rate) ?? this.#takeSoon(merchantId, stock, rate)
  }

  #stockOf(merchantId: string): Stock {
    let stock = this.#stocks.get(merchantId)
    if (!stock) {
      stock = { tokens: 0, shared: 0, emptyUntil: 0, taking: undefined, waiting: 0, alone: undefined }
      this.#stocks.set(merchantId, stock)
    }
    return stock
  }

  #takeHere(merchantId: string, stock: Stock, rate: RequestRate): TokenAnswer | undefined {
    const now = this.#clock()
    if (stock.alone) {
      if (now >= stock.alone.until) void this.#more(merchantId, stock, rate)
      return takeAlone(stock.alone, rate, now)
    }
    if (stock.tokens >= 1) {
      stock.tokens -= 1
      // Before the last is gone, so that nobody waits for more.
      if (stock.tokens < portionOf(rate) / 2 && now >= stock.emptyUntil) void this.#more(merchantId, stock, rate)
      return { granted: true, left: Math.min(rate.burst, stock.tokens + stock.shared), waitMs: 0 }
    }
    return now < stock.emptyUntil ? { granted: false, left: 0, waitMs: Math.ceil(stock.emptyUntil - now) } : undefined
  }

  async #takeSoon(merchantId: string, stock: Stock, rate: RequestRate): Promise<TokenAnswer> {
    stock.waiting += 1
    try {
      for (;;) {
        await this.#more(merchantId, stock, rate)
        const answer = this.#takeHere(merchantId, stock, rate)
        if (answer) return answer
      }
    } finally {
      stock.waiting -= 1
    }
  }

  /** Takes a portion, for all who wait for one together. */
  #more(merchantId: string, stock: Stock, rate: RequestRate): Promise<void> {
    stock.taking ??= this.#takeShared(merchantId, stock, rate).finally(() => {
      stock.taking = undefined
    })
    return stock.taking
  }

  async #takeShared(merchantId: string, stock: Stock, rate: RequestRate): Promise<void> {
    const wanted = Math.min(rate.burst, Math.max(portionOf(rate), stock.waiting))
    try {
      const taken = await inTime(
        this.#options.sql<Taken[]>`
          select granted, wait_ms, remaining from platform.take_requests(${merchantId}, ${rate.per_second}, ${rate.burst}, ${wanted})`,
      )
      stock.alone = undefined
      stock.tokens += taken.granted
      stock.shared = taken.remaining
      stock.emptyUntil = taken.granted > 0 ? 0 : this.#clock() + taken.wait_ms
    } catch (error) {
      this.#options.onError(error)
      const now = this.#clock()
      stock.alone = { left: stock.alone?.left ?? rate.burst, at: stock.alone?.at ?? now, until: now + ANSWER_TIMEOUT_MS }
    }
  }
}

function portionOf({ per_second, burst }: RequestRate): number {
  return Math.max(1, Math.min(TAKEN_MAX, burst, Math.floor(per_second * TAKEN_SECONDS)))
}

function takeAlone(bucket: { left: number; at: number }, { per_second, burst }: RequestRate, now: number): TokenAnswer {
  bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * per_second)
  bucket.at = now
  if (bucket.left < 1) return { granted: false, left: 0, waitMs: Math.ceil(((1 - bucket.left) / per_second) * 1_000) }
  bucket.left -= 1
  return { granted: true, left: Math.floor(bucket.left), waitMs: 0 }
}

async function inTime(asked: PromiseLike<Taken[]>): Promise<Taken> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The directory did not say within ${ANSWER_TIMEOUT_MS} ms what is left.`)), ANSWER_TIMEOUT_MS)
  })
  try {
    const [taken] = await Promise.race([asked, late])
    return taken!
  } finally {
    clearTimeout(timer)
  }
}
