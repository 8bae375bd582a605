import { percent } from '../percent.ts'
import type { Adjustment, CouponOutcome, Detail, ExplanationStep, PricedCart, PromotionTrace, Totals } from '../priced-cart.ts'
import type { Granted, PricingInput } from '../pricing-input.ts'
import { type Candidate, traceOf } from './candidates.ts'
import { nearMisses } from './near-misses.ts'
import { outcomeWords } from './outcome-words.ts'
import type { PricingSession } from './pricing-session.ts'
import type { Effect, PromotionRun } from './run-promotions.ts'

interface Priced {
  candidates: readonly Candidate[]
  run: PromotionRun
  adjustments: readonly Adjustment[]
  totals: Totals
  detail: Detail
}

/** What was considered, applied and missed, in words. */
export function describeCart(
  session: PricingSession,
  { candidates, run, adjustments, totals, detail }: Priced,
): Pick<PricedCart, 'promotions' | 'coupons' | 'explanation' | 'nearMisses'> {
  const { currency } = session.input
  for (const candidate of candidates) conclude(candidate, run.effects.get(candidate))
  const names = new Map(candidates.map(({ promotion: { document } }) => [document.id, document.name]))
  const told = detail === 'full' ? candidates : candidates.filter(isWorthTelling)
  for (const candidate of told) traceOf(candidate, session.facts)
  const promotions = told.map((candidate) => toTrace(candidate, { effect: run.effects.get(candidate), currency, names, detail }))
  return {
    promotions,
    coupons: couponOutcomes(session.input, candidates, names, currency),
    explanation: explain(session, adjustments, totals),
    nearMisses: nearMisses(session, candidates, run),
  }
}

/** Writes into the candidate what became of it. */
function conclude(candidate: Candidate, effect: Effect | undefined): void {
  if (candidate.outcome !== null || !effect) return
  candidate.trace = effect.late ?? candidate.trace
  if (effect.failed) candidate.outcome = 'conditions_failed'
  else candidate.outcome = effect.amount > 0n || effect.gifts.length > 0 ? 'applied' : 'nothing_to_discount'
}

function isWorthTelling({ outcome, couponCode }: Candidate): boolean {
  return couponCode !== null || !['not_scheduled', 'outside_rollout', 'coupon_missing', 'conditions_failed'].includes(outcome!)
}

function toTrace(
  candidate: Candidate,
  { effect, currency, names, detail }: { effect: Effect | undefined; currency: string; names: ReadonlyMap<string, string>; detail: Detail },
): PromotionTrace {
  const { id, version, name } = candidate.promotion.document
  const amount = candidate.outcome === 'applied' ? effect!.amount : 0n
  return {
    promotionId: id,
    version,
    name,
    outcome: candidate.outcome!,
    amount,
    beatenBy: candidate.beatenBy,
    couponCode: candidate.couponCode,
    trace: detail === 'full' ? candidate.trace : null,
    words: outcomeWords(candidate, { amount, gifts: effect?.gifts.length ?? 0, currency, names }),
  }
}

const STATE_WORDS: Record<Exclude<PricingInput['coupons'][number]['state'], 'usable'>, string> = {
  unknown: 'There is no such code.',
  used_up: 'This code has been used as often as it may be.',
  expired: 'This code has expired.',
  not_yet: 'This code cannot be used yet.',
  other_customer: 'This code is for another customer.',
  used_by_customer: 'You have used this code before.',
}

/** What became of each code, in the order of the codes. */
function couponOutcomes(
  input: PricingInput,
  candidates: readonly Candidate[],
  names: ReadonlyMap<string, string>,
  currency: string,
): CouponOutcome[] {
  const coupons = [...input.coupons].sort((a, b) => (a.code < b.code ? -1 : 1))
  return coupons.map(({ code, promotionId, state }) => {
    if (input.granted?.keepsPromotions) return keptCoupon(input.granted, { code, promotionId })
    if (state !== 'usable') return { code, promotionId, outcome: state, words: STATE_WORDS[state] }
    // Of the versions of one promotion at most one is for this buyer.
    const versions = candidates.filter(({ promotion }) => promotion.document.id === promotionId)
    const candidate = versions.find(({ outcome }) => outcome !== 'outside_rollout') ?? versions[0]
    if (!candidate) return { code, promotionId, outcome: 'not_scheduled', words: 'The promotion of this code is not running.' }
    const words =
      candidate.couponCode === code || candidate.couponCode === null
        ? outcomeWords(candidate, { amount: null, gifts: 0, currency, names })
        : `Another code for the same promotion counts: ${candidate.couponCode}.`
    return { code, promotionId, outcome: candidate.couponCode === code ? candidate.outcome! : 'excluded', words }
  })
}

/** What a code of an edited order has come to. */
function keptCoupon({ discounts }: Granted, coupon: { code: string; promotionId: string | null }): CouponOutcome {
  const isKept = discounts.some(({ source, code }) => source === 'promotion' && code === coupon.code)
  return isKept
    ? { ...coupon, outcome: 'applied', words: 'It counts as it did when the order was placed.' }
    : { ...coupon, outcome: 'nothing_to_discount', words: 'It took nothing off when the order was placed.' }
}

function explain({ input, cart }: PricingSession, adjustments: readonly Adjustment[], totals: Totals): ExplanationStep[] {
  const count = input.lines.reduce((sum, { quantity }) => sum + quantity, 0n)
  const changed = cart.lines.some((line) => line.kind === 'item' && line.unitPrice !== line.listPrice)
  const prices = changed ? 'list price with the tax of the destination' : 'list price'
  return [
    { step: 'list_price', text: `${count} ${count === 1n ? 'item' : 'items'} at ${prices}`, amount: totals.subtotal },
    ...adjustments
      .filter(isWorthASentence)
      .map((adjustment): ExplanationStep => ({ step: adjustment.source, text: textOf(adjustment), amount: adjustment.amount })),
    { step: 'total', text: 'Total', amount: totals.total },
  ]
}

/** A rate of nothing is for invoices. */
function isWorthASentence({ source, ratePpm }: Adjustment): boolean {
  return source !== 'tax' || ratePpm !== 0n
}

function textOf({ source, reason, ratePpm, included }: Adjustment): string {
  if (source !== 'tax') return reason
  const rate = ratePpm === null || ratePpm === undefined ? '' : ` ${percent(ratePpm)} %`
  return `${reason}${rate}, ${included ? 'included in the prices' : 'added to the prices'}`
}
