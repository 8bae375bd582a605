import http from 'node:http'
import https from 'node:https'
import { addressIn, isPublicAddress, NOT_PUBLIC, publicLookup } from '@souk/public-net/public-address.ts'
import { signatureHeaders } from './sign.ts'

export interface HttpWebhookSenderOptions {
  /** Hosts served elsewhere, for tests and demos on one machine: `{"hooks.example": "http://127.0.0.1:4999"}`. */
  redirectedHosts?: Record<string, string>
  timeoutMs?: number
  now?: () => Date
}

interface Outgoing {
  url: string
  id: string
  body: string
  secrets: readonly string[]
  headers: Readonly<Record<string, string>>
}

interface Outcome {
  statusCode: number | null
  failure: string | null
  answer: string
  durationMs: number
  retryAfterMs: number | null
}

const TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 64 * 1024
const ANSWER_CHARACTERS_KEPT = 1_000
const IDLE_SOCKETS_PER_HOST = 8
const IDLE_SOCKET_MS = 5_000
const USER_AGENT = 'souk-webhooks/1'

/**
 * Sends webhooks: https to the public address that was checked, nothing followed, an answer of 64 KiB within 15 s in all, however
 * slowly it comes. Fits core's WebhookSender.
 */
export class HttpWebhookSender {
  readonly #options: HttpWebhookSenderOptions
  readonly #agents: { http: http.Agent; https: https.Agent }

  constructor(options: HttpWebhookSenderOptions = {}) {
    this.#options = options
    const sockets = { keepAlive: true, maxFreeSockets: IDLE_SOCKETS_PER_HOST, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' } as const
    this.#agents = { http: new http.Agent(sockets), https: new https.Agent(sockets) }
  }

  /** Undefined: broken off by the signal. */
  async send(webhook: Outgoing, signal: AbortSignal): Promise<Outcome | undefined> {
    const startedAt = performance.now()
    const durationMs = () => performance.now() - startedAt
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS)
    try {
      const { response, answer } = await this.#exchange(webhook, AbortSignal.any([signal, timeout]))
      return {
        statusCode: response.statusCode ?? 0,
        failure: null,
        answer,
        durationMs: durationMs(),
        retryAfterMs: this.#retryAfter(response),
      }
    } catch (error) {
      if (signal.aborted) return undefined
      const failure = timeout.aborted ? 'timeout' : failureOf(error)
      return { statusCode: null, failure, answer: '', durationMs: durationMs(), retryAfterMs: null }
    }
  }

  /** Hangs up. */
  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async #exchange({ url, id, body, secrets, headers }: Outgoing, signal: AbortSignal) {
    const given = new URL(url)
    const redirected = this.#options.redirectedHosts?.[given.hostname]
    const target = redirected === undefined ? given : new URL(given.pathname + given.search, redirected)
    // A lookup is not asked about an address that is written as one.
    const written = redirected === undefined ? addressIn(target.hostname) : undefined
    if (redirected === undefined && (target.protocol !== 'https:' || (written && !isPublicAddress(written.address, written.family))))
      throw notAllowed()
    const timestamp = Math.floor((this.#options.now?.() ?? new Date()).getTime() / 1_000)
    const options: https.RequestOptions = {
      method: 'POST',
      headers: {
        ...headers,
        host: given.host,
        'user-agent': USER_AGENT,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...signatureHeaders({ id, timestamp, body, secrets }),
      },
      agent: target.protocol === 'http:' ? this.#agents.http : this.#agents.https,
      ...(redirected === undefined && { lookup: publicLookup }),
      signal,
    }
    const response = await post(target, options, body)
    return { response, answer: await read(response, signal) }
  }

  #retryAfter({ headers }: http.IncomingMessage): number | null {
    const told = headers['retry-after']?.trim()
    if (told === undefined) return null
    if (/^\d{1,9}$/.test(told)) return Number(told) * 1_000
    const moment = Date.parse(told)
    const now = this.#options.now?.().getTime() ?? Date.now()
    return Number.isNaN(moment) ? null : Math.max(0, moment - now)
  }
}

/** A connection that was kept and that the other side has closed meanwhile is replaced: the request was never looked at. */
async function post(target: URL, options: https.RequestOptions, body: string): Promise<http.IncomingMessage> {
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    const request = (target.protocol === 'http:' ? http : https).request(target, options, resolve)
    request.on('error', reject)
    request.end(body)
    try {
      return await promise
    } catch (error) {
      if (!request.reusedSocket || (error as { code?: string }).code !== 'ECONNRESET') throw error
    }
  }
}

/** The beginning of an answer. The rest is read to its end, within limits, so that the connection can be used again. */
async function read(response: http.IncomingMessage, signal: AbortSignal): Promise<string> {
  const kept: Buffer[] = []
  let received = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (received < ANSWER_CHARACTERS_KEPT * 4) kept.push(chunk)
      received += chunk.length
      if (received > ANSWER_BYTES_MAX) throw Object.assign(new Error('the answer is too large'), { code: TOO_LARGE })
    }
  } finally {
    if (!response.complete) response.destroy()
  }
  signal.throwIfAborted()
  const text = Buffer.concat(kept).toString('utf8').replaceAll('\0', '').slice(0, ANSWER_CHARACTERS_KEPT)
  return text.toWellFormed()
}

const TOO_LARGE = 'ANSWER_TOO_LARGE'

function failureOf(error: unknown): string {
  const { code } = error as { code?: unknown }
  if (code === NOT_PUBLIC) return 'url_not_allowed'
  if (code === TOO_LARGE) return 'answer_too_large'
  if (typeof code === 'string' && /^(ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_SSL|EPROTO)/.test(code)) return 'tls'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'host_unknown'
  return 'connection'
}

function notAllowed(): Error {
  return Object.assign(new Error('the address is not a public one'), { code: NOT_PUBLIC })
}
