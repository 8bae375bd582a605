import type { InjectOptions } from 'fastify'
import type { Ground } from './ground.ts'

export interface BadInput {
  /** The number in the catalogue of bad input. */
  item: number
  name: string
  request: (ground: Ground) => InjectOptions & { host?: string; token?: string }
  status: number
  /** The slug of the problem; none for what is taken. */
  type?: string
  /** Where the first of `errors` points. */
  pointer?: string
}

export type Case = [item: number, name: string, request: BadInput['request'], status: number, type?: string, pointer?: string]

export const NOWHERE = '00000000-0000-7000-8000-000000000000'
export const cartHeaders = (ground: Ground) => ({ 'cart-token': ground.cart.token })
let keys = 0
export const freshKey = () => ({ 'idempotency-key': `bad-input-${++keys}` })

export const addLine =
  (quantity: unknown, more: object = {}) =>
  (ground: Ground) => ({
    method: 'POST' as const,
    url: `/v1/carts/${ground.cart.id}/lines`,
    headers: { ...cartHeaders(ground), 'content-type': 'application/json' },
    payload: `{"variant_id":"${ground.variantId}","quantity":${quantity}${Object.entries(more)
      .map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join('')}}`,
  })
export const changePrice =
  (amount: string, currency = '"EUR"') =>
  (ground: Ground) => ({
    method: 'PATCH' as const,
    url: `/v1/admin/variants/${ground.variantId}`,
    token: ground.shop.token,
    headers: { 'content-type': 'application/json' },
    payload: `{"price":{"amount":${amount},"currency":${currency}}}`,
  })
export const newProduct = (fields: object) => (ground: Ground) => ({
  method: 'POST' as const,
  url: '/v1/admin/products',
  token: ground.shop.token,
  payload: { title: 'Cup', variants: [{ price: { amount: 100, currency: 'EUR' } }], ...fields },
})
export const rawCart =
  (payload: string | Buffer, headers: Record<string, string> = {}) =>
  () => ({
    method: 'POST' as const,
    url: '/v1/carts',
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  })
export const settings = (payload: object) => (ground: Ground) => ({
  method: 'PATCH' as const,
  url: '/v1/admin/settings',
  token: ground.shop.token,
  payload,
})
export const checkout =
  (
    headers: Record<string, string | string[]>,
    cart: (ground: Ground) => { id: string; token: string } = (ground) => ground.cart,
    payload: object = { payment_method: 'invoice' },
  ) =>
  (ground: Ground) => ({
    method: 'POST' as const,
    url: `/v1/carts/${cart(ground).id}/checkout`,
    headers: { 'cart-token': cart(ground).token, ...headers },
    payload,
  })
export const get = (url: string | ((ground: Ground) => string)) => (ground: Ground) => ({
  url: typeof url === 'string' ? url : url(ground),
})
export const staffGet = (url: string | ((ground: Ground) => string)) => (ground: Ground) => ({
  ...get(url)(ground),
  token: ground.shop.token,
})
export const getCart = (id: string) => (ground: Ground) => ({ url: `/v1/carts/${id}`, headers: cartHeaders(ground) })
