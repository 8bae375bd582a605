import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { CART_LINES_MAX } from '../cart/limits.ts'
import { Refusal } from '../refusal.ts'
import { releaseReservations } from '../stock/end-reservations.ts'
import { buyerComes, hotVariants } from '../stock/heat.ts'
import { reserveInTurn } from '../stock/reserve-in-turn.ts'
import { BUYER } from './write-order.ts'

interface Buying {
  cartId: string
  now: Date
}

/** Checkouts of carts that are in line here, or hold what they got there. */
const inLine = new Map<string, Promise<unknown>>()

/**
 * Runs a checkout, and where its cart holds goods that many want at this moment lets it get into line for them before: its
 * transaction finds them reserved and needs no lock that others wait for. Who gets none in line is told so by the checkout
 * itself, which looks before it claims, and which knows a repeated request. What was got in vain is given back; a request that is
 * repeated while the first is in line waits for it: if it got something for itself, somebody else would be refused for that.
 */
export async function withHotGoods<Answer extends { replayed: boolean }>(
  inMerchant: InMerchant,
  buying: Buying,
  checkout: () => Promise<Answer>,
): Promise<Answer> {
  const goes = buyerComes(inMerchant.merchant.id)
  try {
    const hot = hotVariants(inMerchant.merchant.id)
    if (hot.length === 0) return await checkout()
    const first = inLine.get(buying.cartId)
    if (first) {
      await first.catch(() => {})
      return await checkout()
    }
    const answer = checkOutInLine(inMerchant, buying, hot, checkout)
    inLine.set(buying.cartId, answer)
    return await answer.finally(() => inLine.delete(buying.cartId))
  } finally {
    goes()
  }
}

async function checkOutInLine<Answer extends { replayed: boolean }>(
  inMerchant: InMerchant,
  buying: Buying,
  hot: readonly string[],
  checkout: () => Promise<Answer>,
): Promise<Answer> {
  if (!(await reserveAhead(inMerchant, buying, hot))) return checkout()
  crashPoint('checkout.reserved_ahead')
  return checkOutReserved(inMerchant, buying, checkout)
}

async function checkOutReserved<Answer extends { replayed: boolean }>(
  inMerchant: InMerchant,
  { cartId, now }: Buying,
  checkout: () => Promise<Answer>,
): Promise<Answer> {
  const giveBack = () => inMerchant(async (tx) => releaseReservations(tx, { cartId }, { actor: BUYER, now }))
  try {
    const answer = await checkout()
    if (answer.replayed) await giveBack()
    return answer
  } catch (error) {
    // The same request that is still under way needs it; and after any other failure it runs out by itself.
    if (error instanceof Refusal && error.code !== 'idempotency_in_progress') await giveBack().catch(() => {})
    throw error
  }
}

interface HotLine {
  variant_id: string
  quantity: bigint
  minutes: number
}

/**
 * Whether something was reserved. Not for a cart that has become an order, nor for one whose merchant keeps what is in carts. It looks
 * by one statement of the kind that share connections: many get into line while few transactions are let in.
 */
async function reserveAhead(inMerchant: InMerchant, { cartId, now }: Buying, hot: readonly string[]): Promise<boolean> {
  const rows = await inMerchant.readOne(
    ({ sql, entered }) => sql`
      with door as materialized (${entered})
      select wanted.* from door cross join lateral (
        select l.variant_id, l.quantity, s.payment_reservation_minutes as minutes
        from cart c
          join merchant_settings s on s.merchant_id = door.merchant_id and not s.reserve_in_cart
          join cart_line l on l.merchant_id = door.merchant_id and l.cart_id = c.id and l.variant_id = any(${hot as string[]}::uuid[])
        where c.merchant_id = door.merchant_id and c.id = ${cartId} and c.status = 'open'
        order by l.variant_id
        limit ${CART_LINES_MAX}
      ) wanted`,
  )
  let reserved = false
  for (const { variant_id: variantId, quantity, minutes } of rows as unknown as HotLine[]) {
    try {
      await reserveInTurn(inMerchant, { cartId, variantId, quantity, minutes, actor: BUYER, now })
      reserved = true
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return reserved
    }
  }
  return reserved
}
