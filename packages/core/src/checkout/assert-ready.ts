import type { Cart } from '../cart/cart.ts'
import { assertUsable } from '../cart/cart-coupons.ts'
import type { Money } from '../money.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { assertClaimed } from '../stock/claim.ts'

/** What must be there before anything is claimed. Answers the e-mail the order goes to. */
export function assertReady(cart: Cart, expectedTotal: Money | undefined): string {
  if (cart.status !== 'open')
    throw new Refusal('invalid_state', { detail: 'This cart has become an order.', extra: { current_state: cart.status } })
  if (cart.lines.length === 0) throw new Refusal('cart_empty', { detail: 'There is nothing in this cart.' })
  const missing: FieldProblem[] = []
  if (!cart.email) missing.push({ pointer: '/email', code: 'required' })
  const isSent = cart.lines.some((line) => line.requiresShipping)
  if (isSent && !cart.shippingAddress) missing.push({ pointer: '/shipping_address', code: 'required' })
  if (isSent && !cart.pricingInput.shipping) missing.push({ pointer: '/shipping_option', code: 'required' })
  if (missing.length > 0) throw new Refusal('cart_incomplete', { detail: 'The cart lacks what an order needs.', errors: missing })
  if (isSent && !cart.priced.shipping) throw cannotBeSent(cart)
  assertUsable(cart, cart.couponCodes, (code) => `/coupons/${cart.couponCodes.indexOf(code)}`)
  // A look before the claim: when something is sold out, most buyers are told so without touching the shared rows.
  const inStock = cart.lines.filter((line) => line.available)
  assertClaimed(
    inStock.map((line) => ({ variant_id: line.variantId })),
    cart.lines,
  )
  assertExpected(expectedTotal, { amount: cart.priced.totals.total, currency: cart.currency })
  return cart.email!
}

function cannotBeSent({ priced }: Cart): Refusal {
  const detail = priced.shippingProblem ?? 'The cart cannot be sent this way.'
  return new Refusal('shipping_option_unavailable', {
    detail,
    errors: [{ pointer: '/shipping_option', code: 'shipping_option_unavailable', detail }],
  })
}

function assertExpected(expected: Money | undefined, total: Money): void {
  if (!expected || (expected.amount === total.amount && expected.currency === total.currency)) return
  const extra = { total: { amount: Number(total.amount), currency: total.currency } }
  throw new Refusal('total_changed', { detail: 'The total is no longer what was expected.', extra })
}
