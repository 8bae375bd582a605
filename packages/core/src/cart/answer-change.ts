import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import {
  ANSWER_PENDING,
  claimIdempotencyKey,
  completeIdempotentResponse,
  type IdempotentRequest,
  type StoredResponse,
  storeIdempotentResponse,
} from '../idempotency/idempotency.ts'
import { asksPlugins, type Shop } from '../quote/ask-plugins.ts'
import type { Cart } from './cart.ts'
import { readCart, withPlugins } from './with-plugins.ts'

export interface CartChange {
  idempotency: IdempotentRequest | undefined
  now: Date
  /** Changes the cart in one transaction. */
  change: (tx: Tx) => Promise<Cart>
  /** The cart as it goes over the wire. */
  answer: (cart: Cart) => StoredResponse
}

/**
 * Changes a cart and answers it with its price, once per key. A merchant without plugins gets both in one transaction. With
 * plugins the change is committed first, with a pending answer under its key; then they are asked, with nothing open; then the
 * answer is kept. A process that dies in between leaves a changed cart, and whoever repeats the request gets it as it is then.
 */
export async function answerChange(shop: Shop, given: CartChange): Promise<StoredResponse & { replayed: boolean }> {
  const { idempotency, answer } = given
  const done = await shop.inMerchant(async (tx) => {
    const earlier = idempotency && (await claimIdempotencyKey(tx, idempotency))
    if (earlier) return { earlier }
    const cart = await given.change(tx)
    const pending = asksPlugins(shop, cart)
    const response = pending ? { statusCode: ANSWER_PENDING, body: JSON.stringify({ id: cart.id }) } : answer(cart)
    if (idempotency) await storeIdempotentResponse(tx, idempotency, response)
    return { cart: pending ? cart : undefined, response }
  })
  if (done.earlier) return replay(shop, given, done.earlier)
  if (!done.cart) return { ...done.response, replayed: false }
  crashPoint('cart.changed')
  return { ...(await complete(shop, given, await withPlugins(shop, done.cart, 'cart'))), replayed: false }
}

async function replay(shop: Shop, given: CartChange, earlier: StoredResponse): Promise<StoredResponse & { replayed: boolean }> {
  if (earlier.statusCode !== ANSWER_PENDING) return { ...earlier, replayed: true }
  const { id } = JSON.parse(earlier.body) as { id: string }
  return { ...(await complete(shop, given, await readCart(shop, id, given.now))), replayed: true }
}

async function complete(shop: Shop, { idempotency, answer }: CartChange, cart: Cart): Promise<StoredResponse> {
  const response = answer(cart)
  crashPoint('cart.priced')
  if (idempotency) await shop.inMerchant((tx) => tx.finish([completeIdempotentResponse(tx, idempotency, response)]))
  return response
}
