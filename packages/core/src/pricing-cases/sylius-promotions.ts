import type { PricingInput } from '../pricing/pricing-input.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { ConditionNode, Conditions } from '../rules/conditions.ts'
import { amountOf, CannotMap, ppmOf } from './pricing-case.ts'
import { all, type CasePromotion, codeOf, leaf, productId } from './shop.ts'
import type { SyliusEffect, SyliusPart, SyliusPromotion, SyliusRequirements, SyliusScenario } from './sylius-schema.ts'

type Action = PromotionDocumentInput['actions'][number]
type CouponState = PricingInput['coupons'][number]['state']

/** Promotions in the order of their priorities, the higher first; those without one in the order in which they were made. */
export function promotionsOf({ promotions }: SyliusScenario, digits: number): CasePromotion[] {
  const byPriority = promotions.toSorted((a, b) => (b.priority ?? 0) - (a.priority ?? 0))
  return byPriority.filter(({ effects }) => effects.length > 0).map((promotion) => promotionOf(promotion, digits))
}

function promotionOf(promotion: SyliusPromotion, digits: number): CasePromotion {
  const parts = promotion.effects.flatMap((effect) => (effect.type === 'composite' ? effect.parts : [effect]))
  return {
    name: promotion.name,
    ...(promotion.coupon !== undefined && { code: promotion.coupon }),
    conditions: all(promotion.effects.flatMap((effect) => requirementsOf(effect, digits))),
    stacking: { mode: promotion.exclusive ? 'exclusive' : 'stack', group: null },
    schedule: scheduleOf(promotion),
    actions: parts.map((part) => actionOf(part, promotion.applies_to_discounted, digits)),
  }
}

function actionOf(part: SyliusPart, onDiscounted: boolean, digits: number): Action {
  const where = whereOf(part, onDiscounted, digits)
  const on = part.type === 'unit_discount' ? 'unit' : part.type === 'order_discount' ? 'order' : 'shipping'
  if ('percent' in part.value) return { type: 'percentage', on, rate_ppm: ppmOf(part.value.percent), where }
  return { type: 'fixed', on, amount: Number(amountOf(part.value.fixed, digits)), where }
}

/** The lines a discount is on: their price, their taxons, their product, and whether the catalogue has reduced them already. */
function whereOf({ type, price_min, price_max, taxons, product }: SyliusPart, onDiscounted: boolean, digits: number): Conditions | null {
  if (type === 'shipping_discount') return null
  return all([
    price_min == null ? null : leaf('line.unit_price', 'greaterThanInclusive', Number(amountOf(price_min, digits))),
    price_max == null ? null : leaf('line.unit_price', 'lessThanInclusive', Number(amountOf(price_max, digits))),
    taxons === undefined ? null : leaf('line.collections', 'containsAny', taxons.map(codeOf)),
    product === undefined ? null : leaf('line.product_id', 'equal', productId(product)),
    onDiscounted ? null : leaf('line.on_sale', 'equal', false),
  ])
}

/** Totals are those after the promotions before. */
function requirementsOf(needs: SyliusEffect & SyliusRequirements, digits: number): (ConditionNode | null)[] {
  const { min_items_total, min_quantity, requires_product, requires_any_taxon, min_taxon_total, customer_group, nth_order } = needs
  const taxons = requires_any_taxon?.map(codeOf)
  if (min_taxon_total !== undefined && taxons === undefined) throw new CannotMap('a total of no taxon')
  return [
    min_items_total === undefined
      ? null
      : leaf('cart.discounted_subtotal', 'greaterThanInclusive', Number(amountOf(min_items_total, digits))),
    min_quantity === undefined ? null : leaf('cart.quantity', 'greaterThanInclusive', min_quantity),
    requires_product === undefined ? null : leaf('cart.product_ids', 'contains', productId(requires_product)),
    taxons === undefined ? null : taxonNeeds(taxons, min_taxon_total, digits),
    customer_group === undefined ? null : leaf('customer.groups', 'contains', customer_group),
    nth_order === undefined ? null : leaf('customer.orders_count', 'equal', nth_order - 1),
  ]
}

function taxonNeeds(taxons: string[], total: string | undefined, digits: number): ConditionNode {
  if (total === undefined) return leaf('cart.collections', 'containsAny', taxons)
  const where = { all: [leaf('line.collections', 'containsAny', taxons)] }
  return leaf('lines', 'lines_subtotal_at_least', { where, amount: Number(amountOf(total, digits)) })
}

const YESTERDAY = '2026-01-14T12:00:00'
const TOMORROW = '2026-01-16T12:00:00'
/** The moment at which "yesterday" and "tomorrow" of a scenario are meant. */
export const TODAY = '2026-01-15T12:00:00Z'

function scheduleOf({ constraints, coupon }: SyliusPromotion): PromotionDocumentInput['schedule'] {
  let schedule: { starts_at?: string; ends_at?: string } = {}
  for (const sentence of constraints) {
    const what = /^this promotion (.*)$/.exec(sentence)?.[1]
    if (what === undefined && coupon !== undefined) continue
    if (what === 'is valid until tomorrow') schedule = { ...schedule, ends_at: TOMORROW }
    else if (what === 'has already expired') schedule = { ...schedule, ends_at: YESTERDAY }
    else if (what === 'started yesterday') schedule = { ...schedule, starts_at: YESTERDAY }
    else if (what === 'starts tomorrow') schedule = { ...schedule, starts_at: TOMORROW }
    else throw new CannotMap(`constraint ${JSON.stringify(sentence)}`)
  }
  return Object.keys(schedule).length === 0 ? null : schedule
}

/** What is known of each promotion's code when the buyer enters it. A later constraint of one kind overrides an earlier. */
export function couponStates({ promotions }: SyliusScenario, uses: ReadonlyMap<string, number>): Record<string, CouponState> {
  const states: Record<string, CouponState> = {}
  for (const { coupon, constraints } of promotions) {
    if (coupon === undefined) continue
    const found = new Map<string, CouponState>()
    for (const sentence of constraints) {
      const what = /^this coupon (.*)$/.exec(sentence)?.[1]
      if (what !== undefined) found.set(...couponConstraint(what, uses.get(coupon) ?? 0))
    }
    states[coupon] = [...found.values()].find((state) => state !== 'usable') ?? 'usable'
  }
  return states
}

const TIMES: Record<string, number> = { once: 1, twice: 2 }

/** The kind of a constraint, and the state it puts a code in that was used so often before. */
function couponConstraint(what: string, used: number): [string, CouponState] {
  const [, times, perCustomer] = /^can be used (once|twice|\d+ times)( per customer)?$/.exec(what) ?? []
  if (times !== undefined) {
    const most = TIMES[times] ?? Number.parseInt(times, 10)
    if (perCustomer !== undefined) return ['uses per customer', used < most ? 'usable' : 'used_by_customer']
    return ['uses', used < most ? 'usable' : 'used_up']
  }
  if (what === 'has already reached its usage limit') return ['uses', 'used_up']
  if (what === 'is valid until tomorrow') return ['validity', 'usable']
  if (what === 'has already expired') return ['validity', 'expired']
  throw new CannotMap(`this coupon ${what}`)
}
