import fc from 'fast-check'
import type { ConditionNode, Conditions, Leaf, LeafValue, Operator } from '../../rules/conditions.ts'
import { FACTS, type Fact, type RuleScope } from '../../rules/fact-catalogue.ts'
import { dayText } from '../../rules/fact-row.ts'
import type { CartFacts, FactName, LineFacts } from '../../rules/fact-values.ts'
import { measureOf, OPERATORS } from '../../rules/operators.ts'

// Few values, so that rules and carts meet; the oddities of real data among them.
const TEXTS = [
  'web',
  'vip',
  'Berlin',
  'berlin',
  '10',
  '9',
  '10abc',
  'SKU-1',
  'SKU-12',
  'Zürich',
  'a b',
  'shoes',
  '__proto__',
  'constructor',
]
const CODES = ['SAVE10', 'VIP', '10', 'SKU-1']
const COUNTRIES = ['DE', 'AT', 'US', 'GB']
const CURRENCIES = ['EUR', 'USD', 'JPY']
const DOMAINS = ['example.com', 'shop.example']
const IDS = ['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8058', '01890a5d-ac96-774b-bcce-b302099a8059']
const PATTERNS = ['^SKU-\\d+$', 'er', '(?i)^berlin$', '^(vip|web)$', '[0-9]{2}', '^.{3}$', 'SKU-1?2', '\\p{Lu}']
const NOON = Date.parse('2026-05-04T12:00:00Z')

type Values = fc.Arbitrary<boolean | number | string>

/** Conditions of every operator on every fact, nested as deep as they may; not all of them pass validation. */
export function arbitraryConditions(scope: RuleScope): fc.Arbitrary<Conditions> {
  return group(scope, scope === 'cart' ? 3 : 2)
}

/** Facts of a cart; each that may be missing sometimes is. */
export function arbitraryCart(): fc.Arbitrary<CartFacts> {
  return facts('cart', fc.array(arbitraryLine(), { maxLength: 4 })) as fc.Arbitrary<unknown> as fc.Arbitrary<CartFacts>
}

export function arbitraryLine(): fc.Arbitrary<LineFacts> {
  return facts('line') as fc.Arbitrary<unknown> as fc.Arbitrary<LineFacts>
}

function group(scope: RuleScope, levels: number): fc.Arbitrary<Conditions> {
  const nodes: fc.Arbitrary<ConditionNode> =
    levels === 1
      ? leaf(scope, levels)
      : fc.oneof(
          { weight: 3, arbitrary: leaf(scope, levels) },
          { weight: 1, arbitrary: fc.constant(0).chain(() => group(scope, levels - 1)) },
        )
  const lists = fc.array(nodes, { minLength: 1, maxLength: 4 })
  return fc.oneof(
    { weight: 2, arbitrary: lists.map((all) => ({ all })) },
    { weight: 3, arbitrary: lists.map((any) => ({ any })) },
    { weight: 1, arbitrary: nodes.map((not) => ({ not })) },
  )
}

function leaf(scope: RuleScope, levels: number): fc.Arbitrary<Leaf> {
  const names = factNames(scope).filter((name) => name !== 'lines' || levels > 1)
  return fc.constantFrom(...names).chain((fact) => {
    const { type, nullable } = FACTS[fact]
    const operators = (Object.keys(OPERATORS) as Operator[]).filter(
      (operator) => OPERATORS[operator].types.includes(type) && (operator !== 'isSet' || nullable),
    )
    return fc.constantFrom(...operators).chain((operator) => valueFor(fact, operator, levels).map((value) => ({ fact, operator, value })))
  })
}

function valueFor(name: FactName, operator: Operator, levels: number): fc.Arbitrary<LeafValue> {
  const values = written(FACTS[name])
  switch (OPERATORS[operator].value) {
    case 'single':
      return values
    case 'bounds':
      return fc.tuple(values, values).map((bounds) => bounds.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)))
    case 'list':
      return fc.uniqueArray(values, { minLength: 1, maxLength: 4 })
    case 'pattern':
      return fc.constantFrom(...PATTERNS)
    case 'flag':
      return fc.boolean()
    case 'conditions':
      return group('line', levels - 1)
    case 'measured':
      return fc
        .record({ where: fc.option(group('line', levels - 1)), number: fc.integer({ min: 1, max: 12 }) })
        .map(({ where, number }) => ({ where, [measureOf(operator)]: number }) as unknown as LeafValue)
  }
}

function rank(value: boolean | number | string): number | string {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : (value as number | string)
}

/** Values as conditions write them. */
function written({ type, form, minimum = 0, maximum = 12 }: Fact): Values {
  switch (type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: minimum, max: Math.min(maximum, minimum + 12) })
    case 'amount':
      return fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom(0, 999_999_999_999, 1_000_000_000_000))
    case 'decimal':
      return fc.constantFrom('0', '0.1', '0.3', '12.5', '33.3333', '100', '25')
    case 'time':
      return instant()
    case 'date':
      return fc.integer({ min: 20_575, max: 20_580 }).map(dayText)
    default:
      return text(form)
  }
}

function text(form: Fact['form']): fc.Arbitrary<string> {
  const pools: Record<NonNullable<Fact['form']>, readonly string[]> = {
    uuid: IDS,
    country: COUNTRIES,
    currency: CURRENCIES,
    domain: DOMAINS,
    code: CODES,
  }
  return fc.constantFrom(...(form ? pools[form] : TEXTS))
}

function instant(): fc.Arbitrary<string> {
  return fc.integer({ min: -2, max: 2 }).map((minutes) => new Date(NOON + minutes * 60_000).toISOString())
}

function factNames(scope: RuleScope): FactName[] {
  return (Object.keys(FACTS) as FactName[]).filter((name) => FACTS[name].scope === scope)
}

function facts(scope: RuleScope, lines?: fc.Arbitrary<LineFacts[]>): fc.Arbitrary<Record<string, unknown>> {
  const model: Record<string, fc.Arbitrary<unknown>> = {}
  for (const name of factNames(scope)) {
    const value = name === 'lines' ? lines! : held(FACTS[name])
    model[name] = FACTS[name].nullable ? fc.option(value, { nil: undefined, freq: 3 }) : value
  }
  return fc.record(model)
}

/** Values as facts hold them. */
function held(fact: Fact): fc.Arbitrary<unknown> {
  if (fact.type === 'amount') return fc.oneof(fc.bigInt({ min: 0n, max: 12n }), fc.constantFrom(999_999_999_999n, 1_000_000_000_000n))
  if (fact.type === 'decimal') return fc.constantFrom(0, 1_000, 3_000, 125_000, 333_333, 333_332, 1_000_000, 250_000)
  if (fact.type === 'set') return fc.uniqueArray(text(fact.form), { maxLength: 5 })
  return written(fact)
}
