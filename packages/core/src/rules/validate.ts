import { checkJson, isPlainObject } from './check-json.ts'
import { checkBounds, checkFlag, checkList, checkMeasure, checkPattern, checkSingle } from './check-value.ts'
import type { ConditionNode, Conditions, Leaf, LeafValue, LinesMeasured, Operator } from './conditions.ts'
import { findContradictions } from './contradictions.ts'
import { conditionCost } from './cost.ts'
import { type Fact, factNamed, type RuleScope } from './fact-catalogue.ts'
import type { FactName } from './fact-values.ts'
import { Faults, pointerPart } from './faults.ts'
import { RULE_COST_MAX, RULE_DEPTH_MAX, RULE_LEAVES_MAX, RULE_LINE_LEAVES_MAX } from './limits.ts'
import { isAtLeast, isOperator, measureOf, OPERATORS } from './operators.ts'

/** Members that json-rules-engine would follow, and that merchants may not write. The reasons are in docs/rules.md. */
const REFUSED_FIELDS: Record<string, string> = {
  path: 'Paths into facts are not taken: each fact is one value.',
  params: 'Facts take no parameters.',
  condition: 'Conditions shared by name are not taken: write them out.',
  priority: 'Conditions have no priority: the cheap ones are tried first.',
  name: 'Conditions have no name.',
}
const GROUPS = ['all', 'any', 'not'] as const

/** Where the walk stands. */
interface Place {
  scope: RuleScope
  pointer: string
  /** Groups around this place. */
  depth: number
  /** Whether it is inside the value of a line operator. */
  inner: boolean
}

/**
 * Checks conditions as a merchant wrote them, and returns them in the form to be kept: a copy in plain objects, with texts
 * in NFC, times in UTC and each value of a list once. Whatever it is given, it answers in time bounded by the limits.
 *
 * Refuses `rule_too_complex` (limits.ts), `unsafe_pattern` (pattern.ts), and for the rest `rule_invalid`: members, facts and
 * operators that are not known, values that do not fit, empty groups, and conditions that can never hold. `errors` names
 * up to RULE_FAULTS_MAX places by JSON Pointer below `pointer`.
 */
export function validateConditions(json: unknown, { scope, pointer }: { scope: RuleScope; pointer: string }): Conditions {
  const faults = new Faults()
  const conditions = checkJson(json, pointer, faults)
    ? new Validator(faults).group(json, { scope, pointer, depth: 0, inner: false })
    : undefined
  if (conditions && faults.none) {
    if (conditionCost(conditions) > RULE_COST_MAX)
      faults.add(pointer, 'too_expensive', 'The conditions cost too much for every cart: patterns and conditions on lines weigh most.')
    findContradictions(conditions, pointer, faults)
  }
  faults.refuse()
  return conditions!
}

class Validator {
  private readonly faults: Faults
  private leaves = 0
  private innerLeaves = 0

  constructor(faults: Faults) {
    this.faults = faults
  }

  /** A group, which is what conditions begin with. */
  group(json: unknown, place: Place): Conditions | undefined {
    if (isPlainObject(json) && GROUPS.some((group) => Object.hasOwn(json, group))) return this.node(json, place) as Conditions | undefined
    return this.faults.add(place.pointer, 'group_expected', 'Conditions begin with all, any or not.')
  }

  private node(json: unknown, place: Place): ConditionNode | undefined {
    const { pointer } = place
    if (!isPlainObject(json)) return this.faults.add(pointer, 'value_type', 'A condition is an object.')
    const group = GROUPS.find((each) => Object.hasOwn(json, each))
    if (!group) return this.leaf(json, place)
    if (place.depth >= RULE_DEPTH_MAX) return this.faults.add(pointer, 'too_deep', `Groups are nested at most ${RULE_DEPTH_MAX} deep.`)
    const known = this.onlyFields(json, [group], pointer)
    const inside = { ...place, pointer: `${pointer}/${group}`, depth: place.depth + 1 }
    if (group === 'not') {
      const node = this.node(json.not, inside)
      return known && node ? { not: node } : undefined
    }
    const nodes = this.nodes(json[group], inside)
    if (!known || !nodes) return undefined
    return group === 'all' ? { all: nodes } : { any: nodes }
  }

  private nodes(json: unknown, place: Place): ConditionNode[] | undefined {
    if (!Array.isArray(json)) return this.faults.add(place.pointer, 'value_type', 'A list of conditions is expected.')
    if (json.length === 0) return this.faults.add(place.pointer, 'empty_group', 'The group is empty: the engine would call it true.')
    const nodes: ConditionNode[] = []
    for (const [index, each] of json.entries()) {
      const node = this.node(each, { ...place, pointer: `${place.pointer}/${index}` })
      if (node) nodes.push(node)
      if (this.tooMany) return undefined
    }
    return nodes.length === json.length ? nodes : undefined
  }

