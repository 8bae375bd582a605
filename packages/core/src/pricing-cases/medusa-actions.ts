import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { ConditionNode, Conditions } from '../rules/conditions.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { all, type CaseLine, type CasePromotion, type CaseShop, leaf, type PricedCase, priceCase, productId } from './shop.ts'

const rule = z.strictObject({ attribute: z.string(), operator: z.enum(['eq', 'in']), values: z.array(z.string()) })
const applicationMethod = z.strictObject({
  currency_code: z.string(),
  target_type: z.enum(['items', 'shipping_methods', 'order']),
  type: z.enum(['fixed', 'percentage']),
  allocation: z.enum(['each', 'across']).optional(),
  value: decimal,
  max_quantity: z.int().optional(),
  apply_to_quantity: z.int().optional(),
  buy_rules_min_quantity: z.int().optional(),
  target_rules: z.array(rule).default([]),
  buy_rules: z.array(rule).default([]),
})
const promotion = z.strictObject({
  code: z.string(),
  type: z.enum(['standard', 'buyget']),
  campaign_id: z.string().nullable().optional(),
  rules: z.array(rule).default([]),
  is_automatic: z.boolean().default(false),
  application_method: applicationMethod,
})
const named = z.strictObject({ id: z.string() })
const computation = z.strictObject({
  promotions: z.array(promotion),
  codes: z.array(z.string()),
  context: z.strictObject({
    currency_code: z.string().optional(),
    customer: z.strictObject({ customer_group: named }).optional(),
    items: z
      .array(
        z.strictObject({
          id: z.string(),
          quantity: z.int(),
          subtotal: decimal,
          product_category: named.optional(),
          product: named.optional(),
        }),
      )
      .default([]),
    shipping_methods: z.array(z.strictObject({ id: z.string(), subtotal: decimal, shipping_option: named })).default([]),
  }),
  options: z.strictObject({ prevent_auto_promotions: z.boolean() }).optional(),
  campaign_updates: z.array(z.strictObject({ id: z.string(), budget: z.strictObject({ used: z.int() }) })).default([]),
})
type Computation = z.output<typeof computation>
type Promotion = z.output<typeof promotion>
type Action = PromotionDocumentInput['actions'][number]

/** The campaigns of Medusa's tests: one may spend so many major units, the other may be used so often. */
const CAMPAIGNS: Record<string, { spend: number } | { uses: number }> = {
  'campaign-id-1': { spend: 1000 },
  'campaign-id-2': { uses: 1000 },
}

interface AdjustmentAction {
  action: string
  code: string
  amount?: string
  item_id?: string
  shipping_method_id?: string
}

/**
 * Medusa's computeActions: which promotion takes how much off which item or shipping method. A cart of ours has one method,
 * so it is priced once with each.
 */
export function answerMedusaActions(input: Record<string, unknown>, expected: Record<string, unknown>): Answer {
  const given = read(computation, input, 'input')
  const currency = currencyOf(given)
  const { items, shipping_methods } = given.context
  const methods = shipping_methods.length === 0 ? [null] : shipping_methods
  const results = methods.map((method) => ({ method, result: priceCase(shopOf(given, currency, method)) }))
  const actions = results.flatMap(({ method, result }, index) => [
    ...(index === 0 ? itemActions(result, items, currency) : []),
    ...(method === null ? [] : shippingActions(result, method.id, currency)),
  ])
  const exceeded = new Set(results.flatMap(({ result }) => result.priced.promotions.filter(overLimit).map(({ name }) => name)))
  for (const code of exceeded) actions.push({ action: 'campaignBudgetExceeded', code })
  return {
    asked: results.map(({ result }) => ({ document: result.document, input: result.input })),
    actual: { actions: inOrderOf(expected.actions, actions) },
  }
}

function currencyOf({ promotions, context }: Computation): string {
  const currencies = new Set(promotions.map(({ application_method }) => application_method.currency_code.toUpperCase()))
  if (context.currency_code !== undefined) currencies.add(context.currency_code.toUpperCase())
  if (currencies.size !== 1) throw new CannotMap('promotions in several currencies')
  return [...currencies][0]!
}

