import type { Tx } from '@souk/tenant-router/tx.ts'
import type { PromotionAction, PromotionDocument } from '../pricing/promotion-document.ts'
import type { FieldProblem } from '../refusal.ts'
import type { ConditionNode } from '../rules/conditions.ts'
import { warnOfConditions } from '../rules/warnings.ts'
import { conditionsOf } from './check-promotion.ts'

/** Something about a promotion that its author may not have meant. It is said, and nothing is refused. */
export interface PromotionWarning extends FieldProblem {
  /** The other promotions it is about. */
  promotion_ids?: string[]
}

const WARNINGS_MAX = 50
const NEARLY_ALL_PPM = 900_000
const WHOLE_PPM = 1_000_000
/** Facts whose texts name something the merchant has, by where it is kept. */
const NAMED_IN = { 'cart.collections': 'collection', 'line.collections': 'collection', 'customer.groups': 'customer_group' } as const

/**
 * What the author of a version may want to look at again: conditions that ask for nothing, reductions of nearly everything, alone
 * or together with promotions in force, promotions that it shuts out or is shut out by, collections and groups that are not there.
 */
export async function warnOfPromotion(
  tx: Tx,
  document: PromotionDocument,
  live: readonly PromotionDocument[],
  now: Date,
): Promise<PromotionWarning[]> {
  const others = live.filter((promotion) => promotion.id !== document.id)
  const warnings = [
    ...(document.conditions === null && document.trigger === 'automatic'
      ? [{ pointer: '/conditions', code: 'always_true', detail: 'It has no conditions: it is for every cart.' }]
      : []),
    ...conditionsOf(document).flatMap(({ pointer, json }) => warnOfConditions(json as ConditionNode, pointer)),
    ...document.actions.flatMap((action, index) => warnOfAction(action, `/actions/${index}`)),
    ...warnOfSum(document, others),
    ...warnOfStacking(document, others),
    ...warnOfSchedule(document, now),
    ...(await warnOfNames(tx, document)),
  ]
  return warnings.slice(0, WARNINGS_MAX)
}

function warnOfAction(action: PromotionAction, pointer: string): PromotionWarning[] {
  const detail = 'It takes off 90 percent or more.'
  if (ratesOff(action).some((rate) => rate >= NEARLY_ALL_PPM)) return [{ pointer, code: 'nearly_everything_off', detail }]
  if (action.type === 'set_price' && action.amount === 0 && action.on !== 'shipping')
    return [{ pointer: `${pointer}/amount`, code: 'nearly_everything_off', detail: 'It makes goods cost nothing.' }]
  return []
}

/** The rates that an action takes off goods without any limit to it. */
function ratesOff(action: PromotionAction): number[] {
  if ('on' in action && action.on === 'shipping') return []
  if (action.type === 'percentage') return action.amount_max === null && action.units_max === null ? [action.rate_ppm] : []
  if (action.type === 'tiers') return action.tiers.flatMap((tier) => ('rate_ppm' in tier ? [tier.rate_ppm] : []))
  if (action.type === 'bundle') return 'rate_ppm' in action.value ? [action.value.rate_ppm] : []
  return []
}

/** Whether with the promotions in force that it goes together with a cart could come to a tenth of its price. */
function warnOfSum(document: PromotionDocument, others: readonly PromotionDocument[]): PromotionWarning[] {
  const own = greatestRate(document)
  if (document.stacking.mode !== 'stack' || own === 0) return []
  const together = others.filter((other) => other.stacking.mode === 'stack' && other.trigger === 'automatic' && greatestRate(other) > 0)
  const left = together.reduce((rest, other) => rest * (1 - greatestRate(other) / WHOLE_PPM), 1 - own / WHOLE_PPM)
  if (together.length === 0 || left > 1 - NEARLY_ALL_PPM / WHOLE_PPM) return []
  const detail = 'Together with promotions in force it may take off 90 percent or more.'
  return [{ pointer: '/stacking', code: 'nearly_everything_off_together', detail, promotion_ids: idsOf(together) }]
}

