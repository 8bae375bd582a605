import { z } from 'zod'
import { AMOUNT_MAX } from '../money.ts'
import { conditionsSchema } from '../rules/conditions.ts'

export const ACTIONS_MAX = 10
export const TIERS_MAX = 20
export const BUNDLE_PARTS_MAX = 10
export const PIECES_MAX = 100_000
const WHOLE_PPM = 1_000_000

const amount = z.int().min(0).max(Number(AMOUNT_MAX))
const rate = z.int().min(0).max(WHOLE_PPM)
const pieces = z.int().min(1).max(PIECES_MAX)

/** Which lines an action looks at: conditions on a line; null for all. */
const where = conditionsSchema.nullable()

/**
 * Which of the pieces on the matching lines an action reaches. Of every `units_group` pieces only whole groups count; the
 * first `units_skip` get nothing; at most `units_max` get something. `units_per` says whether the pieces are counted on each
 * line by itself or over all matching lines, then from the cheapest or the dearest on, as `units_first` says.
 */
const unitSelection = {
  where,
  units_max: pieces.nullable().default(null),
  units_skip: z.int().min(0).max(PIECES_MAX).default(0),
  units_group: pieces.default(1),
  units_per: z.enum(['line', 'order']).default('line'),
  units_first: z.enum(['cheapest', 'dearest']).default('cheapest'),
}

/** What an action changes: each piece, each line, the goods as a whole, the shipping, or goods and shipping together. */
const target = z.enum(['unit', 'line', 'order', 'shipping', 'total'])

const percentageAction = z.strictObject({
  type: z.literal('percentage'),
  on: target,
  rate_ppm: rate,
  ...unitSelection,
  /** The most that it takes off in one cart. */
  amount_max: amount.nullable().default(null),
  /** Of what is left after the promotions before it, or of the list price. */
  basis: z.enum(['remaining', 'list']).default('remaining'),
})

const fixedAction = z.strictObject({ type: z.literal('fixed'), on: target, amount, ...unitSelection })

const setPriceAction = z.strictObject({
  type: z.literal('set_price'),
  on: z.enum(['unit', 'line', 'order', 'shipping']),
  amount,
  ...unitSelection,
})

const first = z.enum(['cheapest', 'dearest'])

/**
 * For every `buy.quantity` pieces bought, `get.quantity` others at a reduction: those that are `first`. Complete sets only;
 * the dearest of the others count as bought; a piece counts once, for all actions of this kind together.
 */
const buyXGetYAction = z.strictObject({
  type: z.literal('buy_x_get_y'),
  buy: z.strictObject({ where, quantity: pieces }),
  get: z.strictObject({ where, quantity: pieces, first: first.default('cheapest') }),
  /** 1000000: free. */
  rate_ppm: rate.default(WHOLE_PPM),
  /** Instead of a rate: so much off each piece. */
  amount: amount.nullable().default(null),
  times_max: pieces.nullable().default(null),
})

const tier = z.union([
  z.strictObject({ from: amount, rate_ppm: rate }),
  z.strictObject({ from: amount, amount }),
  z.strictObject({ from: amount, unit_price: amount }),
])

/** The tier with the greatest `from` that is reached counts. */
const tiersAction = z.strictObject({
  type: z.literal('tiers'),
  on: z.enum(['unit', 'line', 'order', 'shipping']),
  /** What is measured: pieces, or what they cost at list price. */
  by: z.enum(['quantity', 'amount']),
  /** Measured on each line, on all lines of a product, or on all matching lines together. */
  per: z.enum(['line', 'product', 'order']),
  where,
  tiers: z.array(tier).min(1).max(TIERS_MAX),
})

/** So many pieces of each part together for a price, with a percentage off, or with an amount off; the pieces that are `first`. */
const bundleAction = z.strictObject({
  type: z.literal('bundle'),
  parts: z
    .array(z.strictObject({ where, quantity: pieces }))
    .min(1)
    .max(BUNDLE_PARTS_MAX),
  value: z.union([z.strictObject({ price: amount }), z.strictObject({ rate_ppm: rate }), z.strictObject({ amount })]),
  first: first.default('cheapest'),
  times_max: pieces.nullable().default(null),
})

