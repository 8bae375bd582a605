import type { ConditionNode, Conditions, Leaf, LinesMeasured } from './conditions.ts'
import { COSTED_LINES } from './limits.ts'
import { OPERATORS } from './operators.ts'

// Measured on this code (bench/src/rules.ts), in plain comparisons of about 5 ns.
const PATTERN_COST = 100
const TEXT_COST = 2
const LIST_COST = 4
const SET_COST = 10
const SETS_COST = 40

/** What a condition costs for a cart of COSTED_LINES lines, in plain comparisons. Decides the order, and what is too much. */
export function conditionCost(node: ConditionNode): number {
  if ('all' in node) return sum(node.all)
  if ('any' in node) return sum(node.any)
  if ('not' in node) return conditionCost(node.not)
  return leafCost(node)
}

function sum(nodes: readonly ConditionNode[]): number {
  return nodes.reduce((total, node) => total + conditionCost(node), 0)
}

function leafCost(leaf: Leaf): number {
  switch (OPERATORS[leaf.operator].value) {
    case 'conditions':
      return COSTED_LINES * (1 + conditionCost(leaf.value as Conditions))
    case 'measured': {
      const { where } = leaf.value as LinesMeasured
      return COSTED_LINES * (1 + (where ? conditionCost(where) : 0))
    }
    case 'pattern':
      return PATTERN_COST
    case 'list':
      return leaf.operator.startsWith('contains') ? SETS_COST : LIST_COST
    case 'single':
      if (leaf.operator === 'contains' || leaf.operator === 'doesNotContain') return SET_COST
      return typeof leaf.value === 'string' ? TEXT_COST : 1
    default:
      return 1
  }
}
