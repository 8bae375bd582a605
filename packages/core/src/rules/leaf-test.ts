import type { Leaf, Scalar } from './conditions.ts'
import { parseRuleDecimal } from './decimal.ts'
import type { FactType } from './fact-catalogue.ts'
import { dayNumber, type Row, type RowLayout, type Slot } from './fact-row.ts'
import { compilePattern } from './pattern.ts'

/** Whether a condition holds for the values of a row. */
export type Test = (row: Row) => boolean

/** The closure of one condition on a fact. A missing value, undefined in the row, fails each of them but `isSet: false`. */
export function leafTest(leaf: Leaf, layout: RowLayout): Test {
  const slot = layout.slotOf(leaf.fact)
  if (leaf.operator === 'isSet') return setnessTest(slot, leaf.value as boolean)
  if (slot.type === 'set') return setTest(leaf, slot.position)
  if (slot.type === 'text' || slot.type === 'boolean') return textTest(leaf, slot.position)
  return numberTest(leaf, slot)
}

function setnessTest({ position }: Slot, expected: boolean): Test {
  return expected ? (row) => row[position] !== undefined : (row) => row[position] === undefined
}

// undefined becomes NaN in a comparison by size, which is false.
function numberTest(leaf: Leaf, { position, type }: Slot): Test {
  const [expected, end] = (Array.isArray(leaf.value) ? leaf.value : [leaf.value]).map((value) => comparable(value as Scalar, type)) as [
    number,
    number,
  ]
  switch (leaf.operator) {
    case 'equal':
      return (row) => row[position] === expected
    case 'notEqual':
      return (row) => row[position] !== expected && row[position] !== undefined
    case 'lessThan':
      return (row) => (row[position] as number) < expected
    case 'lessThanInclusive':
      return (row) => (row[position] as number) <= expected
    case 'greaterThan':
      return (row) => (row[position] as number) > expected
    case 'greaterThanInclusive':
      return (row) => (row[position] as number) >= expected
    case 'between':
      return (row) => (row[position] as number) >= expected && (row[position] as number) <= end
    case 'in':
    case 'notIn':
      return membershipTest(leaf, position, (value) => comparable(value, type))
    default:
      throw unfit(leaf)
  }
}

/** A value of a condition as the row holds the fact. */
export function comparable(value: Scalar, type: FactType): Scalar {
  if (type === 'decimal') return typeof value === 'number' ? value * 10_000 : parseRuleDecimal(value as string)!
  if (type === 'time') return Date.parse(value as string)
  if (type === 'date') return dayNumber(value as string)
  return value
}

function textTest(leaf: Leaf, position: number): Test {
  const expected = leaf.value as string
  switch (leaf.operator) {
    case 'equal':
      return (row) => row[position] === expected
    case 'notEqual':
      return (row) => row[position] !== expected && row[position] !== undefined
    case 'in':
    case 'notIn':
      return membershipTest(leaf, position, (value) => value)
    case 'startsWith':
      return (row) => row[position] !== undefined && (row[position] as string).startsWith(expected)
    case 'endsWith':
      return (row) => row[position] !== undefined && (row[position] as string).endsWith(expected)
    case 'matches': {
      const pattern = compilePattern(expected)
      return (row) => row[position] !== undefined && pattern.test(row[position] as string)
    }
    default:
      throw unfit(leaf)
  }
}

function membershipTest(leaf: Leaf, position: number, convert: (value: Scalar) => Scalar): Test {
  const members = new Set<unknown>((leaf.value as Scalar[]).map(convert))
  if (leaf.operator === 'in') return (row) => members.has(row[position])
  return (row) => row[position] !== undefined && !members.has(row[position])
}

function setTest(leaf: Leaf, position: number): Test {
  const seen = (row: Row) => row[position] as readonly string[] | undefined
  if (leaf.operator === 'contains' || leaf.operator === 'doesNotContain') {
    const expected = leaf.value as string
    const wanted = leaf.operator === 'contains'
    return (row) => {
      const set = row[position] as readonly string[] | undefined
      return set !== undefined && includes(set, expected) === wanted
    }
  }
  const members = new Set(leaf.value as string[])
  switch (leaf.operator) {
    case 'containsAny':
      return (row) => meets(seen(row), members) === true
    case 'containsNone':
      return (row) => meets(seen(row), members) === false
    case 'containsAll':
      return (row) => covers(seen(row), members)
    default:
      throw unfit(leaf)
  }
}

// Array.includes is a call out of compiled code: for the few texts that most sets have, twice as slow.
function includes(set: readonly string[], text: string): boolean {
  for (let index = 0; index < set.length; index++) if (set[index] === text) return true
  return false
}

function meets(set: readonly string[] | undefined, members: ReadonlySet<string>): boolean | undefined {
  if (set === undefined) return undefined
  for (let index = 0; index < set.length; index++) if (members.has(set[index]!)) return true
  return false
}

function covers(set: readonly string[] | undefined, members: ReadonlySet<string>): boolean {
  if (set === undefined || set.length < members.size) return false
  if (members.size <= 4) {
    for (const member of members) if (!includes(set, member)) return false
    return true
  }
  const present = new Set(set)
  for (const member of members) if (!present.has(member)) return false
  return true
}

function unfit(leaf: Leaf): Error {
  return new Error(`${leaf.operator} was compiled for ${leaf.fact}, which validation refuses`)
}
