import type { Address } from '../cart/address.ts'
import type { Cart } from '../cart/cart.ts'
import { type CartDetails, createCart } from '../cart/change-cart.ts'
import { type CheckoutAnswer, checkout } from '../checkout/checkout.ts'
import type { Order } from '../orders/order.ts'
import type { Shop } from '../quote/ask-plugins.ts'
import type { Goods } from './goods.ts'
import type { TestMerchant } from './merchant.ts'

export const ADDRESS: Address = { name: 'Ada Buyer', line1: 'Market Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }

/** A cart with what an order needs, unless something else is said. */
export async function fillCart(
  seller: TestMerchant,
  lines: readonly { goods: Goods; quantity?: bigint }[],
  details: CartDetails = {},
  now = new Date(),
): Promise<Cart> {
  return seller.inMerchant((tx) =>
    createCart(tx, {
      lines: lines.map(({ goods, quantity = 1n }) => ({ variantId: goods.variantId, quantity })),
      details: { email: 'ada@buyer.example', shippingAddress: ADDRESS, ...details },
      now,
    }),
  )
}

let keys = 0

export interface Bought extends CheckoutAnswer {
  order: Order
}

/** Orders a cart. `order` is as it was placed; its number is a stand-in. */
export async function buyCart(
  shop: Shop,
  cartId: string,
  given: { key?: string; expectedTotal?: bigint; now?: Date } = {},
): Promise<Bought> {
  const { key = `bought-${++keys}`, expectedTotal, now = new Date() } = given
  let placed: Order | undefined
  const answer = await checkout(shop, {
    cartId,
    paymentMethod: 'invoice',
    expectedTotal: expectedTotal === undefined ? undefined : { amount: expectedTotal, currency: 'EUR' },
    idempotency: { route: 'POST /v1/carts/:cart_id/checkout', key, fingerprint: 'same' },
    now,
    answer: (order) => {
      placed = order
      return { statusCode: 201, body: JSON.stringify({ id: order.id, number: Number(order.number) }) }
    },
  })
  return { ...answer, order: placed! }
}

/** How often each outcome came: 'ok', or the code of a refusal. */
export async function outcomes(attempts: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.allSettled(attempts)) {
    const code = outcome.status === 'fulfilled' ? 'ok' : String((outcome.reason as { code?: string }).code ?? outcome.reason)
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}
