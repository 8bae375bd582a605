import { currencyDigits, formatDecimal } from '../../money.ts'
import type { PricedCart } from '../priced-cart.ts'
import type { Candidate } from './candidates.ts'
import type { PricingSession } from './pricing-session.ts'
import type { PromotionRun } from './run-promotions.ts'

/** What little is missing for a promotion or for free shipping. */
export function nearMisses(
  session: PricingSession,
  _candidates: readonly Candidate[],
  { delivery, cart }: PromotionRun,
): PricedCart['nearMisses'] {
  const { currency } = session.input
  const missing = delivery.offers.find(({ method }) => method === cart.shipping?.method)?.untilFree ?? null
  if (missing === null || cart.shipping!.remaining === 0n) return []
  return [{ promotionId: null, words: `Add ${formatDecimal(missing, currencyDigits(currency))} ${currency} for free shipping.` }]
}
