import { type ShippingOffer, shippingRates } from '../../shipping/shipping-rates.ts'
import type { PickupPoint, PluginRates } from '../pricing-input.ts'
import type { WorkingCart, WorkingShipping } from '../working-cart.ts'
import { checked, notNegative } from './checked-amount.ts'
import type { PricingSession } from './pricing-session.ts'

/** A way of sending that the buyer may choose, or why not. */
export interface MethodOffer {
  method: string
  name: string
  amount: bigint
  taxCategory: string | null
  available: boolean
  words: string
  /** What the goods lack for free shipping by this method; null where it costs nothing or never will. */
  untilFree: bigint | null
  /** Of a plugin's way of sending, if it says so. */
  deliveryDays?: PluginRates['rates'][number]['deliveryDays']
  pickupPoint?: PickupPoint | null
}

/** Whether anything in the cart has to be sent. */
export function needsShipping(cart: WorkingCart): boolean {
  return cart.lines.some((line) => line.goods.requiresShipping)
}

/** Every way of sending the cart: those of the table in its order, then those of plugins in theirs. */
export function methodOffers(session: PricingSession, cart: WorkingCart): MethodOffer[] {
  const { input, rules } = session
  const table = shippingRates(rules.shipping, { destination: input.shippingAddress, facts: session.facts, ...parcelOf(session, cart) })
  const plugins = input.plugins.rates.flatMap(({ installId, rates }) =>
    rates.map((rate) => ({ ...rate, method: `${installId}:${rate.code}`, available: true, words: rate.name, untilFree: null })),
  )
  return [...table.map(ofTable), ...plugins.map(({ code: _code, ...offer }) => offer)].map((offer) => ({
    ...offer,
    amount: checked(session.prices.ofShipping(notNegative(offer.amount))),
  }))
}

/** The chosen way of sending, or why it cannot be had; neither where nothing has to be sent or nothing is chosen. */
export interface Delivery {
  offers: readonly MethodOffer[]
  chosen: WorkingShipping | null
  problem: string | null
}

export function findShipping(session: PricingSession, cart: WorkingCart): Delivery {
  const method = session.input.shipping?.method
  if (method === undefined || !needsShipping(cart)) return { offers: [], chosen: null, problem: null }
  const offers = methodOffers(session, cart)
  const offer = offers.find((each) => each.method === method)
  if (!offer) return { offers, chosen: null, problem: 'This way of sending does not exist any more.' }
  if (!offer.available) return { offers, chosen: null, problem: offer.words }
  const { name, amount, taxCategory } = offer
  return { offers, chosen: { method, name, taxCategory, amount, remaining: amount }, problem: null }
}

/** What has to be sent, gifts too. Its worth is that of all goods, as buyers see it. */
function parcelOf({ rules }: PricingSession, cart: WorkingCart): { subtotal: bigint; grams: bigint; quantity: bigint } {
  const discounted = rules.document.policy.shipping_measures === 'discounted'
  const parcel = { subtotal: 0n, grams: 0n, quantity: 0n }
  for (const line of cart.lines) {
    parcel.subtotal += discounted ? line.remaining : line.kind === 'item' ? line.listPrice * line.quantity : 0n
    if (!line.goods.requiresShipping) continue
    parcel.grams += line.goods.grams * line.quantity
    parcel.quantity += line.quantity
  }
  return parcel
}

function ofTable({ code, name, amount, taxCategory, available, trace }: ShippingOffer): MethodOffer {
  return { method: code, name, amount, taxCategory, available, words: trace.words, untilFree: trace.untilFree }
}
