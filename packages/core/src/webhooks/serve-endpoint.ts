import { setTimeout as sleep } from 'node:timers/promises'
import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import type { SecretBox } from '../secret-box.ts'
import { type Attempted, type DueDelivery, type Exchange, exchange, type ServedEndpoint } from './exchange.ts'
import type { FollowerSession } from './follow-webhooks.ts'
import { succeeded } from './health.ts'
import { renderPayload } from './payload.ts'
import { openHeaders, placeOf } from './secrets.ts'
import type { WebhookSender } from './sender.ts'

export interface ServingDeps {
  sender: WebhookSender
  /** With WEBHOOK_SECRETS_PURPOSE. */
  box: SecretBox
  random?: () => number
  /** Resolves when the merchant's next delivery may begin, or at once when the signal is aborted. Without it at once. */
  pace?: (merchantId: string, signal: AbortSignal) => Promise<void>
}

interface Serving extends FollowerSession {
  /** Aborted when the lease is lost, or another endpoint of the session met trouble that ends all of it. */
  broken: AbortSignal
}

/** So many deliveries of one endpoint are in the hands of a worker, and so many of them on the wire. */
const DELIVERIES_AT_HAND = 128
export const CONNECTIONS_PER_ENDPOINT = 8
const CONNECTIONS_WHILE_FAILING = 2
// What ends within this time is written down together.
const COALESCE_MS = 15
/** Nothing is begun when the lease could be over before it is on the wire. */
export const LEASE_NEEDED_MS = 1_000
// So long attempts that are on the wire may go on when the worker is closed.
const CLOSING_GRACE_MS = 1_000

/** Delivers what is due at one endpoint, and what becomes due meanwhile, until there is nothing. */
export async function serveEndpoint(inMerchant: InMerchant, deps: ServingDeps, session: Serving, endpointId: string): Promise<void> {
  const wire = new Wire(inMerchant.merchant.id, deps, session)
  try {
    for (;;) {
      // In one breath: what is not busy any more is written down in the transaction that looks for what is due.
      const { busy } = wire
      const attempted = wire.takeFinished()
      const step = await inMerchant((tx) =>
        exchange(tx, {
          lease: session.lease,
          endpointId,
          attempted,
          busy,
          room: wire.mayBegin ? DELIVERIES_AT_HAND - wire.atHand : 0,
          random: deps.random ?? Math.random,
        }),
      )
      if (attempted.length > 0) crashPoint('webhook.recorded')
      wire.give(step)
      if (wire.idle && (!step.more || !wire.mayBegin)) return
      await wire.progress()
    }
  } finally {
    await wire.close()
  }
}

/** The deliveries at hand: those of an aggregate in a chain, a few chains at a time on the wire. */
class Wire {
  readonly #merchantId: string
  readonly #deps: ServingDeps
  readonly #session: Serving
  readonly #waiting: DueDelivery[][] = []
  readonly #running = new Map<string, Promise<void>>()
  readonly #abort = new AbortController()
  /** Nothing more may begin. */
  readonly #ending: AbortSignal
  #finished: Attempted[] = []
  #atHand = 0
  #connections = CONNECTIONS_PER_ENDPOINT
  #endpoint: ServedEndpoint | undefined
  #halted = false
  #notify: () => void = () => {}

  constructor(merchantId: string, deps: ServingDeps, session: Serving) {
    this.#merchantId = merchantId
    this.#deps = deps
    this.#session = session
    this.#ending = AbortSignal.any([session.closing, this.#abort.signal])
    session.broken.addEventListener('abort', () => this.#abort.abort(), { once: true })
    session.closing.addEventListener('abort', () => setTimeout(() => this.#abort.abort(), CLOSING_GRACE_MS).unref(), { once: true })
  }

  get busy(): string[] {
    return [...this.#running.keys(), ...this.#waiting.map((chain) => chain[0]!.aggregateId)]
  }

  get atHand(): number {
    return this.#atHand
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.length === 0 && this.#finished.length === 0
  }

  get mayBegin(): boolean {
    return !this.#session.closing.aborted && !this.#abort.signal.aborted && this.#session.heldForMs() > LEASE_NEEDED_MS
  }

  takeFinished(): Attempted[] {
    return this.#finished.splice(0)
  }

  give({ endpoint, deliveries, halted }: Exchange): void {
    this.#endpoint = endpoint
    this.#halted = halted
    this.#connections = endpoint.failures > 0n ? CONNECTIONS_WHILE_FAILING : CONNECTIONS_PER_ENDPOINT
    if (halted) this.#atHand -= this.#waiting.splice(0).flat().length
    this.#atHand += deliveries.length
    this.#waiting.push(...Map.groupBy(deliveries, ({ aggregateId }) => aggregateId).values())
    this.#begin()
  }

  /** Something has ended, and what ends with it. */
  async progress(): Promise<void> {
    if (this.#running.size > 0 && this.#finished.length === 0) {
      await new Promise<void>((resolve) => {
        this.#notify = resolve
      })
    }
    if (this.#running.size > 0) await Promise.race([sleep(COALESCE_MS), Promise.all(this.#running.values())])
  }

  async close(): Promise<void> {
    this.#waiting.length = 0
    this.#halted = true
    this.#abort.abort()
    await Promise.all(this.#running.values())
  }

  #begin(): void {
    while (this.#running.size < this.#connections && this.#waiting.length > 0) {
      const chain = this.#waiting.shift()!
      const { aggregateId } = chain[0]!
      const run = this.#send(chain).finally(() => {
        this.#running.delete(aggregateId)
        this.#begin()
        this.#notify()
      })
      this.#running.set(aggregateId, run)
    }
  }

  /** One after the other, up to the first that is not taken. */
  async #send(chain: DueDelivery[]): Promise<void> {
    const { pace } = this.#deps
    for (const [sent, delivery] of chain.entries()) {
      if (pace && !this.#halted && this.mayBegin) await pace(this.#merchantId, this.#ending)
      const attempted = this.#halted || !this.mayBegin ? undefined : await this.#attempt(delivery)
      if (attempted) this.#finished.push(attempted)
      if (!attempted || !succeeded(attempted.result)) {
        this.#atHand -= chain.length - sent
        return
      }
      this.#atHand -= 1
      this.#notify()
    }
  }

  async #attempt(delivery: DueDelivery): Promise<Attempted | undefined> {
    const endpoint = this.#endpoint!
    const { box, sender } = this.#deps
    const place = { merchantId: this.#merchantId, endpointId: endpoint.id }
    const sealed = [endpoint.sealedSecret, endpoint.sealedPrevious].filter((secret) => secret !== null)
    const startedAt = new Date()
    crashPoint('webhook.before_send')
    const message = {
      url: endpoint.url,
      id: delivery.id,
      body: renderPayload(delivery.payloadVersion, delivery.event),
      secrets: sealed.map((secret) => box.open(secret, placeOf(place.merchantId, place.endpointId, 'secret'))),
      headers: openHeaders(box, place, endpoint.sealedHeaders),
    }
    const result = await callingOut('receiver', () => sender.send(message, this.#abort.signal))
    crashPoint('webhook.after_send')
    return result && { delivery, number: delivery.attempts + 1n, startedAt, result }
  }
}
