import type { LineFacts } from '../rules/fact-values.ts'
import type { GiftVariant, PricingLine } from './pricing-input.ts'

/** Pieces of one line that cost the same by now. */
export interface Run {
  count: bigint
  /** What is left of one piece's price. */
  each: bigint
  /** Whether a "buy x get y" has counted these pieces, as bought or as given. */
  used: boolean
}

/** A line while it is being priced. */
export interface WorkingLine {
  id: string
  kind: 'item' | 'gift'
  goods: PricingLine | GiftVariant
  quantity: bigint
  /** As in the catalogue. */
  listPrice: bigint
  /** As charged: without home tax where that is taken out. */
  unitPrice: bigint
  /** What discounts must leave of one piece. */
  floor: bigint
  subtotal: bigint
  /** What is left of the subtotal; the sum over `runs`. */
  remaining: bigint
  runs: Run[]
  /** Whether its price is reduced already: on sale, or by a promotion. */
  reduced: boolean
  facts: LineFacts
  /** Which conditions on lines it meets, by their number in the compiled pricing. */
  matches: (boolean | undefined)[]
}

export interface WorkingShipping {
  method: string
  name: string
  taxCategory: string | null
  amount: bigint
  remaining: bigint
}

/** The cart while it is being priced. Lines lie in the order of their ids, which no input can change; gifts behind them. */
export interface WorkingCart {
  lines: WorkingLine[]
  shipping: WorkingShipping | null
}

/** So many pieces of a run lose so much each. */
export interface Cut {
  line: WorkingLine
  run: Run
  count: bigint
  off: bigint
  /** Whether a "buy x get y" counts these pieces. */
  use?: boolean
}

/** Pieces that an action reaches. */
export interface Picked {
  line: WorkingLine
  run: Run
  count: bigint
}

/** How much one piece of a run may still lose. */
export function roomOf(line: WorkingLine, run: Run): bigint {
  return run.each > line.floor ? run.each - line.floor : 0n
}

/** All pieces of some lines. */
export function allPieces(lines: readonly WorkingLine[]): Picked[] {
  const picked: Picked[] = []
  for (const line of lines) for (const run of line.runs) picked.push({ line, run, count: run.count })
  return picked
}

export function remainingOf(picked: readonly Picked[]): bigint {
  let sum = 0n
  for (const { run, count } of picked) sum += run.each * count
  return sum
}

/** Takes the cuts off and answers what each line lost, in the order of the lines. Cuts of one run are of different pieces. */
export function applyCuts(cuts: readonly Cut[]): Map<WorkingLine, bigint> {
  const lost = new Map<WorkingLine, bigint>()
  const touched = new Set<WorkingLine>()
  for (const { line, run, count, off, use = false } of cuts) {
    if (count === 0n || (off === 0n && !use)) continue
    run.count -= count
    line.runs.push({ count, each: run.each - off, used: run.used || use })
    touched.add(line)
    if (off === 0n) continue
    line.remaining -= off * count
    line.reduced = true
    lost.set(line, (lost.get(line) ?? 0n) + off * count)
  }
  for (const line of touched) line.runs = merged(line.runs)
  return lost
}

/** Runs from the dearest to the cheapest, equal ones as one. */
function merged(runs: readonly Run[]): Run[] {
  const sorted = runs
    .filter((run) => run.count > 0n)
    .sort((a, b) => (a.each === b.each ? Number(a.used) - Number(b.used) : a.each > b.each ? -1 : 1))
  const kept: Run[] = []
  for (const run of sorted) {
    const last = kept.at(-1)
    if (last && last.each === run.each && last.used === run.used) last.count += run.count
    else kept.push(run)
  }
  return kept
}
