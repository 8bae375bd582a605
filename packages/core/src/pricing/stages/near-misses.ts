import { currencyDigits, formatDecimal } from '../../money.ts'
import { nearMisses as missesOf, type NearMiss, nearMissWords } from '../../rules/near-miss.ts'
import type { PricedCart } from '../priced-cart.ts'
import { type Candidate, traceOf } from './candidates.ts'
import type { PricingSession } from './pricing-session.ts'
import type { PromotionRun } from './run-promotions.ts'

/** More would not be read. */
const NEAR_MISSES_MAX = 3

/** The first so many promotions whose conditions failed are looked at: each costs a microsecond. */
const LOOKED_AT_MAX = 50

/** What little is missing for a promotion that has no other objection than its conditions, or for free shipping. */
export function nearMisses(
  session: PricingSession,
  candidates: readonly Candidate[],
  { delivery, cart }: PromotionRun,
): PricedCart['nearMisses'] {
  const { currency } = session.input
  const near: PricedCart['nearMisses'] = []
  let looked = 0
  for (const candidate of candidates) {
    if (near.length === NEAR_MISSES_MAX || looked === LOOKED_AT_MAX) break
    if (candidate.outcome !== 'conditions_failed' || !candidate.promotion.mayBeNear) continue
    looked += 1
    const trace = traceOf(candidate, session.facts)
    const misses = trace && missesOf(trace, currency)
    if (!misses?.length || !misses.every((miss) => isNear(miss, session))) continue
    const { id, name } = candidate.promotion.document
    near.push({ promotionId: id, words: `Add ${nearMissWords(misses)} for “${name}”.` })
  }
  const missing = delivery.offers.find(({ method }) => method === cart.shipping?.method)?.untilFree ?? null
  if (missing !== null && missing > 0n && cart.shipping!.remaining > 0n) {
    near.push({ promotionId: null, words: `Add ${formatDecimal(missing, currencyDigits(currency))} ${currency} more for free shipping.` })
  }
  return near
}

/** At least half of the way is done: what is missing is no more than what lies in the cart. */
function isNear({ short, measure }: NearMiss, { facts }: PricingSession): boolean {
  if (measure === 'amount') return short <= facts['cart.subtotal']
  return short <= (measure === 'quantity' ? facts['cart.quantity'] : facts['cart.line_count'])
}
