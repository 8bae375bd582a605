import { randomUUID } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { PluginFault } from '../kit/bundle.ts'

const ANSWER_MS_MAX = 60_000

export interface ShopOptions {
  /** 'http://kaffa.localhost:4000': the merchant's own address. */
  shop: string
  /** An API key with the scopes plugins:read and plugins:write. */
  key: string
}

/** What a shop says no with: RFC 9457. */
interface Problem {
  title?: string
  detail?: string
  errors?: { pointer?: string; code?: string; detail?: string }[]
}

/** A shop's staff API, as far as plugins go. */
export class Shop {
  readonly #base: URL
  readonly #key: string

  constructor({ shop, key }: ShopOptions) {
    if (!URL.canParse(shop)) throw new PluginFault(`"${shop}" is no address of a shop such as https://kaffa.example.com`)
    this.#base = new URL(shop)
    this.#key = key
  }

  get(path: string, query: Record<string, string> = {}): Promise<unknown> {
    const asked = new URLSearchParams(query).toString()
    return this.#send('GET', asked === '' ? path : `${path}?${asked}`)
  }

  post(path: string, body: unknown): Promise<unknown> {
    return this.#send('POST', path, body)
  }

  patch(path: string, body: unknown): Promise<unknown> {
    return this.#send('PATCH', path, body)
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#exchange(method, path, body === undefined ? undefined : JSON.stringify(body))
    let json: unknown
    try {
      json = answer.text === '' ? null : JSON.parse(answer.text)
    } catch {
      throw new PluginFault(`${this.#base.host} answered ${answer.status} and no JSON. Is this the address of a shop?`)
    }
    if (answer.status >= 200 && answer.status < 300) return json
    throw new PluginFault(refusalInWords(this.#base.host, answer.status, (json ?? {}) as Problem))
  }

  #exchange(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
    const isSecure = this.#base.protocol === 'https:'
    // *.localhost is this machine, which not every resolver knows.
    const isLocal = this.#base.hostname === 'localhost' || this.#base.hostname.endsWith('.localhost')
    const headers: Record<string, string> = { host: this.#base.host, authorization: `Bearer ${this.#key}`, accept: 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (method === 'POST') headers['idempotency-key'] = randomUUID()
    const options = {
      method,
      path: `${this.#base.pathname.replace(/\/$/, '')}${path}`,
      host: isLocal ? '127.0.0.1' : this.#base.hostname,
      servername: this.#base.hostname,
      port: this.#base.port || (isSecure ? 443 : 80),
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body ?? '')) },
      timeout: ANSWER_MS_MAX,
    }
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? requestHttps : requestHttp)(options, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
        incoming.on('error', reject)
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1_000} s`)))
      outgoing.on('error', (error) => reject(new PluginFault(`${this.#base.host} cannot be reached: ${error.message}`)))
      outgoing.end(body)
    })
  }
}

function refusalInWords(host: string, status: number, { title, detail, errors = [] }: Problem): string {
  const hint =
    status === 401 ? ' Is the API key right? Give it with --key or SOUK_API_KEY.' : status === 421 ? ' Is this the address of a shop?' : ''
  const lines = errors.map((error) => `  ${error.pointer ?? ''}: ${error.detail ?? error.code ?? ''}`)
  return [`${host} says no (${status}): ${[title, detail].filter(Boolean).join(': ')}${hint}`, ...lines].join('\n')
}
