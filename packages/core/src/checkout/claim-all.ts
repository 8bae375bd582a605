import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Cart } from '../cart/cart.ts'
import { countOrder } from '../customers/figures.ts'
import { customerKey } from '../promotions/customer-key.ts'
import { assertRedeemed, promotionUses, redeemPromotions } from '../promotions/redeem.ts'
import { Refusal } from '../refusal.ts'
import { assertClaimed, claimStock } from '../stock/claim.ts'
import { reserveStock } from '../stock/reserve.ts'
import { Outdated } from './outdated.ts'

export interface Claim {
  orderId: string
  email: string
  actor: Actor
  now: Date
  /** The goods are only kept for so long, until the order is paid. */
  reserveMinutes?: number | undefined
}

/**
 * Everything an order takes that others want too, in one flight and always in this order: stock, uses of promotions, the right
 * to a first order, the customer's figures. Refuses `insufficient_stock`, `promotion_used_up` and `coupon_used_up`; throws
 * `Outdated` when a gift is gone, or the buyer's history is another than the one the price was made for.
 */
export async function claimAll(tx: Tx, cart: Cart, claim: Claim): Promise<void> {
  const { orderId, email, now } = claim
  const lines = cart.priced.lines.map(({ variantId, quantity }) => ({ variantId, quantity }))
  const uses = promotionUses(cart.priced, cart.pricing.rules.document.promotions)
  const key = customerKey({ customerId: cart.customerId, email })
  const [claimed, redeemed, orderedBefore, counted] = await Promise.all([
    takeGoods(tx, cart, claim, lines),
    uses.length > 0 ? redeemPromotions(tx, { orderId, customerKey: key, uses, now }) : undefined,
    promisesFirstOrder(cart) ? boughtBefore(tx, email) : undefined,
    cart.customerId === null ? undefined : countForCustomer(tx, cart, now),
  ])
  assertGiftsThere(cart, claimed)
  assertClaimed(claimed, lines)
  if (redeemed) assertRedeemed(redeemed, uses)
  if (orderedBefore?.[1]?.length || counted?.length === 0) throw new Outdated()
}

/** Answers the variants that could be had: all of them, if any was taken. */
async function takeGoods(
  tx: Tx,
  cart: Cart,
  { orderId, actor, now, reserveMinutes: minutes }: Claim,
  lines: { variantId: string; quantity: bigint }[],
): Promise<{ variant_id: string }[]> {
  if (minutes === undefined) return claimStock(tx, { orderId, cartId: cart.id, lines, actor, now })
  const all = lines.map(({ variantId }) => ({ variant_id: variantId }))
  try {
    await reserveStock(tx, { holder: { orderId, cartId: cart.id }, lines, minutes, actor, now })
    return all
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'insufficient_stock')) throw error
    const short = error.details.extra!.variant_ids as string[]
    return all.filter((line) => !short.includes(line.variant_id))
  }
}

/** Whether the price holds only if nobody with this address has ordered before. */
function promisesFirstOrder({ pricing, pricingInput }: Cart): boolean {
  return pricing.asksFirstOrder && pricingInput.firstOrder === true
}

/** Two first orders of one address take turns: the second waits here, and then finds the first. */
function boughtBefore(tx: Tx, email: string): Promise<(readonly unknown[])[]> {
  const turn: Query = tx.sql`select pg_advisory_xact_lock(hashtextextended(${`first order|${tx.merchantId}|${email}`}, 36))`
  const earlier: Query = tx.sql`
    select id from orders where merchant_id = ${tx.merchantId} and email = ${email} and status <> 'cancelled' limit 1`
  return Promise.all([turn, earlier])
}

function countForCustomer(tx: Tx, { customerId, pricingInput, priced }: Cart, placedAt: Date): Query {
  return countOrder(tx, {
    customerId: customerId!,
    ordersCount: pricingInput.customer!.ordersCount,
    total: priced.totals.total,
    placedAt,
  })
}

/** A gift nobody pays for is no reason to refuse an order: it is quoted anew without it. */
function assertGiftsThere(cart: Cart, claimed: readonly object[]): void {
  const granted = new Set((claimed as readonly { variant_id: string }[]).map((row) => row.variant_id))
  const missing = cart.priced.lines.filter((line) => line.kind === 'gift' && !granted.has(line.variantId)).map((line) => line.variantId)
  if (missing.length > 0) throw new Outdated(missing)
}
