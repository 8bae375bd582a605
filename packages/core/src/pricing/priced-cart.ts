import type { ConditionTrace } from '../rules/trace.ts'

/** Where an adjustment's parts lie: on a line, or on the shipping. */
export type ShareTarget = { lineId: string } | { shipping: true }

export interface Share {
  target: ShareTarget
  amount: bigint
}

/**
 * A signed change of what the buyer pays, with its origin, and its parts as they were rounded. The parts add up to
 * `amount`, and refunds and recalculations use them instead of dividing again. `included` marks a tax that is already
 * inside the prices: it is shown, not added.
 */
export interface Adjustment {
  source: 'promotion' | 'plugin' | 'manual' | 'shipping' | 'tax'
  code: string
  reason: string
  amount: bigint
  included: boolean
  shares: Share[]
  /** Of a promotion. */
  promotionId?: string
  /** Of a plugin. */
  installId?: string
  /** Of the promotion's document, or of the plugin. */
  version?: string | number
  /** Of a tax, in parts per million; null where a plugin gave an amount. */
  ratePpm?: bigint | null
}

export interface PricedLine {
  /** The input's, or `gift:<promotion id>:<n>`. */
  id: string
  kind: 'item' | 'gift'
  variantId: string
  productId: string
  /** As charged; differs from listPrice where foreign tax is taken out of prices that include it. */
  unitPrice: bigint
  listPrice: bigint
  quantity: bigint
  /** unitPrice * quantity. */
  subtotal: bigint
  discount: bigint
  tax: bigint
  /** What the buyer pays for the line, tax in it. */
  total: bigint
  /** What is left of single pieces before added tax, the dearest first; the sum is subtotal - discount. */
  pieces: { quantity: bigint; amount: bigint }[]
}

export interface Totals {
  subtotal: bigint
  /** Everything taken off, goods and shipping. */
  discount: bigint
  /** The part of `discount` that is taken off the shipping. */
  shippingDiscount: bigint
  /** Before what is taken off it. */
  shipping: bigint
  tax: bigint
  taxIncluded: boolean
  /** subtotal - discount + shipping, and the tax where it is not included. Never negative. */
  total: bigint
}

/** What the buyer pays for sending. */
export interface PricedShipping {
  method: string
  name: string
  amount: bigint
  discount: bigint
  tax: bigint
  /** Tax in it. */
  total: bigint
}

/** One step of the way from list prices to the total, in words and as an amount. */
export interface ExplanationStep {
  step: 'list_price' | 'promotion' | 'plugin' | 'manual' | 'shipping' | 'tax' | 'total'
  text: string
  amount: bigint
}

export type PromotionOutcome =
  | 'applied'
  | 'conditions_failed'
  | 'not_scheduled'
  | 'outside_rollout'
  | 'coupon_missing'
  | 'limit_reached'
  | 'beaten'
  | 'excluded'
  | 'nothing_to_discount'

/** What became of one promotion of the pricing version, and why. */
export interface PromotionTrace {
  promotionId: string
  version: number
  name: string
  outcome: PromotionOutcome
  /** What it took off, not negative. */
  amount: bigint
  /** The id of the promotion that applied instead. */
  beatenBy: string | null
  /** The code that brought it. */
  couponCode: string | null
  /** Which conditions held and failed, with the values seen; null where they were not asked. */
  trace: ConditionTrace | null
  words: string
}

/** What became of a code the buyer entered. */
export interface CouponOutcome {
  code: string
  promotionId: string | null
  outcome: 'applied' | 'unknown' | 'used_up' | 'expired' | 'not_yet' | 'other_customer' | 'used_by_customer' | PromotionOutcome
  words: string
}

/**
 * `brief` names the promotions that did something, that others kept out, or that a code was entered for. `full` names all of
 * them, each with the trace of its conditions: for whoever asks why.
 */
export type Detail = 'brief' | 'full'

export interface PricedCart {
  lines: PricedLine[]
  /** Null where nothing has to be sent, nothing is chosen, or what is chosen cannot be had: then `shippingProblem` says why. */
  shipping: PricedShipping | null
  shippingProblem: string | null
  adjustments: Adjustment[]
  totals: Totals
  /** By what rules tax was due, and in words. */
  taxTreatment: { treatment: string; note: string; estimated: boolean }
  /** In the order they were considered. */
  promotions: PromotionTrace[]
  coupons: CouponOutcome[]
  explanation: ExplanationStep[]
  /** What little is missing: "add 3.10 EUR for free shipping". */
  nearMisses: { promotionId: string | null; words: string }[]
  notes: { plugin: string; reason: string; text: string }[]
}
