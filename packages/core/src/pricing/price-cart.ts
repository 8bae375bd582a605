import { Refusal } from '../refusal.ts'
import type { CompiledPricing } from './compile-pricing.ts'
import type { Adjustment, Detail, PricedCart } from './priced-cart.ts'
import type { PricingInput } from './pricing-input.ts'
import { addTaxes } from './stages/add-taxes.ts'
import { type Candidate, findCandidates } from './stages/candidates.ts'
import { taxesOf } from './stages/catalog-prices.ts'
import { describeCart } from './stages/describe-cart.ts'
import { discountGoods, discountShipping } from './stages/given-discounts.ts'
import { openSession, type PricingSession } from './stages/pricing-session.ts'
import { type PromotionRun, runPromotions } from './stages/run-promotions.ts'
import { passesBudget, settleStacking } from './stages/settle-stacking.ts'
import { totalUp } from './stages/total-up.ts'

/**
 * Prices a cart. Pure: no clock, no I/O, no randomness; the same input and pricing give the same bytes, in whatever order lines,
 * promotions, coupons and tags lie. The stages run in a fixed order: list price, promotions on lines, promotions on the order,
 * plugins and staff, shipping, promotions on shipping, taxes, totals. docs/pricing.md says what each does.
 *
 * Refuses `currency_mismatch` for a cart in another currency than the pricing's, `amount_out_of_range` when a line or the total
 * passes AMOUNT_MAX, and `rule_result_invalid` when a rule or a plugin answers what is no amount.
 */
export function priceCart(input: PricingInput, rules: CompiledPricing, detail: Detail = 'brief'): PricedCart {
  if (input.currency !== rules.document.currency)
    throw new Refusal('currency_mismatch', { detail: `This pricing is in ${rules.document.currency}, the cart in ${input.currency}.` })
  const session = openSession(input, rules)
  const candidates = input.granted?.keepsPromotions ? [] : findCandidates(rules, input, session.facts, detail)
  const run = settle(session, candidates)
  const { cart } = run
  run.adjustments.push(...discountShipping(input, cart))
  const shipping = shippingCharge(run)
  const taxes = addTaxesTo(session, run)
  const adjustments = [...shipping.before, ...shipping.charge, ...shipping.after, ...taxes.adjustments]
  const totalled = totalUp(cart, adjustments, rules.document.policy)
  return {
    ...totalled,
    shippingProblem: run.delivery.problem,
    adjustments,
    taxTreatment: taxes.treatment,
    ...describeCart(session, { candidates, run, adjustments, totals: totalled.totals, detail }),
    notes: input.plugins.notes,
  }
}

/** Applies what goes together; a promotion that its budget does not suffer whole is left out, and the others go again. */
function settle(session: PricingSession, candidates: readonly Candidate[]): PromotionRun {
  for (;;) {
    const chosen = settleStacking(session, candidates)
    const run = runPromotions(session, chosen, (cart) => discountGoods(session.input, cart))
    const over = chosen.find((candidate) => passesBudget(candidate, run.effects.get(candidate)!))
    if (!over) return run
    over.outcome = 'limit_reached'
    for (const candidate of candidates) {
      if (candidate.outcome !== 'beaten' && candidate.outcome !== 'excluded') continue
      candidate.outcome = null
      candidate.beatenBy = null
    }
  }
}

/** The charge for sending, and the adjustments before and behind it: those of the goods and those of the shipping. */
function shippingCharge({ cart, adjustments }: PromotionRun): { before: Adjustment[]; charge: Adjustment[]; after: Adjustment[] } {
  const { shipping } = cart
  if (shipping === null) return { before: adjustments, charge: [], after: [] }
  const { method, name, amount } = shipping
  const ofShipping = (adjustment: Adjustment) => adjustment.shares.some(({ target }) => 'shipping' in target)
  return {
    before: adjustments.filter((adjustment) => !ofShipping(adjustment)),
    charge: [{ source: 'shipping', code: method, reason: name, amount, included: false, shares: [{ target: { shipping: true }, amount }] }],
    after: adjustments.filter(ofShipping),
  }
}

function addTaxesTo(session: PricingSession, { cart }: PromotionRun): { adjustments: Adjustment[]; treatment: PricedCart['taxTreatment'] } {
  const { input, rules, prices } = session
  const category = cart.shipping?.taxCategory ?? null
  const lines = cart.lines.filter((line) => line.kind === 'item')
  const table =
    category === null
      ? prices.taxes
      : taxesOf(
          lines.map(({ id, goods, remaining }) => ({ id, taxable: goods.taxable, taxCategory: goods.taxCategory, amount: remaining })),
          { input, rules },
          category,
        )
  const { taxes: plugin } = input.plugins
  return {
    adjustments: addTaxes(cart, { policy: rules.document.policy, table, plugin }),
    treatment: plugin
      ? { treatment: 'plugin', note: plugin.note ?? `Taxes by ${plugin.plugin} ${plugin.version}.`, estimated: plugin.estimated }
      : { treatment: table.treatment, note: table.note, estimated: false },
  }
}
