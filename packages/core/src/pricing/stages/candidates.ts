import type { CartFacts } from '../../rules/fact-values.ts'
import type { ConditionTrace } from '../../rules/trace.ts'
import type { CompiledPricing, CompiledPromotion } from '../compile-pricing.ts'
import type { Detail, PromotionOutcome } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import { rolloutBucket } from '../rollout.ts'

/** A promotion in view of one cart. */
export interface Candidate {
  promotion: CompiledPromotion
  /** Why it does not apply, as far as is known; null while it may. */
  outcome: PromotionOutcome | null
  beatenBy: string | null
  /** The code that brought it. */
  couponCode: string | null
  /** What it may still cost; null: no limit. */
  budgetLeft: bigint | null
  /** Of its conditions; null where there are none, or nobody has asked for it yet. */
  trace: ConditionTrace | null
}

/**
 * Every promotion of the pricing, in the order in which they are considered, with what already speaks against it. For a brief
 * answer conditions are only looked at as far as it takes; `traceOf` finds out more.
 */
export function findCandidates(rules: CompiledPricing, input: PricingInput, facts: CartFacts, detail: Detail): Candidate[] {
  const instant = Date.parse(input.asOf)
  const codes = usableCodes(input)
  const traced = detail === 'full' ? rules.rules.evaluateAllWithTrace(facts) : null
  const holding = new Set(traced ? [] : rules.rules.evaluateAll(facts))
  return rules.promotions.map((promotion, index) => {
    const held = traced ? traced[index]!.held : holding.has(String(index))
    const trace = traced ? traced[index]!.trace : null
    const { id } = promotion.document
    const usage = input.usage[id]
    const candidate: Candidate = {
      promotion,
      outcome: null,
      beatenBy: null,
      couponCode: promotion.document.trigger === 'coupon' ? (codes.get(id) ?? null) : null,
      budgetLeft: usage?.budgetLeft ?? null,
      trace,
    }
    candidate.outcome = objection(candidate, { instant, stickyKey: input.stickyKey, usage, held })
    return candidate
  })
}

/** How the conditions of a promotion came out, unless they were never looked at. */
export function traceOf(candidate: Candidate, facts: CartFacts): ConditionTrace | null {
  const { conditions, asksWhatIsLeft } = candidate.promotion
  if (candidate.trace === null && conditions !== null && !asksWhatIsLeft) candidate.trace = conditions.trace(facts)
  return candidate.trace
}

interface Circumstances {
  instant: number
  stickyKey: string
  usage: PricingInput['usage'][string] | undefined
  held: boolean
}

function objection(candidate: Candidate, { instant, stickyKey, usage, held }: Circumstances): PromotionOutcome | null {
  const { document, isScheduled } = candidate.promotion
  if (!isScheduled(instant)) return 'not_scheduled'
  if (!isRolledOut(document, stickyKey)) return 'outside_rollout'
  if (document.trigger === 'coupon' && candidate.couponCode === null) return 'coupon_missing'
  if (usage && isUsedUp(usage)) return 'limit_reached'
  return held ? null : 'conditions_failed'
}

function isRolledOut({ id, rollout_from_ppm, rollout_ppm }: CompiledPromotion['document'], stickyKey: string): boolean {
  if (rollout_from_ppm === 0 && rollout_ppm === 1_000_000) return true
  const bucket = rolloutBucket(id, stickyKey)
  return bucket >= rollout_from_ppm && bucket < rollout_ppm
}

function isUsedUp({ usesLeft, usesLeftForCustomer, budgetLeft }: PricingInput['usage'][string]): boolean {
  return [usesLeft, usesLeftForCustomer, budgetLeft].some((left) => left !== null && left <= 0n)
}

/** Of several codes for one promotion the first counts. */
function usableCodes(input: PricingInput): Map<string, string> {
  const codes = new Map<string, string>()
  for (const { code, promotionId, state } of [...input.coupons].sort((a, b) => (a.code < b.code ? -1 : 1))) {
    if (state === 'usable' && promotionId !== null && !codes.has(promotionId)) codes.set(promotionId, code)
  }
  return codes
}