  private get tooMany(): boolean {
    return this.leaves > RULE_LEAVES_MAX || this.innerLeaves > RULE_LINE_LEAVES_MAX
  }

  private leaf(json: Record<string, unknown>, place: Place): Leaf | undefined {
    const { pointer } = place
    this.count(place)
    const known = this.onlyFields(json, ['fact', 'operator', 'value'], pointer)
    const missing = ['fact', 'operator', 'value'].filter((field) => !Object.hasOwn(json, field))
    for (const field of missing) this.faults.add(`${pointer}/${field}`, 'missing_field', `A condition has a ${field}.`)
    if (missing.length > 0) return undefined
    const fact = this.fact(json.fact, place)
    const operator = this.operator(json.operator, pointer)
    if (!fact || !operator) return undefined
    if (!OPERATORS[operator].types.includes(fact.type))
      return this.faults.add(`${pointer}/operator`, 'operator_unfit', `${operator} does not compare a fact of type ${fact.type}.`)
    const value = this.value(json.value, fact, operator, place)
    return known && value !== undefined ? { fact: json.fact as FactName, operator, value } : undefined
  }

  private count({ inner, pointer }: Place): void {
    if (inner) this.innerLeaves++
    else this.leaves++
    const [count, most] = inner ? [this.innerLeaves, RULE_LINE_LEAVES_MAX] : [this.leaves, RULE_LEAVES_MAX]
    if (count === most + 1)
      this.faults.add(pointer, 'too_many_conditions', `There are more than ${most} conditions${inner ? ' on lines' : ''}.`)
  }

  private fact(name: unknown, { scope, pointer }: Place): Fact | undefined {
    const fact = typeof name === 'string' ? factNamed(name) : undefined
    if (!fact) return this.faults.add(`${pointer}/fact`, 'fact_unknown', 'There is no such fact.')
    if (fact.scope === scope) return fact
    return this.faults.add(
      `${pointer}/fact`,
      'fact_of_other_scope',
      scope === 'cart' ? 'A fact of lines stands inside any_line and its like.' : 'Conditions on a line ask only for facts of the line.',
    )
  }

  private operator(name: unknown, pointer: string): Operator | undefined {
    if (isOperator(name)) return name
    const decorated = typeof name === 'string' && name.includes(':')
    const detail = decorated ? 'Operators are not decorated: use not, and the operators of sets and lines.' : 'There is no such operator.'
    return this.faults.add(`${pointer}/operator`, 'operator_unknown', detail)
  }

  private value(json: unknown, fact: Fact, operator: Operator, place: Place): LeafValue | undefined {
    const pointer = `${place.pointer}/value`
    const at = { fact, operator, pointer, faults: this.faults }
    switch (OPERATORS[operator].value) {
      case 'single':
        return checkSingle(json, at)
      case 'bounds':
        return checkBounds(json, at)
      case 'list':
        return checkList(json, at)
      case 'pattern':
        return checkPattern(json, at)
      case 'flag':
        return checkFlag(json, at)
      case 'conditions':
        return this.group(json, { ...place, scope: 'line', inner: true, pointer })
      case 'measured':
        return this.measured(json, operator, { ...place, pointer })
    }
  }

  private measured(json: unknown, operator: Operator, place: Place): LinesMeasured | undefined {
    const { pointer } = place
    const measure = measureOf(operator)
    if (!isPlainObject(json) || !Object.hasOwn(json, 'where') || !Object.hasOwn(json, measure))
      return this.faults.add(pointer, 'value_type', `{"where": line conditions or null, "${measure}": a whole number} is expected.`)
    const known = this.onlyFields(json, ['where', measure], pointer)
    const where = json.where === null ? null : this.group(json.where, { ...place, scope: 'line', inner: true, pointer: `${pointer}/where` })
    const number = checkMeasure(json[measure], isAtLeast(operator) ? 1 : 0, `${pointer}/${measure}`, this.faults)
    return known && where !== undefined && number !== undefined ? ({ where, [measure]: number } as unknown as LinesMeasured) : undefined
  }

  private onlyFields(json: Record<string, unknown>, fields: readonly string[], pointer: string): boolean {
    const others = Object.keys(json).filter((key) => !fields.includes(key))
    for (const key of others) {
      const refused = Object.hasOwn(REFUSED_FIELDS, key) ? REFUSED_FIELDS[key] : undefined
      this.faults.add(
        `${pointer}/${pointerPart(key)}`,
        refused ? 'refused_field' : 'unknown_field',
        refused ?? 'A condition has no such member.',
      )
    }
    return others.length === 0
  }
}