function shopOf(given: Computation, currency: string, method: Computation['context']['shipping_methods'][number] | null): CaseShop {
  const digits = currencyDigits(currency)
  const { items, customer } = given.context
  const withoutAutomatic = given.options?.prevent_auto_promotions === true
  // Buy-and-get promotions come before the others; each kind in its order.
  const promotions = given.promotions
    .filter(({ is_automatic }) => !(withoutAutomatic && is_automatic))
    .toSorted((a, b) => Number(b.type === 'buyget') - Number(a.type === 'buyget'))
  return {
    currency,
    promotions: promotions.map((each) => promotionOf(each, given, digits)),
    usage: Object.fromEntries(promotions.map((each) => [each.code, limitsOf(each, given, digits).usage])),
    codes: promotions.filter(({ code, is_automatic }) => !is_automatic && given.codes.includes(code)).map(({ code }) => code),
    lines: items.length > 0 ? items.map((item) => lineOf(item, digits)) : [{ name: 'goods', unitPrice: 0n, quantity: 1 }],
    customer: customer ? { groups: [customer.customer_group.id] } : null,
    ...(method && {
      shipping: {
        methods: [
          { code: method.shipping_option.id, name: method.id, rate: { type: 'flat', amount: Number(amountOf(method.subtotal, digits)) } },
        ],
      },
      method: method.shipping_option.id,
    }),
  }
}

function lineOf(item: Computation['context']['items'][number], digits: number): CaseLine {
  const subtotal = amountOf(item.subtotal, digits)
  if (subtotal % BigInt(item.quantity) !== 0n) throw new CannotMap('pieces of a line that cost a fraction of a minor unit')
  return {
    name: item.id,
    ...(item.product && { product: item.product.id }),
    unitPrice: subtotal / BigInt(item.quantity),
    quantity: item.quantity,
    collections: item.product_category ? [item.product_category.id] : [],
  }
}

function promotionOf(given: Promotion, computation: Computation, digits: number): CasePromotion {
  const method = given.application_method
  const onShipping = method.target_type === 'shipping_methods'
  const conditions = [...given.rules, ...(onShipping ? method.target_rules : [])].map(cartCondition)
  return {
    name: given.code,
    ...(!given.is_automatic && { code: given.code }),
    conditions: all(conditions),
    limits: limitsOf(given, computation, digits).limits,
    actions: [given.type === 'buyget' ? buyAndGet(given, digits) : standardAction(given, computation, digits)],
  }
}

function cartCondition({ attribute, values }: z.output<typeof rule>): ConditionNode {
  if (attribute === 'customer.customer_group.id') return leaf('customer.groups', 'containsAny', values)
  if (attribute === 'shipping_option.id') return leaf('shipping.method', 'in', values)
  throw new CannotMap(`attribute ${attribute}`)
}

function lineConditions(rules: readonly z.output<typeof rule>[]): Conditions | null {
  return all(
    rules.map(({ attribute, values }) => {
      if (attribute === 'product_category.id') return leaf('line.collections', 'containsAny', values)
      if (attribute === 'product.id') return leaf('line.product_id', 'in', values.map(productId))
      throw new CannotMap(`attribute ${attribute}`)
    }),
  )
}

/** `each`: on every item, at most max_quantity pieces of it. `across`, and on an order: on all items together. */
function standardAction({ application_method: method }: Promotion, { context }: Computation, digits: number): Action {
  const where = lineConditions(method.target_type === 'shipping_methods' ? [] : method.target_rules)
  const value = method.type === 'percentage' ? ppmOf(method.value) : Number(amountOf(method.value, digits))
  const action = (on: 'unit' | 'line' | 'order' | 'shipping', units: { units_max?: number } = {}): Action =>
    method.type === 'percentage'
      ? { type: 'percentage', on, rate_ppm: value, where, ...units }
      : { type: 'fixed', on, amount: value, where, ...units }
  if (method.apply_to_quantity !== undefined || method.buy_rules_min_quantity !== undefined || method.buy_rules.length > 0)
    throw new CannotMap('a standard promotion with something to buy')
  if (method.target_type === 'shipping_methods') {
    if (method.type === 'fixed' && method.allocation !== 'each' && context.shipping_methods.length > 1)
      throw new CannotMap('an amount shared by several shipping methods')
    return action('shipping')
  }
  if (method.target_type === 'items' && method.allocation === 'each')
    return action('unit', method.max_quantity === undefined ? {} : { units_max: method.max_quantity })
  return action(method.type === 'percentage' ? 'line' : 'order')
}

