import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Follower } from '@souk/core/events/followers.ts'
import type { FollowerSession } from '@souk/core/webhooks/follow-webhooks.ts'
import { timedDoor } from '@souk/platform/plans/timed-door.ts'
import type { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import { DoorError } from '@souk/tenant-router/door-error.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import { inUseCase } from '@souk/tenant-router/use-case.ts'
import { describeError } from './describe-error.ts'
import { claimFollowers, dismissFollower, type FollowerKey, pauseFollower, renewFollowers } from './follower-leases.ts'
import type { Log } from './log.ts'
import { QueuePool } from './queue-pool.ts'

/** Works until there is nothing to do for one merchant now, and gives the lease back. */
export type FollowerWork = (inMerchant: InMerchant, session: FollowerSession) => Promise<void>

export interface FollowersOptions {
  cell: string
  /** As souk_queue, at the cell's database. */
  queueUrl: string
  router: Router
  works: Partial<Record<Follower, FollowerWork>>
  /** Counts what is done for each merchant. */
  usage?: Pick<UsageMeter, 'count'>
  log: Log
}

export interface Followers {
  /** Begins nothing new, gives what is on the wire a moment, hands the merchants back and hangs up. */
  stop(): Promise<void>
}

const POLL_MS = 150
const UNREACHABLE_RETRY_MS = 1_000
/** Others take over after this, by the database's clock. */
export const FOLLOWER_LEASE_MS = 12_000
const RENEW_MS = 2_000
const LEASES_CHECKED_EVERY_MS = 250
const SESSIONS_MAX = 1_000
const PAUSE_AFTER_TROUBLE_MS = 2_000
const PAUSE_OF_CLOSED_DOOR_MS = 30_000

interface Session {
  key: FollowerKey
  /** What of the log and of calls was known when it was last told. */
  known: string
  validUntil: number
  lost: AbortController
  nudge: PromiseWithResolvers<void>
  ended: Promise<void>
}

/**
 * Has the followers of a cell's event logs work wherever there is something new: one query for all merchants, a few times a
 * second, and a lease for each of those it finds. A merchant is worked for by one worker at a time.
 */
export function startFollowers(options: FollowersOptions): Followers {
  return new CellFollowers(options)
}

class CellFollowers implements Followers {
  readonly #options: FollowersOptions
  readonly #pool: QueuePool
  readonly #leaseId = randomUUID()
  readonly #closing = new AbortController()
  readonly #sessions = new Map<string, Session>()
  readonly #polling: Promise<void>
  readonly #checking: NodeJS.Timeout
  #renewedAt = performance.now()

  constructor(options: FollowersOptions) {
    const { cell, log, queueUrl } = options
    this.#options = options
    const onError = (error: Error) => log.warn({ cell, error: describeError(error) }, 'connection of followers lost')
    this.#pool = new QueuePool({ url: queueUrl, jobsAtOnce: 0, onError })
    this.#polling = this.#poll()
    this.#checking = setInterval(() => this.#loseWhatIsOver(), LEASES_CHECKED_EVERY_MS)
  }

  async stop(): Promise<void> {
    this.#closing.abort()
    await this.#polling
    await Promise.all([...this.#sessions.values()].map(({ ended }) => ended))
    clearInterval(this.#checking)
    await this.#pool.end()
  }

  async #poll(): Promise<void> {
    const { cell, log } = this.#options
    let reported = false
    while (!this.#closing.signal.aborted) {
      let pauseMs = POLL_MS
      try {
        await this.#renewAll()
        await this.#claim()
        reported = false
      } catch (error) {
        if (!reported) log.warn({ cell, error: describeError(error) }, 'followers not polled, trying on')
        reported = true
        pauseMs = UNREACHABLE_RETRY_MS
      }
      await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {})
    }
  }

  /** While sessions end in good order as well: they may take longer than a lease. */
  async #renewAll(): Promise<void> {
    if (performance.now() - this.#renewedAt < RENEW_MS || this.#sessions.size === 0) return
    const sentAt = performance.now()
    const kept = await renewFollowers(this.#pool, this.#leaseId, FOLLOWER_LEASE_MS)
    this.#renewedAt = sentAt
    for (const key of kept) {
      const session = this.#sessions.get(nameOf(key))
      if (session) session.validUntil = sentAt + FOLLOWER_LEASE_MS
    }
  }

  async #claim(): Promise<void> {
    const sentAt = performance.now()
    const followers = Object.keys(this.#options.works) as Follower[]
    const room = SESSIONS_MAX - this.#sessions.size
    const found = await claimFollowers(this.#pool, { leaseId: this.#leaseId, leaseMs: FOLLOWER_LEASE_MS, followers, room })
    for (const { known, ...key } of found) {
      const session = this.#sessions.get(nameOf(key))
      if (!session) this.#begin(key, known, sentAt)
      else if (session.known !== known) {
        session.known = known
        session.nudge.resolve()
        session.nudge = Promise.withResolvers()
      }
    }
  }

  #begin(key: FollowerKey, known: string, sentAt: number): void {
    const session: Session = {
      key,
      known,
      validUntil: sentAt + FOLLOWER_LEASE_MS,
      lost: new AbortController(),
      nudge: Promise.withResolvers(),
      ended: Promise.resolve(),
    }
    this.#sessions.set(nameOf(key), session)
    session.ended = this.#run(session).finally(() => this.#sessions.delete(nameOf(key)))
  }

  async #run(session: Session): Promise<void> {
    const { cell, log, router, works, usage } = this.#options
    const { key } = session
    try {
      // Asked again before it is sent away: it may have come to live here a moment ago, and its wake-up with it.
      const known = await router.directory.byId(key.merchantId)
      const merchant = known?.cell === cell ? known : await router.directory.refresh(key.merchantId)
      if (merchant?.cell !== cell) return await dismissFollower(this.#pool, key, this.#leaseId)
      const shift: FollowerSession = {
        lease: { id: this.#leaseId, follower: key.follower },
        heldForMs: () => session.validUntil - performance.now(),
        closing: this.#closing.signal,
        lost: session.lost.signal,
        nudged: () => session.nudge.promise,
      }
      const counted = timedDoor(router.inMerchant(merchant), (id, database_ms) => usage?.count(id, { database_ms }))
      await inUseCase(`follow_${key.follower}`, () => works[key.follower]!(counted, shift))
    } catch (error) {
      log.warn({ cell, task: key.follower, merchantId: key.merchantId, error: describeError(error) }, 'follower broke off')
      const pauseMs = error instanceof DoorError && error.code === 'merchant_suspended' ? PAUSE_OF_CLOSED_DOOR_MS : PAUSE_AFTER_TROUBLE_MS
      // If this is lost as well, the lease ends by itself.
      await pauseFollower(this.#pool, key, this.#leaseId, pauseMs).catch(() => {})
    }
  }

  #loseWhatIsOver(): void {
    for (const { validUntil, lost } of this.#sessions.values()) if (validUntil <= performance.now()) lost.abort()
  }
}

function nameOf({ merchantId, follower }: FollowerKey): string {
  return `${merchantId} ${follower}`
}
