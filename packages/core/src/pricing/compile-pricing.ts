import { type CompiledConditions, compileConditions } from '../rules/compile.ts'
import { FACTS } from '../rules/fact-catalogue.ts'
import type { CartFacts } from '../rules/fact-values.ts'
import { type CompiledRules, compileAll } from '../rules/rule-set.ts'
import { type CompiledShipping, compileShipping } from '../shipping/shipping-rates.ts'
import { compileAction } from './actions/compile-action.ts'
import type { ActionSetting, CompiledAction, MatchLines } from './actions/compiled-action.ts'
import { type PricingDocument, pricingVersion } from './pricing-document.ts'
import type { PromotionDocument } from './promotion-document.ts'
import { type CompiledSchedule, compileSchedule } from './schedule.ts'
import { canonicalJson } from './stored-form.ts'

export interface CompiledPromotion {
  document: PromotionDocument
  isScheduled: CompiledSchedule
  conditions: CompiledConditions<CartFacts> | null
  /** Its conditions ask what is left of the goods: they are looked at when its turn has come, not before. */
  asksWhatIsLeft: boolean
  /** Whether its conditions ask for something that a buyer can raise by putting more into the cart. */
  mayBeNear: boolean
  actions: readonly CompiledAction[]
}

/** A pricing document made ready for many carts. It holds nothing of any cart and may be kept as long as one likes. */
export interface CompiledPricing {
  /** The document's hash, as in PricingInput.pricingVersion. */
  version: string
  document: PricingDocument
  /** In the order in which they are considered: priority, then id, then the newer version. */
  promotions: readonly CompiledPromotion[]
  /** The conditions of all promotions; the ids are positions in `promotions`. */
  rules: CompiledRules
  shipping: CompiledShipping
  /** Whether ways of sending and their prices depend on what promotions leave of the goods. */
  shippingAsksWhatIsLeft: boolean
}

const WHAT_IS_LEFT = 'cart.discounted_subtotal'

/**
 * Makes a pricing document ready: conditions and actions become closures, schedules instants. The conditions in it must have
 * passed `validateConditions`. Takes milliseconds for a large document; keep the result by its version. `version` is the name
 * under which the document is kept, where it has one already: a document from before a policy was added keeps its name.
 */
export function compilePricing(document: PricingDocument, version: string = pricingVersion(document)): CompiledPricing {
  const { policy } = document
  const setting: ActionSetting = { rounding: policy.discount_rounding ?? policy.rounding, matching: lineMatcher() }
  const promotions = [...document.promotions].sort(inOrder).map((promotion) => compilePromotion(promotion, setting, policy.time_zone))
  const shipping = compileShipping(document.shipping)
  return {
    version,
    document,
    promotions,
    rules: compileAll(
      promotions.map((promotion, index) => ({
        id: String(index),
        conditions: promotion.asksWhatIsLeft ? null : promotion.document.conditions,
      })),
    ),
    shipping,
    shippingAsksWhatIsLeft:
      policy.shipping_measures === 'discounted' || shipping.methods.some(({ conditions }) => conditions?.needs.includes(WHAT_IS_LEFT)),
  }
}

function compilePromotion(document: PromotionDocument, setting: ActionSetting, timeZone: string): CompiledPromotion {
  const conditions = document.conditions && compileConditions(document.conditions, 'cart')
  return {
    document,
    isScheduled: compileSchedule(document.schedule, timeZone),
    conditions,
    mayBeNear: conditions?.needs.some((fact) => FACTS[fact].grows || fact === 'lines') ?? false,
    asksWhatIsLeft: conditions?.needs.includes(WHAT_IS_LEFT) ?? false,
    actions: document.actions.map((action) => compileAction(action, setting)),
  }
}

function inOrder(a: PromotionDocument, b: PromotionDocument): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  if (a.id !== b.id) return a.id < b.id ? -1 : 1
  return b.version - a.version
}

/** Equal conditions on lines get one number, under which a line remembers whether it meets them. */
function lineMatcher(): ActionSetting['matching'] {
  const matchers = new Map<string, MatchLines>()
  return (where) => {
    if (where === null) return (lines) => [...lines]
    const key = canonicalJson(where)
    const known = matchers.get(key)
    if (known) return known
    const place = matchers.size
    const { holds } = compileConditions(where, 'line')
    const matches: MatchLines = (lines) =>
      lines.filter((line) => {
        const known = line.matches[place]
        if (known !== undefined) return known
        const found = holds(line.facts)
        line.matches[place] = found
        return found
      })
    matchers.set(key, matches)
    return matches
  }
}
