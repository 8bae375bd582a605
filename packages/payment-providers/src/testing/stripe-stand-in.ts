import { createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { StripeBooks, WireError } from './stripe-books.ts'
import { type Form, readForm } from './stripe-form.ts'

export interface Recorded {
  method: string
  path: string
  form: Form
  headers: Record<string, string | undefined>
}

type Fault = { status: number; when: 'before' | 'after' } | { drop: 'before' | 'after' } | { garbage: true } | { pass: true }

interface Kept {
  fingerprint: string
  status: number
  body: unknown
}

/**
 * Speaks what we use of Stripe's protocol, as documented: form-encoded requests, JSON answers, error objects, idempotency keys
 * that replay the first answer and refuse other parameters, lists by cursor, signed events.
 */
export class StripeStandIn {
  readonly requests: Recorded[] = []
  readonly books = new StripeBooks()
  readonly secretKey = 'sk_test_stand_in'
  /** What goes wrong with the next requests, one each. */
  readonly faults: Fault[] = []
  readonly #kept = new Map<string, Kept>()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<StripeStandIn> {
    const server = createServer()
    const standIn = new StripeStandIn(server)
    server.on('request', (request, response) => void standIn.#exchange(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return standIn
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The requests with this method and path, as recorded. */
  asked(method: string, path: RegExp): Recorded[] {
    return this.requests.filter((request) => request.method === method && path.test(request.path))
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { pathname, search } = new URL(request.url ?? '/', 'http://stand-in')
    const form = readForm(request.method === 'GET' ? search.slice(1) : Buffer.concat(chunks).toString('utf8'))
    const headers = request.headers as Record<string, string | undefined>
    this.requests.push({ method: request.method ?? '', path: pathname, form, headers })
    const fault = this.faults.shift()
    if (fault !== undefined && this.#failed(fault, 'before', request, response)) return
    const { status, body } = this.#answer(request.method ?? '', pathname, form, headers)
    if (fault !== undefined && this.#failed(fault, 'after', request, response)) return
    send(response, status, body)
  }

  #failed(fault: Fault, when: 'before' | 'after', request: IncomingMessage, response: ServerResponse): boolean {
    if ('pass' in fault) return false
    if ('garbage' in fault) {
      if (when === 'after') response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":')
      return when === 'after'
    }
    if ('drop' in fault) {
      if (fault.drop === when) request.socket.destroy()
      return fault.drop === when
    }
    if (fault.when !== when) return false
    const type = fault.status === 429 ? 'invalid_request_error' : 'api_error'
    send(response, fault.status, { error: { type, message: 'As it was told to.' } })
    return true
  }

  #answer(method: string, path: string, form: Form, headers: Record<string, string | undefined>): { status: number; body: unknown } {
    if (headers.authorization !== `Bearer ${this.secretKey}`)
      return { status: 401, body: { error: { type: 'invalid_request_error', message: 'Invalid API Key provided.' } } }
    const key = headers['idempotency-key']
    const fingerprint = JSON.stringify([method, path, form])
    const kept = key === undefined ? undefined : this.#kept.get(key)
    if (kept !== undefined && kept.fingerprint !== fingerprint) {
      const message = 'Keys for idempotent requests can only be used with the same parameters they were first used with.'
      return { status: 400, body: { error: { type: 'idempotency_error', message } } }
    }
    if (kept !== undefined) return kept
    const answer = this.#perform(method, path, form)
    if (key !== undefined && method === 'POST') this.#kept.set(key, { fingerprint, ...answer })
    return answer
  }

  #perform(method: string, path: string, form: Form): { status: number; body: unknown } {
    try {
      // As it goes over the wire: later changes must not change what was answered.
      return { status: 200, body: structuredClone(this.books.perform(method, path, form)) }
    } catch (error) {
      if (error instanceof WireError) return { status: error.status, body: { error: structuredClone(error.body) } }
      throw error
    }
  }
}

/** An event and the header that signs it, made by hand: what the library verifies is not what the library has made. */
export function signedEvent(secret: string, type: string, object: unknown, at: Date): { rawBody: string; headers: Record<string, string> } {
  const created = Math.floor(at.getTime() / 1000)
  const id = `evt_${randomBytes(8).toString('hex')}`
  const rawBody = JSON.stringify({ id, object: 'event', api_version: '2026-10-28.endive', type, created, data: { object } }, null, 2)
  const signature = createHmac('sha256', secret).update(`${created}.${rawBody}`).digest('hex')
  return { rawBody, headers: { 'stripe-signature': `t=${created},v1=${signature}` } }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': `req_${randomBytes(6).toString('hex')}` })
  response.end(JSON.stringify(body))
}
