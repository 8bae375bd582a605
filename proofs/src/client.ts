import { Agent, type Dispatcher, request } from 'undici'

export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Dispatcher.ResponseData['headers']
  body: Body
  text: string
}

interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Record<string, string>
  body?: unknown
  /** Sent as it is, instead of `body`. */
  raw?: { type: string; content: string | Buffer }
}

/** Speaks to one host of the platform: the merchant is chosen by the Host header, as a browser would. */
export class Client {
  readonly #origin: string
  readonly #host: string
  readonly #headers: Record<string, string>
  readonly #agent: Agent

  constructor(origin: string, host: string, headers: Record<string, string> = {}, agent = new Agent({ connections: 256 })) {
    this.#origin = origin
    this.#host = host
    this.#headers = headers
    this.#agent = agent
  }

  /** The same host with further headers on every call. */
  with(headers: Record<string, string>): Client {
    return new Client(this.#origin, this.#host, { ...this.#headers, ...headers }, this.#agent)
  }

  get<Body = Record<string, unknown>>(path: string, headers?: Record<string, string>): Promise<Answer<Body>> {
    return this.call(path, { ...(headers && { headers }) })
  }

  post<Body = Record<string, unknown>>(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<Body>> {
    return this.call(path, { method: 'POST', body, ...(headers && { headers }) })
  }

  async call<Body = Record<string, unknown>>(path: string, call: Call): Promise<Answer<Body>> {
    const { method = 'GET', headers, body, raw } = call
    const response = await request(this.#origin + path, {
      dispatcher: this.#agent,
      method,
      headers: {
        host: this.#host,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(raw && { 'content-type': raw.type }),
        ...this.#headers,
        ...headers,
      },
      body: raw ? raw.content : body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.body.text()
    const isJson = String(response.headers['content-type'] ?? '').includes('json')
    return { status: response.statusCode, headers: response.headers, body: (isJson ? JSON.parse(text) : {}) as Body, text }
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }
}

/** The body of an answer that must have this status. */
export function expectStatus<Body>(answer: Answer<Body>, status: number): Body {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`)
  return answer.body
}
