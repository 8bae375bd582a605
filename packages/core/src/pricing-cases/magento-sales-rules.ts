import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { ConditionNode, Conditions } from '../rules/conditions.ts'
import { amountOf, CASES, CannotMap, ppmOf, read } from './pricing-case.ts'
import { all, type CasePromotion, leaf } from './shop.ts'

/** The cart price rules that Magento's sample data comes with. */
export const SALES_RULES = new URL('../catalogs/magento/sales_rules.csv', CASES)

const DIGITS = 2

const row = z.strictObject({
  name: z.string(),
  description: z.string(),
  simple_action: z.enum(['by_percent', 'buy_x_get_y']),
  discount_amount: z.string(),
  discount_step: z.coerce.number(),
  is_active: z.literal('1'),
  stop_rules_processing: z.literal('0'),
  /** Whether a feed announces it. */
  is_rss: z.string(),
  apply_to_shipping: z.literal('0'),
  /** 2: shipping is free for carts that meet the conditions. */
  simple_free_shipping: z.enum(['0', '2']),
  /** 1: none; 2: the code below. */
  coupon_type: z.enum(['1', '2']),
  coupon_code: z.string(),
  uses_per_customer: z.string(),
  conditions_serialized: z.string(),
  actions_serialized: z.string(),
})
type Row = z.output<typeof row>

interface Node {
  type: string
  attribute: string | null
  operator: string | null
  value: string | string[] | null
  aggregator?: string
  conditions?: Node[]
}
const node: z.ZodType<Node> = z.strictObject({
  type: z.string(),
  attribute: z.string().nullable(),
  operator: z.string().nullable(),
  value: z.union([z.string(), z.array(z.string())]).nullable(),
  is_value_processed: z.boolean().nullable().optional(),
  aggregator: z.literal('all').optional(),
  conditions: z.lazy(() => z.array(node)).optional(),
}) as z.ZodType<Node>

/** Magento's rules as promotions of ours, in their order. */
export function readSalesRules(file: URL): CasePromotion[] {
  const rows: unknown[] = parse(readFileSync(file, 'utf8'), { columns: true, escape: '"' })
  return rows.map((each) => promotionOf(read(row, each, 'sales_rules')))
}

function promotionOf(rule: Row): CasePromotion {
  return {
    name: rule.name,
    ...(rule.coupon_type === '2' && { code: rule.coupon_code }),
    conditions: all(childrenOf(treeOf(rule.conditions_serialized)).map(cartCondition)),
    limits: { uses_per_customer: rule.uses_per_customer === '' ? null : Number(rule.uses_per_customer) },
    actions: actionsOf(rule, all(childrenOf(treeOf(rule.actions_serialized)).map(lineCondition))),
  }
}

function actionsOf(rule: Row, where: Conditions | null): PromotionDocumentInput['actions'] {
  const actions: PromotionDocumentInput['actions'] = []
  if (rule.simple_action === 'buy_x_get_y') {
    const [buy, get] = [rule.discount_step, Number(rule.discount_amount)]
    actions.push({ type: 'buy_x_get_y', buy: { where, quantity: buy }, get: { where, quantity: get } })
  } else if (Number(rule.discount_amount) > 0) {
    if (rule.discount_step > 1) throw new CannotMap('a percentage in steps of pieces')
    actions.push({ type: 'percentage', on: 'line', rate_ppm: ppmOf(rule.discount_amount), where })
  }
  if (rule.simple_free_shipping === '2') actions.push({ type: 'percentage', on: 'shipping', rate_ppm: 1_000_000, where: null })
  return actions
}

/** The sample data names categories by their URL keys, in a notation of its own inside the JSON. */
function treeOf(serialized: string): Node {
  const keys = (text: string) => JSON.stringify(text.split(',').map((each) => each.replace('url_key=', '')))
  return read(node, JSON.parse(serialized.replaceAll(/%([^%]+)%/g, (_all, text: string) => keys(text))), 'conditions')
}

function childrenOf({ value, conditions = [] }: Node): Node[] {
  if (value !== '1') throw new CannotMap('conditions that must all be false')
  return conditions
}

/** "Found" asks for a line that meets the conditions inside; without any, for a line. */
function cartCondition(given: Node): ConditionNode {
  const kind = given.type.split('\\').at(-1)
  if (kind === 'Found') {
    const where = all(childrenOf(given).map(lineCondition))
    return where === null ? leaf('cart.line_count', 'greaterThanInclusive', 1) : leaf('lines', 'any_line', where)
  }
  if (kind === 'Address' && given.attribute === 'base_subtotal' && given.operator === '>=' && typeof given.value === 'string')
    return leaf('cart.subtotal', 'greaterThanInclusive', Number(amountOf(given.value, DIGITS)))
  throw new CannotMap(`condition ${JSON.stringify(given)}`)
}

/** A group of value 0 holds when each condition in it fails. */
function lineCondition({ type, attribute, operator, value, conditions }: Node): ConditionNode {
  if (type.endsWith('Combine')) {
    const parts = (conditions ?? []).map(lineCondition)
    return { all: value === '0' ? parts.map((part) => ({ not: 'fact' in part ? { all: [part] } : part })) : parts }
  }
  const values = [value ?? []].flat()
  if (attribute === 'category_ids' && (operator === '()' || operator === '==')) return leaf('line.collections', 'containsAny', values)
  if (attribute === 'sku' && operator === '==') return leaf('line.sku', 'in', values)
  if (attribute === 'sale' && operator === '==') return leaf('line.on_sale', 'equal', values[0] === '1')
  throw new CannotMap(`condition on ${attribute} ${operator}`)
}
