import type { Tx } from '@souk/tenant-router/tx.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { couponKey } from '../promotions/coupon-code.ts'
import { Refusal, type RefusalCode } from '../refusal.ts'
import type { Cart } from './cart.ts'
import { changeCart } from './change-cart.ts'
import { CART_COUPONS_MAX } from './limits.ts'

type CouponState = PricingInput['coupons'][number]['state']

const REFUSALS: Record<Exclude<CouponState, 'usable'>, { code: RefusalCode; words: string }> = {
  unknown: { code: 'coupon_unknown', words: 'There is no such code.' },
  used_up: { code: 'coupon_used_up', words: 'This code has been used as often as it may be.' },
  expired: { code: 'coupon_expired', words: 'This code is no longer valid.' },
  not_yet: { code: 'coupon_not_yet', words: 'This code is not valid yet.' },
  other_customer: { code: 'coupon_not_yours', words: 'This code is for another customer.' },
  used_by_customer: { code: 'coupon_used_before', words: 'This code was used before, as often as one customer may.' },
}

/**
 * Enters a code, as the buyer wrote it. A code that cannot be used is refused with the reason; one that can be, but whose
 * promotion does not apply to this cart yet, stays in it, and the cart says why. Entering it again changes nothing.
 */
export async function addCoupon(tx: Tx, cartId: string, given: { code: string; now: Date }): Promise<Cart> {
  const code = couponKey(given.code)
  if (code === undefined) throw couponRefusal('unknown', '/code')
  const added = tx.sql`
    update cart set coupon_codes = array_append(coupon_codes, ${code})
    where merchant_id = ${tx.merchantId} and id = ${cartId} and not ${code} = any (coupon_codes)`
  const { cart } = await changeCart(tx, cartId, { statement: added, now: given.now })
  if (cart.couponCodes.length > CART_COUPONS_MAX) throw new Refusal('too_many', { detail: `A cart takes ${CART_COUPONS_MAX} codes.` })
  assertUsable(cart, [code], () => '/code')
  return cart
}

/** Takes a code out of the cart. Refuses `not_found` for one that is not in it. */
export async function removeCoupon(tx: Tx, cartId: string, given: { code: string; now: Date }): Promise<Cart> {
  const code = couponKey(given.code) ?? ''
  const removed = tx.sql`
    update cart set coupon_codes = array_remove(coupon_codes, ${code})
    where merchant_id = ${tx.merchantId} and id = ${cartId} and ${code} = any (coupon_codes) returning id`
  const { cart, rows } = await changeCart(tx, cartId, { statement: removed, now: given.now })
  if (rows.length === 0) throw new Refusal('not_found', { detail: 'There is no such code in this cart.' })
  return cart
}

/** Refuses the first of these codes that cannot be used, with the reason. */
export function assertUsable(cart: Pick<Cart, 'pricingInput'>, codes: readonly string[], pointerOf: (code: string) => string): void {
  for (const { code, state } of cart.pricingInput.coupons) {
    if (state !== 'usable' && codes.includes(code)) throw couponRefusal(state, pointerOf(code))
  }
}

function couponRefusal(state: keyof typeof REFUSALS, pointer: string): Refusal {
  const { code, words } = REFUSALS[state]
  return new Refusal(code, { detail: words, errors: [{ pointer, code, detail: words }] })
}
