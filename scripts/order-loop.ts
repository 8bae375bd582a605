import { setTimeout as pause } from 'node:timers/promises'
import type { CartLine } from './demo-cart.ts'
import type { Client } from './http-client.ts'

const ADDRESS = { name: 'Ada Example', line1: '1 Example Street', city: 'Berlin', postcode: '10115', country: 'DE' }

// They are here to be seen, not to fill the shop: a move takes minutes, for it leaves the machine to its merchants.
const BETWEEN_ORDERS_MS = 100

/** Buyers who buy one cart after the other. */
export class OrderLoop {
  placed = 0
  failed = 0
  slowestMs = 0
  readonly #shop: Client
  readonly #lines: readonly CartLine[]
  #goesOn = true

  constructor(shop: Client, lines: readonly CartLine[]) {
    this.#shop = shop
    this.#lines = lines
  }

  stop(): void {
    this.#goesOn = false
  }

  async run(): Promise<void> {
    while (this.#goesOn) {
      const ordered = await this.#order().catch(() => false)
      if (ordered) this.placed++
      else this.failed++
      await pause(BETWEEN_ORDERS_MS)
    }
  }

  async #order(): Promise<boolean> {
    const lines = this.#lines.slice(0, 1).map(({ variantId }) => ({ variant_id: variantId, quantity: 1 }))
    const cart = await this.#shop({
      method: 'POST',
      path: '/v1/carts',
      json: { lines, email: 'ada@example.com', shipping_address: ADDRESS },
    })
    if (cart.status !== 201) return false
    const startedAt = performance.now()
    const placed = await this.#shop({
      method: 'POST',
      path: `/v1/carts/${cart.body.id}/checkout`,
      cartToken: String(cart.body.token),
      idempotencyKey: `move-demo-${cart.body.id}`,
      json: { payment_method: 'invoice' },
    })
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt)
    return placed.status === 201
  }
}
