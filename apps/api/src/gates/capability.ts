import { opens, type TokenKeys } from '@souk/core/capability.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

const HEADERS = { cart: 'cart-token', order: 'order-token' } as const
const PARAMETERS = { cart: 'cart_id', order: 'order_id' } as const

/** Lets through whoever holds the token of the cart or order in the path. A wrong token gets the answer of a wrong id. */
export function capabilityGate(keys: TokenKeys, kind: 'cart' | 'order') {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers[HEADERS[kind]]
    if (typeof token !== 'string')
      throw new Problem('credentials_missing', { detail: `This needs the header ${kind === 'cart' ? 'Cart-Token' : 'Order-Token'}.` })
    const id = (request.params as Record<string, string>)[PARAMETERS[kind]]!
    if (!opens(keys, token, request.inMerchant.merchant.id, kind, id))
      throw new Refusal('not_found', { detail: `There is no such ${kind}.` })
  }
}
