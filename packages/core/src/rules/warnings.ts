import type { FieldProblem } from '../refusal.ts'
import type { ConditionNode, Leaf } from './conditions.ts'
import { domainOf } from './contradictions.ts'
import { FACTS } from './fact-catalogue.ts'
import { whereOf } from './line-test.ts'
import { isLineLeaf } from './operators.ts'

/**
 * What a merchant may want to look at again in conditions that are valid. `always_true`: the condition asks for nothing.
 * `holds_when_missing`: it stands under `not` and its fact may be missing, so it also holds before the fact is known.
 */
export function warnOfConditions(conditions: ConditionNode, pointer: string): FieldProblem[] {
  const found: FieldProblem[] = []
  look(conditions, pointer, false, found)
  return found
}

function look(node: ConditionNode, pointer: string, negated: boolean, found: FieldProblem[]): void {
  if ('all' in node) node.all.forEach((each, index) => void look(each, `${pointer}/all/${index}`, negated, found))
  else if ('any' in node) node.any.forEach((each, index) => void look(each, `${pointer}/any/${index}`, negated, found))
  else if ('not' in node) look(node.not, `${pointer}/not`, !negated, found)
  else lookAtLeaf(node, pointer, negated, found)
}

function lookAtLeaf(leaf: Leaf, pointer: string, negated: boolean, found: FieldProblem[]): void {
  const { nullable } = FACTS[leaf.fact]
  if (!nullable && domainOf(leaf)?.entire)
    found.push({ pointer, code: 'always_true', detail: 'Every cart fulfils this condition: it asks for nothing.' })
  if (nullable && negated && leaf.operator !== 'isSet')
    found.push({
      pointer,
      code: 'holds_when_missing',
      detail: `Under not this also holds while the ${FACTS[leaf.fact].label} is not known: add isSet if it should not.`,
    })
  const where = isLineLeaf(leaf) ? whereOf(leaf) : null
  if (where) look(where, `${pointer}/value${'where' in (leaf.value as object) ? '/where' : ''}`, negated, found)
}
