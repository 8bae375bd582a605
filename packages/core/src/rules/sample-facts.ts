import type { ConditionNode, Leaf, Scalar } from './conditions.ts'
import { FACTS } from './fact-catalogue.ts'
import { dayText } from './fact-row.ts'
import type { CartFacts, LineFacts } from './fact-values.ts'
import { comparable } from './leaf-test.ts'
import { measuredBound, whereOf } from './line-test.ts'
import { isLineLeaf, OPERATORS } from './operators.ts'

type Facts = Record<string, unknown>

/** The engine takes milliseconds for large conditions. */
const SAMPLES_MAX = 30
const SAMPLE_LINES_MAX = 5

const LINE: LineFacts = {
  'line.quantity': 2,
  'line.unit_price': 1_000n,
  'line.subtotal': 2_000n,
  'line.weight': 500,
  'line.sku': 'SKU-1',
  'line.product_id': '01890a5d-ac96-774b-bcce-b302099a8057',
  'line.variant_id': '01890a5d-ac96-774b-bcce-b302099a8058',
  'line.tags': ['sale'],
  'line.collections': ['shoes'],
  'line.vendor': 'Vendor',
  'line.product_type': 'Type',
  'line.on_sale': true,
  'line.sale_percent': 250_000,
  'line.taxable': true,
  'line.tax_category': 'standard',
  'line.requires_shipping': true,
}

/** A buyer who has said nothing yet: everything that may be missing is. */
export const GUEST: CartFacts = {
  'cart.subtotal': 0n,
  'cart.discounted_subtotal': 0n,
  'cart.quantity': 0,
  'cart.line_count': 0,
  'cart.weight': 0,
  'cart.skus': [],
  'cart.product_ids': [],
  'cart.variant_ids': [],
  'cart.collections': [],
  'cart.tags': [],
  'cart.vendors': [],
  'cart.product_types': [],
  'customer.known': false,
  'customer.groups': [],
  channel: 'web',
  currency: 'EUR',
  'time.now': '2026-05-04T09:30:00.000Z',
  'time.date': '2026-05-04',
  'time.weekday': 1,
  'time.hour': 11,
  'time.minute_of_day': 690,
  'coupon.codes': [],
  lines: [],
}

/** Carts around the values that conditions name: for each condition one just below, at, and just above what it asks. */
export function sampleCarts(conditions: ConditionNode): CartFacts[] {
  const fulfilled = Object.assign({}, GUEST, { lines: [LINE] }, ...leavesOf(conditions).map((leaf) => aroundCart(leaf)[1]))
  const each = leavesOf(conditions).flatMap((leaf) =>
    aroundCart(leaf).flatMap((facts) => [
      { ...GUEST, ...facts },
      { ...fulfilled, ...facts },
    ]),
  )
  return [GUEST, fulfilled, ...spread(each, SAMPLES_MAX)] as unknown as CartFacts[]
}

/** The same for conditions on a line. */
export function sampleLines(conditions: ConditionNode): LineFacts[] {
  const fulfilled = Object.assign({}, LINE, ...leavesOf(conditions).map((leaf) => around(leaf)[1]))
  const each = leavesOf(conditions).flatMap((leaf) =>
    around(leaf).flatMap((facts) => [
      { ...LINE, ...facts },
      { ...fulfilled, ...facts },
    ]),
  )
  return [LINE, fulfilled, ...spread(each, SAMPLES_MAX)] as unknown as LineFacts[]
}

/** At most so many, from everywhere in the list. */
function spread<Item>(items: readonly Item[], most: number): Item[] {
  const step = Math.max(1, items.length / most)
  return Array.from({ length: Math.min(items.length, most) }, (_, index) => items[Math.floor(index * step)]!)
}

function leavesOf(node: ConditionNode): Leaf[] {
  if ('all' in node) return node.all.flatMap(leavesOf)
  if ('any' in node) return node.any.flatMap(leavesOf)
  return 'not' in node ? leavesOf(node.not) : [node]
}

function aroundCart(leaf: Leaf): Facts[] {
  if (!isLineLeaf(leaf)) return around(leaf)
  const where = whereOf(leaf)
  const lines = where ? spread(sampleLines(where), SAMPLE_LINES_MAX) : [LINE]
  if (OPERATORS[leaf.operator].value === 'conditions') return [{ lines: [] }, { lines }, ...lines.map((line) => ({ lines: [line] }))]
  const bound = measuredBound(leaf)
  return [bound - 1, bound, bound + 1].map((measured) => ({
    lines: lines.map((line) => ({ ...line, 'line.quantity': Math.max(measured, 0), 'line.subtotal': BigInt(Math.max(measured, 0)) })),
  }))
}

/** Values of the fact below, at and above those that a condition names, and none where it may be missing. */
function around(leaf: Leaf): Facts[] {
  const { type, nullable } = FACTS[leaf.fact]
  const all = Array.isArray(leaf.value) ? leaf.value : [leaf.value as Scalar]
  const named = [...new Set([all[0]!, all.at(-1)!])]
  const missing = nullable ? [undefined] : []
  const of = (values: unknown[]) => [...values, ...missing].map((value) => ({ [leaf.fact]: value }))
  if (leaf.operator === 'isSet') return of([])
  switch (type) {
    case 'boolean':
      return of([true, false])
    case 'text':
      return of([`${named[0]}x`, ...named, `x${named[0]}`])
    case 'set':
      return of([[], all, all.slice(1), ['x', named[0]]])
    default: {
      const numbers = named.flatMap((value) => [-1, 0, 1].map((step) => (comparable(value, type) as number) + step))
      return of(numbers.map((number) => factValue(number, leaf)))
    }
  }
}

function factValue(number: number, { fact }: Leaf): unknown {
  const { type } = FACTS[fact]
  if (type === 'amount') return BigInt(number)
  if (type === 'time') return new Date(number).toISOString()
  if (type === 'date') return dayText(number)
  return number
}
