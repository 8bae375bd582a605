import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Line } from './allocate.ts'
import { insufficientStock, together } from './claim.ts'
import { wakeSweep } from './sweep.ts'
import { type Holder, takeStock } from './take.ts'
import { tryAtOnce } from './take-at-once.ts'

export interface ReservationRequest {
  /** An order names the cart that it was: what that has reserved is the order's from now on. */
  holder: { cartId: string } | { orderId: string; cartId?: string | undefined }
  /** Lines of the same variant count together. None of a variant gives back what is reserved of it. */
  lines: readonly Line[]
  /** What it has reserved of other variants: it is given back, unless something else is said. */
  others?: 'ended' | 'kept' | undefined
  minutes: number
  actor: Actor
  now: Date
}

/**
 * Keeps stock for a cart or an order until the database's clock has run `minutes` on: all lines or none, and afterwards these
 * and no more of them. Refuses `insufficient_stock`. The first statement is sent at once and may travel with others; as a rule it
 * is the only one.
 */
export async function reserveStock(
  tx: Tx,
  { holder: given, lines, others = 'ended', minutes, actor, now }: ReservationRequest,
): Promise<void> {
  const holder: Holder = { cartId: given.cartId ?? null, orderId: 'orderId' in given ? given.orderId : null }
  const taking = { as: 'reserved', minutes, others, actor, now } as const
  const wanted = together(lines)
  const some = wanted.filter((line) => line.quantity > 0n).map((line) => line.variantId)
  const [taken] = await Promise.all([
    tryAtOnce(tx, { holder, lines: wanted }, taking),
    // An order has a timer of its own.
    holder.orderId === null && some.length > 0 ? wakeSweep(tx, { minutes, now }) : undefined,
  ])
  const short = taken.simple
    ? some.filter((variantId) => !taken.enough.includes(variantId))
    : (await takeStock(tx, [{ holder, lines: wanted }], taking))[0]!
  if (short.length > 0) throw insufficientStock(short)
}
