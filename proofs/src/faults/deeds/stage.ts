import { setTimeout as pause } from 'node:timers/promises'
import type { Answer, Client } from '../../client.ts'
import { ADDRESS } from '../../goods.ts'
import type { World } from '../world.ts'

const GIVE_UP_AFTER_MS = 120_000
const TRY_AGAIN_MS = 30
/** Whoever died holds a key, or a place, for a while. */
const NOT_YET = /\/(idempotency-in-progress|too-many-imports|quota-exceeded)"/

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface Asked {
  body?: unknown
  /** Statuses that are as good as success: what was not answered has happened, and is not done twice. */
  also?: readonly number[]
  headers?: Record<string, string>
}

/** Something that people do with the platform. It prepares, says `begin`, and does it; whoever is to die there dies after that. */
export interface Deed {
  name: string
  act(stage: Stage): Promise<void>
}

export interface Placed {
  id: string
  token: string
  status: string
  lines: { id: string; variant_id: string; quantity: number }[]
  payments: { id: string; status: string }[]
}

export class NotAnswered extends Error {}

/** Where one deed is done: every request is repeated with its key until it has a definite answer. */
export class Stage {
  readonly world: World
  /** Nobody else's, and fit for names and keys. */
  readonly name: string
  readonly refusals: Answer[] = []
  readonly #staff: Client
  readonly #platform: Client
  readonly #onBegin: () => void
  #requests = 0

  constructor(world: World, name: string, clients: { staff: Client; platform: Client }, onBegin: () => void) {
    this.world = world
    this.name = name
    this.#staff = clients.staff
    this.#platform = clients.platform
    this.#onBegin = onBegin
  }

  /** From here on it is done, and died. */
  begin(): void {
    this.#onBegin()
  }

  /** As staff of the shop. */
  staff<Body = { id: string }>(method: Method, path: string, asked: Asked = {}): Promise<Body> {
    return this.#insist<Body>(this.#staff, method, `/v1/admin${path}`, asked)
  }

  /** As whoever visits the shop. */
  visitor<Body = { id: string }>(method: Method, path: string, asked: Asked = {}): Promise<Body> {
    return this.#insist<Body>(this.world.shop.buyer, method, `/v1${path}`, asked)
  }

  /** As an admin of the platform. */
  admin<Body = { id: string }>(method: Method, path: string, asked: Asked = {}): Promise<Body> {
    return this.#insist<Body>(this.#platform, method, `/v1${path}`, asked)
  }

  /** Uploads a file of products. */
  upload(csv: string): Promise<{ id: string }> {
    return this.#definite(() =>
      this.#staff.call<{ id: string }>('/v1/admin/imports?file_name=deed.csv', { method: 'POST', raw: { type: 'text/csv', content: csv } }),
    )
  }

  /** Reads until it is as it has to become in the end. */
  async becomes<Seen>(read: () => Promise<Seen>, isSo: (seen: Seen) => boolean): Promise<Seen> {
    const end = performance.now() + GIVE_UP_AFTER_MS
    for (;;) {
      const seen = await read()
      if (isSo(seen)) return seen
      if (performance.now() > end) throw new NotAnswered(`it never became so: ${JSON.stringify(seen).slice(0, 500)}`)
      await pause(TRY_AGAIN_MS)
    }
  }

  /** A cart of the first goods, with an address. */
  async cart(quantity = 2): Promise<{ id: string; token: string }> {
    const lines = [{ variant_id: this.world.variants[0]!, quantity }]
    return this.visitor('POST', '/carts', { body: { lines, email: this.email, shipping_address: ADDRESS } })
  }

  get email(): string {
    return `canary-${this.name}@buyer.example`
  }

  /** Orders a cart; by invoice, or as `how` says. */
  checkout(
    cart: { id: string; token: string },
    how: object = { payment_method: 'invoice' },
    also: readonly number[] = [],
  ): Promise<Placed> {
    return this.visitor<Placed>('POST', `/carts/${cart.id}/checkout`, { body: how, headers: { 'cart-token': cart.token }, also })
  }

  async order(how?: object): Promise<Placed> {
    return this.checkout(await this.cart(), how)
  }

  async #insist<Body>(client: Client, method: Method, path: string, { body, also = [], headers = {} }: Asked): Promise<Body> {
    const key = `${this.name}-${++this.#requests}`
    const keyed = { ...headers, ...(method === 'POST' && { 'idempotency-key': key }) }
    return this.#definite(() => client.call<Body>(path, { method, headers: keyed, ...(body !== undefined && { body }) }), also)
  }

  async #definite<Body>(send: () => Promise<Answer<Body>>, also: readonly number[] = []): Promise<Body> {
    const end = performance.now() + GIVE_UP_AFTER_MS
    for (;;) {
      const answer = await send().catch(() => undefined)
      if (answer && answer.status >= 400) this.refusals.push(answer as Answer)
      const isDefinite = answer && answer.status < 500 && !NOT_YET.test(answer.text)
      if (isDefinite && (answer.status < 300 || also.includes(answer.status))) return answer.body
      if (isDefinite) throw new NotAnswered(`refused: ${answer.status} ${answer.text}`)
      if (performance.now() > end) throw new NotAnswered(`no definite answer: ${answer?.text ?? 'no connection'}`)
      await pause(TRY_AGAIN_MS)
    }
  }
}

/** What must be so in the end. */
export function hold(isSo: boolean, what: string, seen: unknown): void {
  if (!isSo) throw new NotAnswered(`${what}: ${JSON.stringify(seen).slice(0, 500)}`)
}
