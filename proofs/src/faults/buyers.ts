import { setTimeout as pause } from 'node:timers/promises'
import type { Answer } from '../client.ts'
import { ADDRESS } from '../goods.ts'
import type { Seeded } from './seeded.ts'
import type { World } from './world.ts'

/** What a buyer knows of something they wanted to buy. */
export interface Purchase {
  key: string
  token: string
  cartId: string
  /** As the first definite answer said; null where none came in time. */
  order: { id: string; token: string } | null
  /** Of that answer. */
  status: number
}

/** An answer of a checkout, or of another attempt to pay: with an order in it, even where the card was declined. */
function note(purchase: Purchase, { status, body }: Answer<Placed & { order?: { id: string }; token?: string }>): void {
  purchase.status = status
  if (status === 201 || status === 202) purchase.order = { id: body.id, token: body.token }
  else if (body.order) purchase.order = { id: body.order.id, token: body.token }
}

const GIVE_UP_AFTER_MS = 90_000
const TRY_AGAIN_MS = 40
/** Cards as buyers have them: most work. */
const CARDS = ['tok_ok', 'tok_ok', 'tok_ok', 'tok_ok', 'tok_insufficient_funds', 'tok_card_declined', 'tok_processing'] as const

interface Placed {
  id: string
  token: string
}

interface OrderSeen {
  status: string
  payment_status: string
  payments: { id: string; status: string }[]
}

/** One buyer after the other thing: everything they do comes from their seed, but for what the platform makes of it. */
export class Buyer {
  readonly purchases: Purchase[] = []
  /** Every answer that was no success, for whoever wants to see how the platform says no. */
  readonly refusals: Answer[] = []
  readonly email: string
  readonly #world: World
  readonly #seeded: Seeded

  constructor(world: World, seeded: Seeded, name: string) {
    this.#world = world
    this.#seeded = seeded
    this.email = `canary-${name}@buyer.example`
  }

  /** Buys one thing after the other; repeats with the same key what was not answered. */
  async buy(times: number): Promise<void> {
    for (let time = 0; time < times; time++) await this.#buyOne(time)
  }

  async #buyOne(time: number): Promise<void> {
    const { shop, variants } = this.#world
    const seeded = this.#seeded
    const lines = [{ variant_id: seeded.pick(variants), quantity: seeded.between(1, 3) }]
    const token = seeded.pick(CARDS)
    const key = `${this.email}-${time}`
    const cart = await this.#insist(() =>
      shop.buyer.post<Placed>('/v1/carts', { lines, email: this.email, shipping_address: ADDRESS }, { 'idempotency-key': `cart-${key}` }),
    )
    if (cart?.status !== 201) return
    const purchase: Purchase = { key, token, cartId: cart.body.id, order: null, status: 0 }
    this.purchases.push(purchase)
    const headers = { 'cart-token': cart.body.token, 'idempotency-key': key }
    const answer = await this.#insist(() =>
      shop.buyer.post<Placed & { order?: Placed }>(
        `/v1/carts/${cart.body.id}/checkout`,
        { payment: { provider: 'sandbox', token } },
        headers,
      ),
    )
    if (!answer) return
    note(purchase, answer)
    if (answer.text.includes('/payment-declined') && seeded.percent(60)) await this.#payAgain(purchase)
    if (purchase.order) await this.#regret(purchase.order)
  }

  /** With another card. */
  async #payAgain(purchase: Purchase): Promise<void> {
    const order = purchase.order!
    const headers = { 'order-token': order.token, 'idempotency-key': `again-${purchase.key}` }
    const body = { payment: { provider: 'sandbox', token: 'tok_ok' } }
    const answer = await this.#insist(() => this.#world.shop.buyer.post<Placed>(`/v1/orders/${order.id}/payments`, body, headers))
    if (answer) note(purchase, answer)
  }

  /** Some orders are called off, some goods are paid back: by staff, who are told to. */
  async #regret({ id }: Placed): Promise<void> {
    const { staff } = this.#world.shop
    const headers = { 'idempotency-key': `regret-${id}` }
    if (this.#seeded.percent(15)) await this.#insist(() => staff.post(`/v1/admin/orders/${id}/cancel`, { reason: 'regret' }, headers))
    else if (this.#seeded.percent(20)) {
      const refund = { amount: { amount: 100, currency: 'EUR' }, to: 'original', reason: 'a scratch' }
      await this.#insist(() => staff.post(`/v1/admin/orders/${id}/refunds`, refund, headers))
    }
  }

  /** What was not paid for in the end is called off, and staff decide what is held for them: nothing waits for anybody. */
  async giveUp(): Promise<void> {
    const { staff } = this.#world.shop
    for (const { order } of this.purchases) {
      if (!order) continue
      const found = await this.#insist(() => staff.get<OrderSeen>(`/v1/admin/orders/${order.id}`))
      for (const { id } of found?.body.payments.filter(({ status }) => status === 'review') ?? []) {
        const decision = this.#seeded.percent(50) ? 'accept' : 'reject'
        await this.#insist(() => staff.post(`/v1/admin/payments/${id}/review`, { decision }))
      }
      if (found?.body.status !== 'pending' || found.body.payment_status !== 'failed') continue
      await this.#insist(() => staff.post(`/v1/admin/orders/${order.id}/cancel`, { reason: 'not paid' }))
    }
  }

  /** Repeats a request until it gets a definite answer: a lost connection and a 5xx are neither yes nor no. */
  async #insist<Body>(send: () => Promise<Answer<Body>>): Promise<Answer<Body> | undefined> {
    const end = performance.now() + GIVE_UP_AFTER_MS
    while (performance.now() < end) {
      const answer = await send().catch(() => undefined)
      if (answer && answer.status >= 400) this.refusals.push(answer as Answer)
      if (answer && answer.status < 500 && !answer.text.includes('/idempotency-in-progress')) return answer
      await pause(TRY_AGAIN_MS)
    }
    return undefined
  }
}
