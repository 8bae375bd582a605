import type { ConditionTrace } from '../../rules/trace.ts'
import type { DiscountAction, GiftAction, Plan, Stage } from '../actions/compiled-action.ts'
import { limitPlan } from '../actions/price-action.ts'
import { totalOfPlan } from '../actions/reduce.ts'
import { PricingLineFacts } from '../cart-facts.ts'
import type { Adjustment, Share } from '../priced-cart.ts'
import type { GiftVariant } from '../pricing-input.ts'
import { applyCuts, type WorkingCart, type WorkingLine } from '../working-cart.ts'
import type { Candidate } from './candidates.ts'
import type { Delivery } from './find-shipping.ts'
import type { PricingSession } from './pricing-session.ts'

/** What a promotion did to a cart. */
export interface Effect {
  /** What it took off, not negative. */
  amount: bigint
  /** What it would have taken off without a budget, as far as it was asked. */
  wanted: bigint
  gifts: WorkingLine[]
  /** Its conditions, where they ask what is left of the goods; null where they were asked before. */
  late: ConditionTrace | null
  failed: boolean
  /** Lines that it has reduced itself. */
  touched: Set<WorkingLine>
}

export interface PromotionRun {
  cart: WorkingCart
  delivery: Delivery
  adjustments: Adjustment[]
  effects: Map<Candidate, Effect>
}

/** What happens to the goods between the promotions on them and the shipping. */
export type GoodsDiscounts = (cart: WorkingCart) => Adjustment[]

/**
 * Lets the chosen promotions do what they do, on a cart of their own: first all that they do to lines, then all that they do to
 * the goods as a whole, then to the shipping; within each of these in their order.
 */
export function runPromotions(session: PricingSession, chosen: readonly Candidate[], goodsDiscounts: GoodsDiscounts): PromotionRun {
  const cart = session.freshCart()
  session.cart = cart
  const run: PromotionRun = { cart, delivery: NO_DELIVERY, adjustments: [], effects: new Map() }
  for (const candidate of chosen) {
    run.effects.set(candidate, { amount: 0n, wanted: 0n, gifts: [], late: null, failed: false, touched: new Set() })
  }
  runStage('line', session, run)
  runStage('order', session, run)
  run.adjustments.push(...goodsDiscounts(cart))
  run.delivery = session.deliveryOf(cart)
  cart.shipping = run.delivery.chosen
  runStage('shipping', session, run)
  return run
}

const NO_DELIVERY: Delivery = { offers: [], chosen: null, problem: null }

function runStage(stage: Stage, session: PricingSession, run: PromotionRun): void {
  for (const [candidate, effect] of run.effects) {
    const actions = candidate.promotion.actions.filter((action) => action.stage === stage)
    if (actions.length === 0 || !stillHolds(session, candidate, effect)) continue
    const shares = new Map<WorkingLine | 'shipping', bigint>()
    for (const action of actions) {
      if (action.kind === 'gift') addGift(action, session, candidate, effect)
      else for (const [target, lost] of reduce(action, run.cart, candidate, effect)) shares.set(target, (shares.get(target) ?? 0n) + lost)
    }
    if (shares.size > 0) run.adjustments.push(toAdjustment(candidate, run.cart, shares))
  }
  for (const [candidate, effect] of run.effects) {
    if (stage !== 'line' || effect.gifts.length === 0) continue
    run.cart.lines.push(...effect.gifts)
    run.adjustments.push(toAdjustment(candidate, run.cart, new Map(effect.gifts.map((line) => [line, 0n]))))
  }
}

/** Conditions that ask what is left of the goods are looked at once, when the promotion's turn first comes. */
function stillHolds(session: PricingSession, { promotion }: Candidate, effect: Effect): boolean {
  if (promotion.asksWhatIsLeft && effect.late === null) {
    effect.late = promotion.conditions!.trace(session.facts)
    effect.failed = effect.late.result !== 'held'
  }
  return !effect.failed
}

function reduce(action: DiscountAction, cart: WorkingCart, candidate: Candidate, effect: Effect): Map<WorkingLine | 'shipping', bigint> {
  const { discounted_lines } = candidate.promotion.document.stacking
  const open = cart.lines.filter(
    (line) => line.kind === 'item' && (discounted_lines === 'include' || !line.reduced || effect.touched.has(line)),
  )
  const wanted = action.plan(open, cart)
  effect.wanted += totalOfPlan(wanted)
  const plan = withinBudget(wanted, candidate, effect)
  const lost = new Map<WorkingLine | 'shipping', bigint>(applyCuts(plan.cuts))
  for (const line of lost.keys()) effect.touched.add(line as WorkingLine)
  if (plan.shipping > 0n) {
    cart.shipping!.remaining -= plan.shipping
    lost.set('shipping', plan.shipping)
  }
  effect.amount += totalOfPlan(plan)
  return lost
}

function withinBudget(plan: Plan, candidate: Candidate, effect: Effect): Plan {
  return candidate.budgetLeft === null ? plan : limitPlan(plan, candidate.budgetLeft - effect.amount)
}

function addGift(action: GiftAction, session: PricingSession, { promotion }: Candidate, effect: Effect): void {
  const goods = session.input.gifts.find(({ variantId, available }) => available && variantId === action.variantId)
  if (!goods) return
  const id = `gift:${promotion.document.id}:${effect.gifts.length + 1}`
  effect.gifts.push(giftLine({ id, goods, quantity: action.quantity }))
}

/** Goods that cost nothing. */
export function giftLine({ id, goods, quantity }: { id: string; goods: GiftVariant; quantity: bigint }): WorkingLine {
  return {
    id,
    kind: 'gift',
    goods,
    quantity,
    listPrice: goods.unitPrice,
    unitPrice: 0n,
    floor: 0n,
    subtotal: 0n,
    remaining: 0n,
    runs: [{ count: quantity, each: 0n, used: false }],
    reduced: true,
    facts: new PricingLineFacts(goods, quantity),
    matches: [],
  }
}

function toAdjustment(candidate: Candidate, cart: WorkingCart, lost: ReadonlyMap<WorkingLine | 'shipping', bigint>): Adjustment {
  const { id, version, name } = candidate.promotion.document
  return {
    source: 'promotion',
    code: candidate.couponCode ?? id,
    reason: name,
    ...takenOff(cart, lost),
    promotionId: id,
    version,
  }
}

/** A reduction with its shares in the order of the lines, shipping last. */
export function takenOff(
  cart: WorkingCart,
  lost: ReadonlyMap<WorkingLine | 'shipping', bigint>,
): Pick<Adjustment, 'amount' | 'included' | 'shares'> {
  const shares: Share[] = cart.lines.flatMap((line) => {
    const amount = lost.get(line)
    return amount === undefined ? [] : [{ target: { lineId: line.id }, amount: -amount }]
  })
  const ofShipping = lost.get('shipping')
  if (ofShipping !== undefined) shares.push({ target: { shipping: true }, amount: -ofShipping })
  return { amount: shares.reduce((sum, { amount }) => sum + amount, 0n), included: false, shares }
}
