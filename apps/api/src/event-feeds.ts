import { setTimeout as sleep } from 'node:timers/promises'
import { listEvents } from '@souk/core/events/list-events.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { Problem } from './errors.ts'

export type LoggedEvent = Awaited<ReturnType<typeof listEvents>>[number]

export const STREAMS_PER_PROCESS_MAX = 5_000
export const STREAMS_PER_MERCHANT_MAX = 500
export const STREAMS_PER_SUBJECT_MAX = 5

const POLL_MS = 400
const EVENTS_A_TIME = 500
const EVENTS_REMEMBERED_MAX = 1_000

/** One stream's view of a merchant's event log. */
export interface EventSubscription {
  /** The log's end when the stream was opened. */
  readonly start: Promise<bigint>
  /** The next events after a number; none when there are none for so long, or all streams are being closed. */
  next(after: bigint, waitMs: number): Promise<LoggedEvent[]>
  readonly closing: boolean
  close(): void
}

/**
 * The ends of event logs, for streams: one poller for each merchant that has any open in this process, however many. It keeps the
 * last events, so that streams that keep up cost no query.
 */
export class EventFeeds {
  readonly #feeds = new Map<string, Feed>()
  readonly #perSubject = new Map<string, number>()
  readonly #onError: (error: unknown) => void
  #open = 0
  #closed = false

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Refuses `quota_exceeded` when too many are open: in this process, of the merchant, or of one caller or order. */
  open(inMerchant: InMerchant, subject: string): EventSubscription {
    const { id } = inMerchant.merchant
    const feed = this.#feeds.get(id) ?? new Feed(inMerchant, this.#onError)
    const ofSubject = this.#perSubject.get(`${id} ${subject}`) ?? 0
    if (
      this.#closed ||
      this.#open >= STREAMS_PER_PROCESS_MAX ||
      feed.streams >= STREAMS_PER_MERCHANT_MAX ||
      ofSubject >= STREAMS_PER_SUBJECT_MAX
    ) {
      throw new Problem('quota_exceeded', { detail: 'Too many streams are open.' })
    }
    this.#feeds.set(id, feed)
    this.#open += 1
    this.#perSubject.set(`${id} ${subject}`, ofSubject + 1)
    const start = feed.join()
    let left = false
    return {
      start,
      next: (after, waitMs) => feed.next(after, waitMs),
      get closing() {
        return feed.closed
      },
      close: () => {
        if (left) return
        left = true
        this.#open -= 1
        this.#leave(`${id} ${subject}`)
        if (feed.leave() === 0 && this.#feeds.get(id) === feed) this.#feeds.delete(id)
      },
    }
  }

  /** Streams end as soon as they have sent what they are sending; no new one begins. */
  close(): void {
    this.#closed = true
    for (const feed of this.#feeds.values()) feed.close()
  }

  #leave(subject: string): void {
    const left = this.#perSubject.get(subject)! - 1
    if (left === 0) this.#perSubject.delete(subject)
    else this.#perSubject.set(subject, left)
  }
}

class Feed {
  streams = 0
  closed = false
  readonly #inMerchant: InMerchant
  readonly #onError: (error: unknown) => void
  readonly #recent: LoggedEvent[] = []
  #position = 0n
  #begun: Promise<void> | undefined
  #changed = Promise.withResolvers<void>()

  constructor(inMerchant: InMerchant, onError: (error: unknown) => void) {
    this.#inMerchant = inMerchant
    this.#onError = onError
  }

  async join(): Promise<bigint> {
    this.streams += 1
    this.#begun ??= this.#begin()
    await this.#begun
    return this.#position
  }

  leave(): number {
    this.streams -= 1
    return this.streams
  }

  close(): void {
    this.closed = true
    this.#changed.resolve()
  }

  async next(after: bigint, waitMs: number): Promise<LoggedEvent[]> {
    if (after >= this.#position && waitMs > 0 && !this.closed) {
      const late = new AbortController()
      await Promise.race([this.#changed.promise, sleep(waitMs, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
    }
    if (this.closed || after >= this.#position) return []
    const oldest = this.#recent[0]?.sequence
    if (oldest !== undefined && after >= oldest - 1n) return this.#recent.filter(({ sequence }) => sequence > after)
    return this.#inMerchant.read((tx) => listEvents(tx, { after, limit: EVENTS_A_TIME }))
  }

  async #begin(): Promise<void> {
    const [row] = await this.#inMerchant.read(
      (tx) => tx.sql<{ sequence: bigint }[]>`select event_sequence as sequence from merchant_counter where merchant_id = ${tx.merchantId}`,
    )
    this.#position = row!.sequence
    void this.#poll()
  }

  async #poll(): Promise<void> {
    while (this.streams > 0 && !this.closed) {
      const events = await this.#inMerchant
        .read((tx) => listEvents(tx, { after: this.#position, limit: EVENTS_A_TIME }))
        .catch((error) => {
          this.#onError(error)
          return []
        })
      if (events.length > 0) this.#tell(events)
      if (events.length < EVENTS_A_TIME) await sleep(POLL_MS, undefined, { ref: false })
    }
  }

  #tell(events: LoggedEvent[]): void {
    this.#recent.push(...events)
    if (this.#recent.length > EVENTS_REMEMBERED_MAX) this.#recent.splice(0, this.#recent.length - EVENTS_REMEMBERED_MAX)
    this.#position = events.at(-1)!.sequence
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
