import { AMOUNT_MAX } from '../money.ts'
import type { ConditionNode, Leaf, Scalar } from './conditions.ts'
import { type Domain, NumberDomain, SetDomain, TextDomain } from './domains.ts'
import { FACTS } from './fact-catalogue.ts'
import type { Faults } from './faults.ts'
import { comparable } from './leaf-test.ts'
import { measuredBound, whereOf } from './line-test.ts'
import { isAtLeast, isLineLeaf, measureOf, OPERATORS } from './operators.ts'

interface PlacedLeaf {
  leaf: Leaf
  pointer: string
}

/**
 * Finds conditions that can never hold: one that lies outside its fact's range (`never_true`), and several of one `all`, with
 * the `all`s right inside it, that leave no value (`contradiction`, at the one that takes the last). It looks at one fact at
 * a time, not at what `any` and `not` leave over: what it refuses is impossible, what it passes may still be.
 */
export function findContradictions(node: ConditionNode, pointer: string, faults: Faults): void {
  if ('all' in node) {
    checkTogether(conjuncts(node, pointer, faults), faults)
  } else if ('any' in node) {
    for (const [index, each] of node.any.entries()) findContradictions(each, `${pointer}/any/${index}`, faults)
  } else if ('not' in node) {
    findContradictions(node.not, `${pointer}/not`, faults)
  } else {
    checkTogether([{ leaf: node, pointer }], faults)
  }
}

/** The values that a condition leaves to its fact; undefined for what is not looked at. */
export function domainOf(leaf: Leaf): Domain | undefined {
  const key = domainKey(leaf)
  if (key === undefined) return undefined
  const domain = wholeDomain(leaf)
  restrict(domain, leaf)
  return domain
}

function conjuncts(node: ConditionNode, pointer: string, faults: Faults): PlacedLeaf[] {
  if ('all' in node) return node.all.flatMap((each, index) => conjuncts(each, `${pointer}/all/${index}`, faults))
  if ('any' in node || 'not' in node) {
    findContradictions(node, pointer, faults)
    return []
  }
  return [{ leaf: node, pointer }]
}

function checkTogether(leaves: readonly PlacedLeaf[], faults: Faults): void {
  const domains = new Map<string, Domain>()
  for (const { leaf, pointer } of leaves) {
    const where = isLineLeaf(leaf) ? whereOf(leaf) : null
    if (where) findContradictions(where, 'where' in (leaf.value as object) ? `${pointer}/value/where` : `${pointer}/value`, faults)
    const key = domainKey(leaf)
    if (key === undefined) continue
    if (domainOf(leaf)!.empty) {
      faults.add(pointer, 'never_true', 'No cart can fulfil this condition.')
      continue
    }
    const domain = domains.get(key) ?? wholeDomain(leaf)
    domains.set(key, domain)
    const wasEmpty = domain.empty
    restrict(domain, leaf)
    if (domain.empty && !wasEmpty) faults.add(pointer, 'contradiction', 'Together with the conditions before it this can never hold.')
  }
}

/** Conditions with one key restrict the same value: a fact, or one measure of the lines that fulfil the same conditions. */
function domainKey(leaf: Leaf): string | undefined {
  if (!isLineLeaf(leaf)) return leaf.fact
  return leaf.operator === 'every_line' ? undefined : `lines ${measureOf(leaf.operator)} ${JSON.stringify(whereOf(leaf))}`
}

/** Everything the fact can be. */
function wholeDomain(leaf: Leaf): Domain {
  if (isLineLeaf(leaf)) return new NumberDomain(0, Number.POSITIVE_INFINITY)
  const { type, minimum, maximum } = FACTS[leaf.fact]
  switch (type) {
    case 'set':
      return new SetDomain()
    case 'text':
      return new TextDomain()
    case 'boolean':
      return new TextDomain([true, false])
    case 'amount':
      return new NumberDomain(0, Number(AMOUNT_MAX))
    default: {
      const scale = type === 'decimal' ? 10_000 : 1
      return new NumberDomain((minimum ?? Number.NEGATIVE_INFINITY) * scale, (maximum ?? Number.POSITIVE_INFINITY) * scale)
    }
  }
}

function restrict(domain: Domain, leaf: Leaf): void {
  if (!isLineLeaf(leaf)) {
    const { type } = FACTS[leaf.fact]
    const values = (Array.isArray(leaf.value) ? leaf.value : [leaf.value]) as Scalar[]
    domain.restrict(leaf.operator, leaf.operator === 'isSet' ? values : values.map((value) => comparable(value, type)))
  } else if (OPERATORS[leaf.operator].value === 'measured') {
    domain.restrict(isAtLeast(leaf.operator) ? 'greaterThanInclusive' : 'lessThanInclusive', [measuredBound(leaf)])
  } else {
    domain.restrict(leaf.operator === 'any_line' ? 'greaterThanInclusive' : 'equal', [leaf.operator === 'any_line' ? 1 : 0])
  }
}
