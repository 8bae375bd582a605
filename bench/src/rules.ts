import { isDeepStrictEqual } from 'node:util'
import type { Conditions } from '@souk/core/rules/conditions.ts'
import type { CartFacts, LineFacts } from '@souk/core/rules/fact-values.ts'
import { ReferenceEngine } from '@souk/core/rules/reference-engine.ts'
import { compileAll } from '@souk/core/rules/rule-set.ts'
import { validateConditions } from '@souk/core/rules/validate.ts'
import { table } from './report.ts'

const CARTS = 64
const LINES = 20
// Between two looks at the clock.
const CARTS_A_LOOK = 8
const ROUNDS = 7
const ROUND_MS = 400
const COUNTRIES = ['DE', 'AT', 'CH', 'FR', 'NL']
const GROUPS = ['vip', 'staff', 'wholesale', 'press']

/** A rule as data, and the same written by hand, as somebody would who has one shop and its source. */
interface BenchRule {
  id: string
  conditions: Conditions
  byHand(facts: CartFacts): boolean
}

export interface RuleRate {
  rules: string
  how: string
  /** Carts in a second of CPU, user and system: of the best round and of the median one. */
  best: number
  median: number
}

/**
 * What rules cost: the same rules on the same carts of twenty lines by the engine, by our closures, and by hand. Every way
 * fires the same rules. Once rules on the cart alone, once with every fifth on its lines.
 */
export async function measureRules(): Promise<RuleRate[]> {
  const rates: RuleRate[] = []
  for (const kinds of [KINDS, [...KINDS, onLines]]) {
    for (const count of [100, 1_000]) {
      const name = kinds === KINDS ? `${count}` : `${count}, 1 in 5 on lines`
      const rules = Array.from({ length: count }, (_, index) => makeRule(index, kinds))
      rates.push(...(await measureWays(name, rules)))
    }
  }
  return rates
}

async function measureWays(name: string, rules: readonly BenchRule[]): Promise<RuleRate[]> {
  const carts = Array.from({ length: CARTS }, (_, index) => makeCart(index))
  const engine = new ReferenceEngine(rules, 'cart')
  const compiled = compileAll(rules)
  const coupons = compileAll(rules.map((rule, index) => (index % 10 === 0 ? rule : { ...rule, conditions: behindCoupon(rule, index) })))
  await expectSame(rules, carts, engine)
  return [
    await measure(name, 'json-rules-engine, reused', carts, (facts) => engine.run(facts)),
    await measure(name, 'closures', carts, (facts) => compiled.evaluateAll(facts)),
    await measure(name, 'closures, full trace', carts, (facts) => compiled.evaluateAllWithTrace(facts)),
    await measure(name, 'closures, 9 of 10 behind a coupon code', carts, (facts) => coupons.evaluateAll(facts)),
    await measure(name, 'by hand', carts, (facts) => byHand(rules, facts)),
  ]
}

export function printRules(rates: readonly RuleRate[]): void {
  table(
    ['rules', 'evaluated by', 'carts per CPU second, best', 'median', 'us a cart, median'],
    rates.map(({ how, rules, best, median }) => [rules, how, best.toFixed(0), median.toFixed(0), (1e6 / median).toFixed(1)]),
  )
}

/** Rounds of one way, after one to warm up, over all carts in turn. */
async function measure(rules: string, how: string, carts: readonly CartFacts[], run: (facts: CartFacts) => unknown): Promise<RuleRate> {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage()
    const start = performance.now()
    let done = 0
    while (performance.now() - start < ROUND_MS) {
      for (let batch = 0; batch < CARTS_A_LOOK; batch++) {
        const answer = run(carts[done++ % carts.length]!)
        // Waiting for what is no promise would cost as much as ten rules.
        if (answer instanceof Promise) await answer
      }
    }
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rounds.push((done * 1e6) / (user + system))
  }
  rounds.sort((a, b) => b - a)
  return { rules, how, best: rounds[0]!, median: rounds[Math.floor(rounds.length / 2)]! }
}

