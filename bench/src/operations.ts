import { randomUUID } from 'node:crypto'
import { expectStatus } from '@souk/proofs/client.ts'
import type { House, Shop } from '@souk/proofs/house.ts'
import { fireRequests, type Rate, repeat } from './load.ts'
import { ADDRESS, someVariants } from './shop.ts'

export interface Operation {
  name: string
  /** What it is held against: bare Fastify with one select of twenty rows or of one, or the minimal order transaction. */
  limit: 'list' | 'one' | 'order'
  run(connections: number, seconds: number): Promise<Rate>
  once(): Promise<void>
}

/** What is measured: two reads, one small write, and the whole way of a buyer from nothing to an order of two lines. */
export async function operations(house: House, shop: Shop): Promise<Operation[]> {
  const host = { host: `${shop.slug}.localhost` }
  const variants = await someVariants(shop, 600)
  const get = (name: string, limit: 'list' | 'one', path: string): Operation => ({
    name,
    limit,
    run: (connections, seconds) => fireRequests({ url: house.origin + path, connections, seconds, headers: host }),
    once: async () => void expectStatus(await shop.buyer.get(path), 200),
  })
  return [
    get('list of 20 products', 'list', '/v1/products'),
    get('product by handle', 'one', '/v1/products/product-7'),
    await addLine(house, shop, variants),
    checkoutFlow(shop, variants),
  ]
}

/** Each connection has a cart of its own and adds one unit of one variant, over and over. */
async function addLine(house: House, shop: Shop, variants: string[]): Promise<Operation> {
  const carts = await Promise.all(Array.from({ length: 33 }, () => openCart(shop, [])))
  return {
    name: 'add a line to a cart',
    limit: 'order',
    run: async (connections, seconds) => {
      let next = 0
      return fireRequests({
        url: house.origin,
        connections,
        seconds,
        setupClient: (client) => {
          const cart = carts[next++ % carts.length]!
          const headers = { host: `${shop.slug}.localhost`, 'content-type': 'application/json', 'cart-token': cart.token }
          const body = JSON.stringify({ variant_id: variants[next % variants.length], quantity: 1 })
          client.setRequests([{ method: 'POST', path: `/v1/carts/${cart.id}/lines`, headers, body }])
        },
      })
    },
    once: async () => {
      const { id, token } = carts[32]!
      expectStatus(await shop.buyer.post(`/v1/carts/${id}/lines`, { variant_id: variants[0], quantity: 1 }, { 'cart-token': token }), 200)
    },
  }
}

/** Two requests: a cart with two lines, contact and address; and the checkout. */
function checkoutFlow(shop: Shop, variants: string[]): Operation {
  const buy = async () => {
    const start = Math.floor(Math.random() * (variants.length - 1))
    const cart = await openCart(shop, [variants[start]!, variants[start + 1]!])
    const headers = { 'cart-token': cart.token, 'idempotency-key': randomUUID() }
    expectStatus(await shop.buyer.post(`/v1/carts/${cart.id}/checkout`, { payment_method: 'invoice' }, headers), 201)
  }
  return { name: 'full checkout of two lines', limit: 'order', run: (connections, seconds) => repeat(connections, seconds, buy), once: buy }
}

/** With a line of one for each variant, contact and address. */
export async function openCart(shop: Shop, variantIds: string[]): Promise<{ id: string; token: string }> {
  const lines = variantIds.map((variant_id) => ({ variant_id, quantity: 1 }))
  const body = { lines, email: 'bench@buyer.example', shipping_address: ADDRESS }
  return expectStatus(await shop.buyer.post<{ id: string; token: string }>('/v1/carts', body), 201)
}
