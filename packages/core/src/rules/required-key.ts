import type { ConditionNode, Leaf } from './conditions.ts'
import type { FactName } from './fact-values.ts'

/** A fact that must be, or contain, one of the values for the conditions to hold. */
export interface RequiredKey {
  fact: FactName
  values: string[]
}

/** The facts that rules are looked up by; the more it says about a cart the earlier. */
const INDEXED: readonly FactName[] = [
  'coupon.codes',
  'customer.id',
  'customer.groups',
  'shipping.method',
  'shipping_address.country',
  'billing_address.country',
  'channel',
  'currency',
]

/** What the conditions cannot hold without, if it is one of the facts that rules are looked up by. */
export function requiredKey(node: ConditionNode): RequiredKey | undefined {
  if ('not' in node) return undefined
  if ('all' in node) return mostTelling(node.all.map(requiredKey))
  if ('any' in node) return together(node.any.map(requiredKey))
  return leafKey(node)
}

function leafKey({ fact, operator, value }: Leaf): RequiredKey | undefined {
  if (!INDEXED.includes(fact)) return undefined
  if (operator === 'equal' || operator === 'contains') return { fact, values: [value as string] }
  if (operator === 'in' || operator === 'containsAny') return { fact, values: value as string[] }
  // Any one of them would do: the cart must have them all.
  if (operator === 'containsAll') return { fact, values: (value as string[]).slice(0, 1) }
  return undefined
}

function mostTelling(keys: readonly (RequiredKey | undefined)[]): RequiredKey | undefined {
  const rank = (key: RequiredKey) => INDEXED.indexOf(key.fact) * 1_000 + key.values.length
  return keys.filter((key) => key !== undefined).sort((a, b) => rank(a) - rank(b))[0]
}

/** Alternatives have a key in common only if each has one on the same fact. */
function together(keys: readonly (RequiredKey | undefined)[]): RequiredKey | undefined {
  const [first] = keys
  if (!first || keys.some((key) => key?.fact !== first.fact)) return undefined
  return { fact: first.fact, values: [...new Set(keys.flatMap((key) => key!.values))] }
}