function greatestRate({ actions }: PromotionDocument): number {
  return Math.max(0, ...actions.flatMap(ratesOff))
}

/** Exclusive ones, which leave no room for others of their group, or for any. */
function warnOfStacking(document: PromotionDocument, others: readonly PromotionDocument[]): PromotionWarning[] {
  const { mode, group } = document.stacking
  const meets = (other: PromotionDocument) => group === null || other.stacking.group === null || other.stacking.group === group
  const exclusive = others.filter((other) => other.stacking.mode === 'exclusive' && meets(other))
  if (exclusive.length > 0) {
    const detail =
      mode === 'exclusive'
        ? 'Exclusive promotions in force hold at the same time: of these only one applies.'
        : 'Where an exclusive promotion in force applies, this one does not.'
    return [{ pointer: '/stacking', code: 'overlaps_exclusive', detail, promotion_ids: idsOf(exclusive) }]
  }
  const shutOut = mode === 'exclusive' ? others.filter((other) => group === null || other.stacking.group === group) : []
  if (shutOut.length === 0) return []
  const detail = 'Where this promotion applies, promotions in force do not.'
  return [{ pointer: '/stacking', code: 'shuts_out', detail, promotion_ids: idsOf(shutOut) }]
}

function warnOfSchedule({ schedule }: PromotionDocument, now: Date): PromotionWarning[] {
  // A day late at most, whatever the time zone: a warning may wait.
  const ended = schedule?.ends_at != null && Date.parse(`${schedule.ends_at.slice(0, 10)}T00:00:00Z`) < now.getTime() - 2 * 86_400_000
  return ended ? [{ pointer: '/schedule/ends_at', code: 'is_over', detail: 'The schedule has ended already.' }] : []
}

async function warnOfNames(tx: Tx, document: PromotionDocument): Promise<PromotionWarning[]> {
  const named = conditionsOf(document).flatMap(({ json, pointer }) => namesIn(json, pointer))
  const unknown = { collection: new Set<string>(), customer_group: new Set<string>() }
  for (const { table, name } of named) unknown[table].add(name)
  if (unknown.collection.size > 0) {
    const rows = await tx.sql<{ handle: string }[]>`
      select handle from collection where merchant_id = ${tx.merchantId} and handle = any(${[...unknown.collection]}::text[])`
    for (const { handle } of rows) unknown.collection.delete(handle)
  }
  if (unknown.customer_group.size > 0) {
    const rows = await tx.sql<{ handle: string }[]>`
      select handle from customer_group where merchant_id = ${tx.merchantId} and handle = any(${[...unknown.customer_group]}::text[])`
    for (const { handle } of rows) unknown.customer_group.delete(handle)
  }
  return named
    .filter(({ table, name }) => unknown[table].has(name))
    .map(({ table, name, pointer }) => {
      const what = table === 'collection' ? 'collection' : 'customer group'
      return { pointer, code: `unknown_${table}`, detail: `There is no ${what} with the handle ${name}.` }
    })
}

interface Named {
  table: 'collection' | 'customer_group'
  name: string
  pointer: string
}

/** Every text in conditions that names something of the merchant's. The conditions have been checked: they are not deep. */
function namesIn(node: unknown, pointer: string): Named[] {
  if (Array.isArray(node)) return node.flatMap((each, index) => namesIn(each, `${pointer}/${index}`))
  if (typeof node !== 'object' || node === null) return []
  const { fact, value } = node as { fact?: string; value?: unknown }
  if (fact !== undefined && Object.hasOwn(NAMED_IN, fact)) {
    const table = NAMED_IN[fact as keyof typeof NAMED_IN]
    return [value].flat().flatMap((name) => (typeof name === 'string' ? [{ table, name, pointer: `${pointer}/value` }] : []))
  }
  return Object.entries(node).flatMap(([key, member]) => namesIn(member, `${pointer}/${key}`))
}

function idsOf(promotions: readonly PromotionDocument[]): string[] {
  return [...new Set(promotions.map((promotion) => promotion.id))]
}
