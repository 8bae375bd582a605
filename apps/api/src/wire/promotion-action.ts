import { percent } from '@souk/core/pricing/percent.ts'
import { ACTIONS_MAX, BUNDLE_PARTS_MAX, PIECES_MAX, type PromotionAction, TIERS_MAX } from '@souk/core/pricing/promotion-document.ts'
import { conditionsSchema } from '@souk/core/rules/conditions.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { percentSchema, toPpm } from './percent.ts'

const pieces = z.int().min(1, 'quantity_out_of_range').max(PIECES_MAX, 'quantity_out_of_range')
const skipped = z.int().min(0, 'quantity_out_of_range').max(PIECES_MAX, 'quantity_out_of_range')
const first = z.enum(['cheapest', 'dearest']).default('cheapest')
const EVERY_LINE = 'Conditions on a line; null is every line.'

/** Conditions as they are answered: what they may hold is said where they are written. */
export const shownConditionsSchema = z.record(z.string(), z.unknown())

/** The actions there are: written with a caller's money and conditions, answered with ours. */
function actionSchemas<Money extends z.ZodType, Conditions extends z.ZodType>(money: Money, conditions: Conditions) {
  const where = conditions.nullable().default(null).meta({ description: EVERY_LINE })
  const units = {
    where,
    units_max: pieces.nullable().default(null).meta({ description: 'At most so many pieces get it.' }),
    units_skip: skipped.default(0).meta({ description: 'So many pieces get nothing before it begins.' }),
    units_group: pieces.default(1).meta({ description: 'Only whole groups of so many pieces count.' }),
    units_per: z.enum(['line', 'order']).default('line').meta({ description: 'Whether pieces are counted on each line or over all.' }),
    units_first: first,
  }
  const target = z.enum(['unit', 'line', 'order', 'shipping'])
  const tierOf = {
    from: z.union([z.int().min(0), money]).meta({ description: 'Pieces, or an amount where `by` is amount.' }),
  }
  return z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('percentage'),
      on: z.enum(['unit', 'line', 'order', 'shipping', 'total']),
      rate_percent: percentSchema,
      ...units,
      amount_max: money.nullable().default(null).meta({ description: 'The most that it takes off in one cart.' }),
      basis: z.enum(['remaining', 'list']).default('remaining').meta({ description: 'Of what is left, or of the list price.' }),
    }),
    z.strictObject({ type: z.literal('fixed'), on: z.enum(['unit', 'line', 'order', 'shipping', 'total']), amount: money, ...units }),
    z.strictObject({ type: z.literal('set_price'), on: target, amount: money, ...units }),
    z.strictObject({
      type: z.literal('buy_x_get_y'),
      buy: z.strictObject({ where, quantity: pieces }),
      get: z.strictObject({ where, quantity: pieces, first }),
      rate_percent: percentSchema.default('100').meta({ description: '100: free.' }),
      amount: money.nullable().default(null).meta({ description: 'Instead of a rate: so much off each piece.' }),
      times_max: pieces.nullable().default(null),
    }),
    z.strictObject({
      type: z.literal('tiers'),
      on: target,
      by: z.enum(['quantity', 'amount']),
      per: z.enum(['line', 'product', 'order']),
      where,
      tiers: z
        .array(
          z.union([
            z.strictObject({ ...tierOf, rate_percent: percentSchema }),
            z.strictObject({ ...tierOf, amount: money }),
            z.strictObject({ ...tierOf, unit_price: money }),
          ]),
        )
        .min(1)
        .max(TIERS_MAX),
    }),
    z.strictObject({
      type: z.literal('bundle'),
      parts: z
        .array(z.strictObject({ where, quantity: pieces }))
        .min(1)
        .max(BUNDLE_PARTS_MAX),
      value: z.union([
        z.strictObject({ price: money }),
        z.strictObject({ rate_percent: percentSchema }),
        z.strictObject({ amount: money }),
      ]),
      first,
      times_max: pieces.nullable().default(null),
    }),
    z.strictObject({ type: z.literal('gift'), variant_id: idSchema, quantity: pieces.default(1) }),
  ])
}

export const actionsSchema = z.array(actionSchemas(givenMoneySchema, conditionsSchema)).min(1).max(ACTIONS_MAX)
export const shownActionsSchema = z.array(actionSchemas(moneySchema, shownConditionsSchema))

export type WireAction = z.output<typeof actionsSchema>[number]
type ShownAction = z.output<typeof shownActionsSchema>[number]
type WireMoney = z.output<typeof givenMoneySchema>
type TiersAction = Extract<PromotionAction, { type: 'tiers' }>

