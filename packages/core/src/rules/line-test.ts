import type { Conditions, Leaf, LinesMeasured } from './conditions.ts'
import type { Row, RowLayout } from './fact-row.ts'
import type { Test } from './leaf-test.ts'
import { isAtLeast, measureOf } from './operators.ts'
import type { LinesSeen } from './trace.ts'

/** How the conditions inside a line operator are compiled: by compile.ts, which lies above this file. */
export type CompileWhere = (where: Conditions, layout: RowLayout) => Test

export interface LineTest {
  /** Stops at the first line that decides. */
  test: Test
  /** Goes through all lines, for a trace; null when the lines are missing. */
  see(row: Row): LinesSeen | null
  /** The answer of `test` for what was seen. */
  holds(seen: LinesSeen): boolean
}

type Lines = readonly Row[] | undefined

/** The closures of a condition on the cart's lines. `every_line` asks for one line at least: an empty cart fulfils nothing. */
export function lineTest(leaf: Leaf, layout: RowLayout, compileWhere: CompileWhere): LineTest {
  const { position } = layout.slotOf('lines')
  const where = whereOf(leaf)
  const matches = where ? compileWhere(where, layout.lines!) : () => true
  const measure = measureOf(leaf.operator)
  const measured =
    measure === 'count' ? undefined : layout.lines!.slotOf(measure === 'quantity' ? 'line.quantity' : 'line.subtotal').position
  return {
    test: decidingTest(leaf, position, matches, measured),
    see: (row) => seeLines(row[position] as Lines, matches, measured),
    holds: (seen) => holdsForSeen(leaf, seen),
  }
}

/** The conditions inside a line operator; null where every line counts. */
export function whereOf(leaf: Leaf): Conditions | null {
  const value = leaf.value as Conditions | LinesMeasured
  return 'where' in value ? value.where : value
}

/** The number in the value of an operator that measures lines. */
export function measuredBound(leaf: Leaf): number {
  return (leaf.value as unknown as Record<string, number>)[measureOf(leaf.operator)]!
}

function decidingTest(leaf: Leaf, position: number, matches: Test, measured: number | undefined): Test {
  const lines = (row: Row) => row[position] as Lines
  switch (leaf.operator) {
    case 'any_line':
      return (row) => someLine(lines(row), matches, true) === true
    case 'no_line':
      return (row) => someLine(lines(row), matches, true) === false
    case 'every_line':
      return (row) => someLine(lines(row), matches, false) === false && lines(row)!.length > 0
    default: {
      const bound = measuredBound(leaf)
      const atLeast = isAtLeast(leaf.operator)
      return (row) => {
        const found = lines(row)
        return found !== undefined && reaches(found, matches, measured, atLeast ? bound : bound + 1) === atLeast
      }
    }
  }
}

/** Whether some line gives that answer; undefined when the lines are missing. */
function someLine(lines: Lines, matches: Test, answer: boolean): boolean | undefined {
  if (lines === undefined) return undefined
  for (let index = 0; index < lines.length; index++) if (matches(lines[index]!) === answer) return true
  return false
}

/** Whether the matching lines come to a whole number or more. What is measured is never negative. */
function reaches(lines: readonly Row[], matches: Test, measured: number | undefined, bound: number): boolean {
  let sum = 0
  for (let index = 0; index < lines.length && sum < bound; index++) {
    const line = lines[index]!
    if (matches(line)) sum += measured === undefined ? 1 : (line[measured] as number)
  }
  return sum >= bound
}

function seeLines(lines: Lines, matches: Test, measured: number | undefined): LinesSeen | null {
  if (lines === undefined) return null
  const seen: LinesSeen = { measured: 0, matching: 0, lines: lines.length }
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!
    if (!matches(line)) continue
    seen.matching++
    seen.measured += measured === undefined ? 1 : (line[measured] as number)
  }
  return seen
}

function holdsForSeen(leaf: Leaf, { lines, matching, measured }: LinesSeen): boolean {
  switch (leaf.operator) {
    case 'any_line':
      return matching > 0
    case 'no_line':
      return matching === 0
    case 'every_line':
      return lines > 0 && matching === lines
    default:
      return isAtLeast(leaf.operator) ? measured >= measuredBound(leaf) : measured <= measuredBound(leaf)
  }
}
