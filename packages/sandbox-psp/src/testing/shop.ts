import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { Agent, request } from 'undici'
import type { SandboxPsp } from '../start-sandbox-psp.ts'
import type { JournalWire, PaymentWire } from '../wire.ts'

export interface Answered {
  status: number
  headers: Record<string, string | string[] | undefined>
  // Read where it is asserted on.
  // biome-ignore lint/suspicious/noExplicitAny: the body of an answer under test
  body: any
}

/** A merchant's server, as far as the provider sees one. */
export class Shop {
  readonly id: string
  readonly secret: string
  readonly #psp: SandboxPsp
  readonly #key: string
  readonly #agent = new Agent({ connections: 8 })

  private constructor(psp: SandboxPsp, account: { id: string; api_key: string; callback_secret: string }) {
    this.#psp = psp
    this.id = account.id
    this.#key = account.api_key
    this.secret = account.callback_secret
  }

  static async open(psp: SandboxPsp, callbackUrl: string | null = null): Promise<Shop> {
    return new Shop(psp, await psp.control.openAccount({ name: 'Tea & <Co>', callback_url: callbackUrl }))
  }

  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: unknown, key?: string): Promise<Answered> {
    const { statusCode, headers, body } = await request(this.#psp.url + path, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    return { status: statusCode, headers, body: JSON.parse(await body.text()) }
  }

  authorize(ask: Record<string, unknown> = {}, key?: string): Promise<Answered> {
    const paymentId = typeof ask.payment_id === 'string' ? ask.payment_id : randomUUID()
    const whole = { payment_id: paymentId, amount: 1000, currency: 'EUR', token: 'tok_ok', ...ask }
    return this.call('POST', '/v1/payments', whole, key ?? paymentId)
  }

  async paid(ask: Record<string, unknown> = {}): Promise<PaymentWire> {
    const answer = await this.authorize(ask)
    if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as PaymentWire
  }

  operate(payment: string, verb: 'captures' | 'void' | 'refunds', json: unknown = {}, key: string = randomUUID()): Promise<Answered> {
    return this.call('POST', `/v1/payments/${payment}/${verb}`, json, key)
  }

  async journal(paymentId: string): Promise<JournalWire | undefined> {
    return (await this.#psp.control.journal({ account: this.id, paymentId }))[0]
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

export interface Received {
  headers: Record<string, string>
  body: string
}

/** Takes callbacks, or refuses them as often as it is told to. */
export class Receiver {
  readonly received: Received[] = []
  /** The statuses of the next answers; then 204. */
  readonly statuses: number[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Receiver> {
    const server = createServer()
    const receiver = new Receiver(server)
    server.on('request', async (incoming, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      receiver.received.push({ headers: incoming.headers as Record<string, string>, body: Buffer.concat(chunks).toString('utf8') })
      response.writeHead(receiver.statuses.shift() ?? 204).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/callbacks`
  }

  /** In the order they came. */
  get types(): string[] {
    return this.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
