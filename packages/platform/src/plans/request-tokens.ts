import type { RequestBuckets, RequestRate, TakenRequests } from './request-buckets.ts'

/** Whether a request may be served; how many more, as far as is known here; and when the next one may, if this may not. */
export interface TokenAnswer {
  granted: boolean
  left: number
  waitMs: number
}

export interface RequestTokensOptions {
  buckets: RequestBuckets
  onError: (error: unknown) => void
  /** Milliseconds that only go on. */
  clock?: () => number
}

// What a process takes in advance: what the merchant may use in a tenth of a second, so that ten takings a second are enough.
const TAKEN_SECONDS = 0.1
const TAKEN_MAX = 100
// Without an answer of the shared bucket in this time each process counts for itself, and asks again after as long.
const ANSWER_TIMEOUT_MS = 1_000

interface AloneBucket {
  left: number
  at: number
}

interface Stock {
  /** By which the rest of it is meant. */
  rate: RequestRate
  tokens: number
  /** Left in the shared bucket when it was last asked. */
  shared: number
  emptyUntil: number
  taking: Promise<void> | undefined
  waiting: number
  /** Counts here while the shared one does not answer. */
  alone: (AloneBucket & { until: number }) | undefined
}

/**
 * One bucket of requests a merchant for all processes, in the directory or in Redis, from which each process takes a few
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
    const stock = this.#stockOf(merchantId, rate)
    return this.#takeHere(merchantId, stock, rate) ?? this.#takeSoon(merchantId, stock, rate)
  }

  /** For how long there is surely no request for the merchant, without asking anybody and taking nothing; 0 when there may be one. */
  emptyMs(merchantId: string, rate: RequestRate): number {
    const stock = this.#stocks.get(merchantId)
    if (!stock || !isSame(stock.rate, rate) || stock.tokens >= 1) return 0
    const now = this.#clock()
    if (!stock.alone) return Math.max(0, Math.ceil(stock.emptyUntil - now))
    return now >= stock.alone.until ? 0 : untilNext(stock.alone, rate, now)
  }

  /** Of another rate than before, what was taken in advance is left, and nobody waits any longer: the shared bucket is asked again. */
  #stockOf(merchantId: string, rate: RequestRate): Stock {
    let stock = this.#stocks.get(merchantId)
    if (!stock) {
      stock = { rate, tokens: 0, shared: 0, emptyUntil: 0, taking: undefined, waiting: 0, alone: undefined }
      this.#stocks.set(merchantId, stock)
    } else if (!isSame(stock.rate, rate)) Object.assign(stock, { rate, tokens: 0, shared: 0, emptyUntil: 0 })
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
      const taken = await inTime(this.#options.buckets.take(merchantId, rate, wanted))
      stock.alone = undefined
      stock.tokens += taken.granted
      stock.shared = taken.remaining
      stock.emptyUntil = taken.granted > 0 ? 0 : this.#clock() + Math.max(taken.waitMs, pauseMs(rate))
    } catch (error) {
      this.#options.onError(error)
      const now = this.#clock()
      stock.alone = { left: stock.alone?.left ?? rate.burst, at: stock.alone?.at ?? now, until: now + ANSWER_TIMEOUT_MS }
    }
  }
}

function isSame(one: RequestRate, other: RequestRate): boolean {
  return one.per_second === other.per_second && one.burst === other.burst
}

function portionOf({ per_second, burst }: RequestRate): number {
  return Math.max(1, Math.min(TAKEN_MAX, burst, Math.floor(per_second * TAKEN_SECONDS)))
}

/** Who finds the bucket empty asks again when there may be a portion: a merchant far over its rate costs no more than ten takings a second. */
function pauseMs(rate: RequestRate): number {
  return Math.min(TAKEN_SECONDS * 1_000, (portionOf(rate) / rate.per_second) * 1_000)
}

function takeAlone(bucket: AloneBucket, rate: RequestRate, now: number): TokenAnswer {
  const waitMs = untilNext(bucket, rate, now)
  if (waitMs > 0) return { granted: false, left: 0, waitMs }
  bucket.left = leftAt(bucket, rate, now) - 1
  bucket.at = now
  return { granted: true, left: Math.floor(bucket.left), waitMs: 0 }
}

function untilNext(bucket: AloneBucket, rate: RequestRate, now: number): number {
  const left = leftAt(bucket, rate, now)
  return left >= 1 ? 0 : Math.ceil(((1 - left) / rate.per_second) * 1_000)
}

function leftAt({ left, at }: AloneBucket, { per_second, burst }: RequestRate, now: number): number {
  return Math.min(burst, left + ((now - at) / 1_000) * per_second)
}

async function inTime(asked: Promise<TakenRequests>): Promise<TakenRequests> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The shared bucket did not say within ${ANSWER_TIMEOUT_MS} ms what is left.`)),
      ANSWER_TIMEOUT_MS,
    )
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
