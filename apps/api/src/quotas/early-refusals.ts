import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestRate } from '@souk/platform/plans/request-buckets.ts'
import { LRUCache } from 'lru-cache'
import { toProblem } from '../errors.ts'
import { Brake } from './brake.ts'
import { overRate } from './rate-answers.ts'

export interface EarlyRefusalsOptions {
  /** For how long the merchant has surely no request left, and by which rate; undefined when it may have one. */
  emptyOf: (merchantId: string) => { rate: RequestRate; waitMs: number } | undefined
  onRefused: (merchantId: string) => void
  /** Told once a second of each merchant that was refused: a line for each refusal would cost more than the refusal. */
  tell: (merchantId: string, refused: number) => void
}

const ADDRESSES_MAX = 10_000
// A host may come to be another merchant's.
const ADDRESS_REMEMBERED_MS = 60_000
const TELL_EVERY_MS = 1_000
const OF_MERCHANTS = '/v1/'
// A longer body is not read to its end for the connection's sake.
const BODY_READ_MAX_BYTES = 64 * 1024

/**
 * Says no to merchants that are over their rate before there is a request: no route, no gate, no body and no line of the log. It
 * knows them by what the gate found out, for addresses at which it refused somebody lately.
 */
export class EarlyRefusals {
  readonly #options: EarlyRefusalsOptions
  readonly #brake = new Brake()
  readonly #addresses = new LRUCache<string, string>({ max: ADDRESSES_MAX, ttl: ADDRESS_REMEMBERED_MS })
  readonly #untold = new Map<string, number>()
  #refused = 0

  constructor(options: EarlyRefusalsOptions) {
    this.#options = options
  }

  /** Refused here since the process began, and answers that wait. */
  get figures(): { refused: number; held: number } {
    return { refused: this.#refused, held: this.#brake.held }
  }

  /** The gate refused a request that came like this one, to this merchant. */
  remember(raw: IncomingMessage, merchantId: string): void {
    this.#addresses.set(addressOf(raw), merchantId)
  }

  /** Answers a request of a merchant that is over its rate, and says whether it did. */
  answer(raw: IncomingMessage, response: ServerResponse): boolean {
    if (this.#addresses.size === 0 || !raw.url?.startsWith(OF_MERCHANTS)) return false
    const merchantId = this.#addresses.get(addressOf(raw))
    const empty = merchantId === undefined ? undefined : this.#options.emptyOf(merchantId)
    if (merchantId === undefined || !empty) return false
    this.#count(merchantId)
    const refuse = () => send(raw, response, empty.rate, this.#options.emptyOf(merchantId)?.waitMs ?? empty.waitMs)
    const delayMs = this.#brake.delayMs(merchantId, empty.rate, performance.now())
    if (delayMs === 0) refuse()
    else response.once('close', this.#brake.hold(merchantId, delayMs, refuse))
    return true
  }

  #count(merchantId: string): void {
    this.#refused += 1
    this.#options.onRefused(merchantId)
    if (this.#untold.size === 0) setTimeout(() => this.#tell(), TELL_EVERY_MS).unref()
    this.#untold.set(merchantId, (this.#untold.get(merchantId) ?? 0) + 1)
  }

  #tell(): void {
    for (const [merchantId, refused] of this.#untold) this.#options.tell(merchantId, refused)
    this.#untold.clear()
  }
}

/** What the gate finds the merchant by. */
function addressOf({ headers }: IncomingMessage): string {
  return `${headers.host}|${headers['x-merchant-id'] ?? ''}`
}

function send(raw: IncomingMessage, response: ServerResponse, rate: RequestRate, waitMs: number): void {
  const id = randomUUID()
  const problem = toProblem(overRate(rate, waitMs), id)
  const readsOn = raw.headers['transfer-encoding'] === undefined && Number(raw.headers['content-length'] ?? 0) <= BODY_READ_MAX_BYTES
  response.writeHead(problem.status, {
    ...problem.headers,
    'request-id': id,
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(problem.body),
    ...(!readsOn && { connection: 'close' }),
  })
  response.end(problem.body)
}