/** For so many pieces bought so many others free, the dearest first, as often as max_quantity allows; whole sets only. */
function buyAndGet({ application_method: method }: Promotion, digits: number): Action {
  const { apply_to_quantity: get, buy_rules_min_quantity: buy, max_quantity } = method
  if (get === undefined || buy === undefined || method.target_type !== 'items' || method.type !== 'fixed')
    throw new CannotMap('a buy-and-get promotion of another shape')
  // The value is what a piece that is given may cost; in Medusa it is free whatever it costs.
  amountOf(method.value, digits)
  return {
    type: 'buy_x_get_y',
    buy: { where: lineConditions(method.buy_rules), quantity: buy },
    get: { where: lineConditions(method.target_rules), quantity: get, first: 'dearest' },
    times_max: max_quantity === undefined ? null : Math.max(1, Math.floor(max_quantity / get)),
  }
}

/** A promotion that would pass what its campaign has left is not applied at all. */
function limitsOf({ campaign_id }: Promotion, { campaign_updates }: Computation, digits: number) {
  if (campaign_id == null) return { limits: {}, usage: {} }
  const campaign = CAMPAIGNS[campaign_id]
  if (!campaign) throw new CannotMap(`campaign ${campaign_id}`)
  const used = campaign_updates.find(({ id }) => id === campaign_id)?.budget.used ?? 0
  if ('uses' in campaign) return { limits: { uses: campaign.uses }, usage: { usesLeft: BigInt(campaign.uses - used) } }
  const unit = 10n ** BigInt(digits)
  return {
    limits: { budget: campaign.spend * Number(unit), budget_overrun: 'refuse' as const },
    usage: { budgetLeft: BigInt(campaign.spend - used) * unit },
  }
}

function overLimit({ outcome }: PricedCase['priced']['promotions'][number]): boolean {
  return outcome === 'limit_reached'
}

function itemActions(result: PricedCase, items: Computation['context']['items'], currency: string): AdjustmentAction[] {
  return promotionShares(result).flatMap(({ code, target, amount }) => {
    const index = 'lineId' in target ? result.lines.findIndex(({ id }) => id === target.lineId) : -1
    const item = items[index]
    return item ? [{ action: 'addItemAdjustment', item_id: item.id, amount: inMajorUnits(amount, currency), code }] : []
  })
}

function shippingActions(result: PricedCase, id: string, currency: string): AdjustmentAction[] {
  return promotionShares(result).flatMap(({ code, target, amount }) =>
    'shipping' in target
      ? [{ action: 'addShippingMethodAdjustment', shipping_method_id: id, amount: inMajorUnits(amount, currency), code }]
      : [],
  )
}

function promotionShares({ priced }: PricedCase) {
  return priced.adjustments
    .filter(({ source }) => source === 'promotion')
    .flatMap(({ promotionId, shares }) => {
      const code = priced.promotions.find((trace) => trace.promotionId === promotionId)!.name
      return shares.filter(({ amount }) => amount !== 0n).map(({ target, amount }) => ({ code, target, amount: -amount }))
    })
}

function inMajorUnits(amount: bigint, currency: string): string {
  return formatDecimal(amount, currencyDigits(currency))
}

/** The order in which a promotion visits the items is told by no number: ours follow the expected ones. */
function inOrderOf(expected: unknown, ours: AdjustmentAction[]): AdjustmentAction[] {
  const name = (each: Partial<AdjustmentAction>) => [each.action, each.code, each.item_id, each.shipping_method_id].join(' ')
  const order = Array.isArray(expected) ? expected.map(name) : []
  const place = (each: AdjustmentAction) => (order.includes(name(each)) ? order.indexOf(name(each)) : order.length)
  return ours.toSorted((a, b) => place(a) - place(b))
}
