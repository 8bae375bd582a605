import { setTimeout as pause } from 'node:timers/promises'
import type { Answer } from '../client.ts'
import { ADDRESS } from '../goods.ts'
import type { Shop } from '../house.ts'

/** One request as a buyer saw it, in milliseconds of this process' clock. */
export interface Request {
  what: 'cart' | 'checkout' | 'checkout by card' | 'product'
  sentAt: number
  tookMs: number
  /** 0 where the connection broke. */
  status: number
  /** Of an answer that was no success: the last part of its problem's type, and its detail. */
  problem?: { type: string; detail: string }
}

/** What a buyer was told, for good. */
export interface Confirmed {
  key: string
  cartId: string
  id: string
  number: number
  at: number
}

export interface ShopperOptions {
  name: string
  variants: readonly string[]
  /** Which of the orders are paid by card; all others by invoice. */
  byCard?: (order: number) => boolean
  /** Between two purchases. Without it one follows the other. */
  everyMs?: number
}

interface Placed {
  id: string
  number: number
  token: string
}

const GIVE_UP_AFTER_MS = 120_000
const TRY_AGAIN_MS = 20

/** Looks at a product, fills a cart and checks out, again and again, and says again with the same key what was not answered. */
export class Shopper {
  readonly requests: Request[] = []
  readonly confirmed: Confirmed[] = []
  /** Answers that were neither a success nor cured by asking again. */
  readonly refused: { what: string; status: number; text: string }[] = []
  readonly name: string
  readonly #shop: Shop
  readonly #options: ShopperOptions
  #shops = true

  constructor(shop: Shop, options: ShopperOptions) {
    this.name = options.name
    this.#shop = shop
    this.#options = options
  }

  stop(): void {
    this.#shops = false
  }

  /** Until it is stopped. What has begun is finished. */
  async shop(): Promise<void> {
    const { everyMs = 0 } = this.#options
    let next = performance.now()
    for (let order = 0; this.#shops; order++) {
      await this.#buy(order)
      next = Math.max(next + everyMs, performance.now() - everyMs)
      const early = next - performance.now()
      if (early > 0) await pause(early)
    }
  }

  async #buy(order: number): Promise<void> {
    const { name, variants, byCard } = this.#options
    const { buyer } = this.#shop
    const key = `${name}-${order}`
    const lines = [{ variant_id: variants[order % variants.length]!, quantity: 1 + (order % 2) }]
    await this.#ask('product', () => buyer.get('/v1/products?limit=5'))
    const body = { lines, email: `${name}@buyer.example`, shipping_address: ADDRESS }
    const cart = await this.#ask('cart', () => buyer.post<Placed>('/v1/carts', body, { 'idempotency-key': `cart-${key}` }))
    if (cart === undefined) return
    const isByCard = byCard?.(order) ?? false
    const payment = isByCard ? { payment: { provider: 'sandbox', token: 'tok_ok' } } : { payment_method: 'invoice' }
    const headers = { 'cart-token': cart.token, 'idempotency-key': key }
    const placed = await this.#ask(isByCard ? 'checkout by card' : 'checkout', () =>
      buyer.post<Placed>(`/v1/carts/${cart.id}/checkout`, payment, headers),
    )
    if (placed !== undefined) this.confirmed.push({ key, cartId: cart.id, id: placed.id, number: placed.number, at: performance.now() })
  }

  /** The body of the first success. A lost connection and a 5xx are neither yes nor no, and are counted. */
  async #ask<Body>(what: Request['what'], send: () => Promise<Answer<Body>>): Promise<Body | undefined> {
    const end = performance.now() + GIVE_UP_AFTER_MS
    let last = { status: 0, text: 'no answer' }
    while (performance.now() < end) {
      const sentAt = performance.now()
      const answer = await send().catch(() => undefined)
      const problem = answer && problemOf(answer)
      this.requests.push({ what, sentAt, tookMs: performance.now() - sentAt, status: answer?.status ?? 0, ...(problem && { problem }) })
      if (answer && answer.status < 300) return answer.body
      if (answer) last = answer
      if (answer && answer.status < 500 && !answer.text.includes('/idempotency-in-progress')) break
      await pause(TRY_AGAIN_MS)
    }
    this.refused.push({ what, status: last.status, text: last.text.slice(0, 500) })
    return undefined
  }
}

function problemOf({ status, body }: Answer<unknown>): Request['problem'] {
  if (status < 300) return undefined
  const { type = '', detail = '' } = (body ?? {}) as { type?: string; detail?: string }
  return { type: type.slice(type.lastIndexOf('/') + 1), detail }
}