/** An action as it is kept: amounts as integers of the merchant's currency, which is checked elsewhere, and rates in parts per million. */
export function readAction(action: WireAction): PromotionAction {
  switch (action.type) {
    case 'percentage': {
      const { rate_percent, amount_max, ...rest } = action
      return { ...rest, rate_ppm: rateOf(rate_percent), amount_max: amountOf(amount_max) }
    }
    case 'fixed':
    case 'set_price':
      return { ...action, amount: action.amount.amount } as PromotionAction
    case 'buy_x_get_y': {
      const { rate_percent, amount, ...rest } = action
      return { ...rest, rate_ppm: rateOf(rate_percent), amount: amountOf(amount) }
    }
    case 'tiers':
      return { ...action, tiers: action.tiers.map(readTier) }
    case 'bundle':
      return { ...action, value: readValue(action.value) }
    case 'gift':
      return action
  }
}

/** An action as it is shown. */
export function presentAction(action: PromotionAction, currency: string): ShownAction {
  const money = (amount: number) => presentMoney(BigInt(amount), currency)
  const rate = (ppm: number) => percent(BigInt(ppm))
  switch (action.type) {
    case 'percentage': {
      const { rate_ppm, amount_max, ...rest } = action
      return { ...shown(rest), rate_percent: rate(rate_ppm), amount_max: amount_max === null ? null : money(amount_max) }
    }
    case 'fixed':
    case 'set_price':
      return { ...shown(action), amount: money(action.amount) } as ShownAction
    case 'buy_x_get_y': {
      const { rate_ppm, amount, buy, get, ...rest } = action
      return { ...rest, buy: shown(buy), get: shown(get), rate_percent: rate(rate_ppm), amount: amount === null ? null : money(amount) }
    }
    case 'tiers':
      return { ...shown(action), tiers: action.tiers.map((tier) => presentTier(tier, action.by, { money, rate })) }
    case 'bundle': {
      const { value } = action
      const told =
        'price' in value
          ? { price: money(value.price) }
          : 'amount' in value
            ? { amount: money(value.amount) }
            : { rate_percent: rate(value.rate_ppm) }
      return { ...action, parts: action.parts.map(shown), value: told }
    }
    case 'gift':
      return action
  }
}

/** Every amount of actions or limits whose currency a caller named, and where. */
export function moneyIn(value: unknown, pointer: string): { pointer: string; currency: string }[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => moneyIn(each, `${pointer}/${index}`))
  if (typeof value !== 'object' || value === null) return []
  const { amount, currency } = value as Partial<WireMoney>
  if (typeof amount === 'number' && typeof currency === 'string') return [{ pointer, currency }]
  // Conditions hold no money: their amounts are plain integers.
  return Object.entries(value).flatMap(([key, member]) => (key === 'where' ? [] : moneyIn(member, `${pointer}/${key}`)))
}

/** Tiers whose beginnings are of another kind than what they measure: where they stand. */
export function misplacedTiers(actions: readonly WireAction[]): string[] {
  return actions.flatMap((action, index) =>
    action.type !== 'tiers'
      ? []
      : action.tiers.flatMap(({ from }, place) =>
          (typeof from === 'number') === (action.by === 'quantity') ? [] : [`/actions/${index}/tiers/${place}/from`],
        ),
  )
}

function readTier(tier: Extract<WireAction, { type: 'tiers' }>['tiers'][number]): TiersAction['tiers'][number] {
  const from = typeof tier.from === 'number' ? tier.from : tier.from.amount
  if ('rate_percent' in tier) return { from, rate_ppm: rateOf(tier.rate_percent) }
  return 'amount' in tier ? { from, amount: tier.amount.amount } : { from, unit_price: tier.unit_price.amount }
}

interface Shower {
  money: (amount: number) => z.output<typeof moneySchema>
  rate: (ppm: number) => string
}

function presentTier(tier: TiersAction['tiers'][number], by: TiersAction['by'], { money, rate }: Shower) {
  const from = by === 'quantity' ? tier.from : money(tier.from)
  if ('rate_ppm' in tier) return { from, rate_percent: rate(tier.rate_ppm) }
  return 'amount' in tier ? { from, amount: money(tier.amount) } : { from, unit_price: money(tier.unit_price) }
}

function readValue(value: Extract<WireAction, { type: 'bundle' }>['value']): Extract<PromotionAction, { type: 'bundle' }>['value'] {
  if ('price' in value) return { price: value.price.amount }
  return 'amount' in value ? { amount: value.amount.amount } : { rate_ppm: rateOf(value.rate_percent) }
}

function shown<Part extends { where: object | null }>(part: Part): Omit<Part, 'where'> & { where: Record<string, unknown> | null } {
  return { ...part, where: part.where as Record<string, unknown> | null }
}

function rateOf(text: string): number {
  return Number(toPpm(text))
}

function amountOf(money: WireMoney | null): number | null {
  return money?.amount ?? null
}