async function expectSame(rules: readonly BenchRule[], carts: readonly CartFacts[], engine: ReferenceEngine): Promise<void> {
  const compiled = compileAll(rules)
  let held = 0
  for (const facts of carts) {
    const expected = byHand(rules, facts)
    const fired = new Set(await engine.run(facts))
    const ways = [rules.filter((rule) => fired.has(rule.id)).map((rule) => rule.id), compiled.evaluateAll(facts)]
    for (const way of ways) if (!isDeepStrictEqual(way, expected)) throw new Error('the ways of evaluating rules disagree')
    held += expected.length
  }
  const share = held / (rules.length * carts.length)
  if (share < 0.05 || share > 0.95) throw new Error(`${share} of the rules hold: the bench would prove little`)
}

function byHand(rules: readonly BenchRule[], facts: CartFacts): string[] {
  const held: string[] = []
  for (const rule of rules) if (rule.byHand(facts)) held.push(rule.id)
  return held
}

/** Kinds of rule in turn, of three to five conditions each. */
function makeRule(index: number, kinds: readonly Kind[]): BenchRule {
  const { conditions, byHand: hand } = kinds[index % kinds.length]!(index)
  return { id: `rule-${index}`, conditions: validateConditions({ all: conditions }, { scope: 'cart', pointer: '' }), byHand: hand }
}

type Kind = (index: number) => { conditions: unknown[]; byHand(facts: CartFacts): boolean }

const leaf = (fact: string, operator: string, value: unknown) => ({ fact, operator, value })

const KINDS: Kind[] = [
  (index) => {
    const least = (index % 40) * 1_000
    return {
      conditions: [
        leaf('cart.subtotal', 'greaterThanInclusive', least),
        leaf('cart.quantity', 'lessThan', 60),
        { any: [leaf('time.weekday', 'in', [6, 7]), leaf('time.hour', 'between', [9, 17])] },
      ],
      byHand: (facts) =>
        facts['cart.subtotal'] >= BigInt(least) &&
        facts['cart.quantity'] < 60 &&
        (facts['time.weekday'] >= 6 || (facts['time.hour'] >= 9 && facts['time.hour'] <= 17)),
    }
  },
  (index) => {
    const group = GROUPS[index % GROUPS.length]!
    return {
      conditions: [
        leaf('cart.tags', 'containsAny', ['tag-1', 'tag-2', `tag-${index % 30}`]),
        { any: [leaf('customer.groups', 'contains', group), leaf('customer.orders_count', 'greaterThan', index % 9)] },
        leaf('channel', 'notEqual', 'pos'),
      ],
      byHand: (facts) => {
        const tags = facts['cart.tags']
        if (!tags.includes('tag-1') && !tags.includes('tag-2') && !tags.includes(`tag-${index % 30}`)) return false
        const orders = facts['customer.orders_count'] ?? undefined
        return (facts['customer.groups'].includes(group) || (orders !== undefined && orders > index % 9)) && facts.channel !== 'pos'
      },
    }
  },
  (index) => {
    const days = 5 + (index % 300)
    return {
      conditions: [
        leaf('shipping_address.country', 'notIn', ['US', 'CA', COUNTRIES[index % COUNTRIES.length]]),
        leaf('customer.last_order_days', 'lessThan', days),
        leaf('customer.total_spent', 'greaterThan', index * 100),
        leaf('cart.weight', 'lessThanInclusive', 40_000),
      ],
      byHand: (facts) => {
        const country = facts['shipping_address.country']
        const last = facts['customer.last_order_days']
        const spent = facts['customer.total_spent']
        if (country === undefined || country === null || last === undefined || last === null) return false
        if (country === 'US' || country === 'CA' || country === COUNTRIES[index % COUNTRIES.length]) return false
        return last < days && spent !== undefined && spent !== null && spent > BigInt(index * 100) && facts['cart.weight'] <= 40_000
      },
    }
  },
  (index) => {
    const start = String(index % 10)
    return {
      conditions: [
        { not: leaf('shipping_address.postcode', 'startsWith', start) },
        leaf('cart.skus', 'doesNotContain', `sku-${index}`),
        leaf('cart.line_count', 'between', [3, 25]),
        { any: [leaf('customer.known', 'equal', true), leaf('cart.subtotal', 'greaterThan', 20_000), leaf('currency', 'equal', 'EUR')] },
      ],
      byHand: (facts) =>
        !facts['shipping_address.postcode']?.startsWith(start) &&
        !facts['cart.skus'].includes(`sku-${index}`) &&
        facts['cart.line_count'] >= 3 &&
        facts['cart.line_count'] <= 25 &&
        (facts['customer.known'] || facts['cart.subtotal'] > 20_000n || facts.currency === 'EUR'),
    }
  },
]