/** Adds a line that costs nothing, when the variant is to be had. */
const giftAction = z.strictObject({ type: z.literal('gift'), variant_id: z.string().min(1), quantity: pieces })

export const actionSchema = z.discriminatedUnion('type', [
  percentageAction,
  fixedAction,
  setPriceAction,
  buyXGetYAction,
  tiersAction,
  bundleAction,
  giftAction,
])

const localTime = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, 'not_a_local_time')
const minuteOfDay = z.int().min(0).max(1440)

/** An IANA time zone that this Node knows. */
export const timeZoneSchema = z.string().max(64).refine(isTimeZone, 'unknown_time_zone')

/**
 * When a promotion holds, by the clock on the wall of `time_zone` (null: the merchant's). `ends_at` and `to_minute` are no
 * longer inside. A window of minutes that ends before it starts runs over midnight. Weekdays: 1 Monday to 7 Sunday.
 */
const scheduleSchema = z.strictObject({
  starts_at: localTime.nullable().default(null),
  ends_at: localTime.nullable().default(null),
  time_zone: timeZoneSchema.nullable().default(null),
  weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).nullable().default(null),
  from_minute: minuteOfDay.nullable().default(null),
  to_minute: minuteOfDay.nullable().default(null),
})

/**
 * How a promotion goes together with others. `stack`: with all of them. `exclusive`: when it applies, no other of its
 * group does (no group: no other at all), whatever their priority. `best`: of all `best` of its group only the one worth
 * most. `discounted_lines: skip` keeps it off lines that are reduced already, by their list price or by a promotion before it.
 */
const stackingSchema = z.strictObject({
  mode: z.enum(['stack', 'exclusive', 'best']),
  group: z.string().min(1).max(64).nullable(),
  discounted_lines: z.enum(['include', 'skip']).default('include'),
})

/**
 * `budget` is what it may cost in all, in minor units. `budget_overrun` says what happens to the cart that would pass it:
 * `cap` gives what is left of the budget, `refuse` gives nothing.
 */
const limitsSchema = z.strictObject({
  uses: pieces.nullable().default(null),
  uses_per_customer: pieces.nullable().default(null),
  budget: amount.nullable().default(null),
  budget_overrun: z.enum(['cap', 'refuse']).default('cap'),
})

/**
 * One version of a promotion as data. Amounts in minor units of the merchant's currency, rates in parts per million.
 * Kept as it is, so every number is a plain JSON number.
 */
export const promotionDocumentSchema = z.strictObject({
  id: z.uuid(),
  version: z.int().min(1),
  /** Buyers see it. */
  name: z.string().min(1).max(200),
  description: z.string().max(2000).default(''),
  trigger: z.enum(['automatic', 'coupon']),
  /** The higher comes first; equals in the order of their ids. */
  priority: z.int().min(1).max(1000),
  stacking: stackingSchema,
  conditions: conditionsSchema.nullable(),
  actions: z.array(actionSchema).min(1).max(ACTIONS_MAX),
  schedule: scheduleSchema.nullable(),
  limits: limitsSchema,
  /**
   * The part of buyers that gets it; who does, stays so. Buyers are spread over 0 to 999999 by their sticky key; those from
   * rollout_from_ppm up to, not including, rollout_ppm get this version. Another version of the same promotion may be for the rest.
   */
  rollout_ppm: rate,
  rollout_from_ppm: rate.default(0),
})

export type PromotionDocument = z.output<typeof promotionDocumentSchema>
export type PromotionDocumentInput = z.input<typeof promotionDocumentSchema>
export type PromotionAction = z.output<typeof actionSchema>
export type PromotionSchedule = z.output<typeof scheduleSchema>

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