const onLines: Kind = (index) => {
  const tag = `tag-${index % 30}`
  return {
    conditions: [
      leaf('cart.quantity', 'greaterThan', 2),
      leaf('customer.groups', 'containsNone', ['press']),
      leaf('lines', 'lines_quantity_at_least', {
        where: { all: [leaf('line.tags', 'contains', tag), leaf('line.unit_price', 'greaterThan', 500)] },
        quantity: 3,
      }),
    ],
    byHand: (facts) => {
      if (facts['cart.quantity'] <= 2 || facts['customer.groups'].includes('press')) return false
      let quantity = 0
      for (const line of facts.lines)
        if (line['line.tags'].includes(tag) && line['line.unit_price'] > 500n) quantity += line['line.quantity']
      return quantity >= 3
    },
  }
}

/** The same rule for those who enter one of a thousand codes: it is looked up, not tried. */
function behindCoupon(rule: BenchRule, index: number): Conditions {
  const code = { fact: 'coupon.codes', operator: 'contains', value: `CODE-${index}` } as const
  return { all: [code, rule.conditions] }
}

function makeCart(index: number): CartFacts {
  const lines = Array.from({ length: LINES }, (_, line) => makeLine(index * 7 + line))
  const guest = index % 3 === 0
  const unique = (of: (line: LineFacts) => readonly string[]) => [...new Set(lines.flatMap(of))]
  return {
    'cart.subtotal': lines.reduce((sum, line) => sum + line['line.subtotal'], 0n),
    'cart.discounted_subtotal': 0n,
    'cart.quantity': lines.reduce((sum, line) => sum + line['line.quantity'], 0),
    'cart.line_count': lines.length,
    'cart.weight': 300 * lines.length,
    'cart.skus': unique((line) => [line['line.sku']!]),
    'cart.product_ids': [],
    'cart.variant_ids': [],
    'cart.collections': [],
    'cart.tags': unique((line) => line['line.tags']),
    'cart.vendors': [],
    'cart.product_types': [],
    'customer.known': !guest,
    'customer.groups': guest ? [] : [GROUPS[index % GROUPS.length]!],
    'customer.orders_count': guest ? null : index % 12,
    'customer.total_spent': guest ? null : BigInt(index * 5_000),
    'customer.last_order_days': guest ? null : index * 3,
    channel: index % 5 === 0 ? 'pos' : 'web',
    currency: 'EUR',
    'time.now': '2026-05-04T09:30:00.000Z',
    'time.date': '2026-05-04',
    'time.weekday': (index % 7) + 1,
    'time.hour': index % 24,
    'time.minute_of_day': (index % 24) * 60,
    'shipping_address.country': index % 4 === 0 ? null : COUNTRIES[index % COUNTRIES.length]!,
    'shipping_address.postcode': index % 4 === 0 ? null : String(10_115 + index * 1_371),
    'coupon.codes': [`CODE-${index}`],
    lines,
  }
}

function makeLine(seed: number): LineFacts {
  const quantity = (seed % 4) + 1
  const unitPrice = BigInt(100 + (seed % 50) * 90)
  return {
    'line.quantity': quantity,
    'line.unit_price': unitPrice,
    'line.subtotal': unitPrice * BigInt(quantity),
    'line.weight': 300,
    'line.sku': `sku-${seed}`,
    'line.product_id': `product-${seed}`,
    'line.variant_id': `variant-${seed}`,
    'line.tags': [`tag-${seed % 30}`, `tag-${seed % 7}`],
    'line.collections': ['all'],
    'line.vendor': 'vendor',
    'line.product_type': 'type',
    'line.on_sale': false,
    'line.taxable': true,
    'line.requires_shipping': true,
  }
}

if (import.meta.main) printRules(await measureRules())
