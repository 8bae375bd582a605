import type { PromotionAction } from '../promotion-document.ts'
import { smaller } from '../smaller.ts'
import { allPieces, type Picked, type WorkingLine } from '../working-cart.ts'

type UnitSelection = Pick<
  Extract<PromotionAction, { type: 'fixed' }>,
  'units_max' | 'units_skip' | 'units_group' | 'units_per' | 'units_first'
>

/** Finds the pieces on matching lines that an action reaches. */
export type PickPieces = (lines: readonly WorkingLine[]) => Picked[]

export function compilePick(selection: UnitSelection): PickPieces {
  const { units_max, units_skip, units_group } = selection
  if (units_max === null && units_skip === 0 && units_group === 1) return allPieces
  const window = { skip: BigInt(units_skip), group: BigInt(units_group), max: units_max === null ? null : BigInt(units_max) }
  const sorted = (lines: readonly WorkingLine[]) => inOrder(allPieces(lines), selection.units_first)
  return selection.units_per === 'order'
    ? (lines) => takeWindow(sorted(lines), window)
    : (lines) => lines.flatMap((line) => takeWindow(sorted([line]), window))
}

/** Pieces from the cheapest or the dearest on by what is left of them; equals in the order of their lines. */
export function inOrder(pieces: readonly Picked[], first: 'cheapest' | 'dearest'): Picked[] {
  const sign = first === 'cheapest' ? 1 : -1
  return [...pieces].sort((a, b) => {
    if (a.run.each !== b.run.each) return a.run.each < b.run.each ? -sign : sign
    return a.line.id < b.line.id ? -1 : a.line.id > b.line.id ? 1 : 0
  })
}

/** The first `count` of the pieces. */
export function takeFirst(pieces: readonly Picked[], count: bigint): Picked[] {
  const taken: Picked[] = []
  let left = count
  for (const piece of pieces) {
    if (left <= 0n) break
    const part = smaller(piece.count, left)
    if (part > 0n) taken.push({ ...piece, count: part })
    left -= part
  }
  return taken
}

export function countOf(pieces: readonly Picked[]): bigint {
  let sum = 0n
  for (const { count } of pieces) sum += count
  return sum
}

function takeWindow(pieces: readonly Picked[], window: { skip: bigint; group: bigint; max: bigint | null }): Picked[] {
  const counted = countOf(pieces)
  let end = counted - (counted % window.group)
  if (window.max !== null && window.skip + window.max < end) end = window.skip + window.max
  return dropFirst(takeFirst(pieces, end), window.skip)
}

function dropFirst(pieces: readonly Picked[], count: bigint): Picked[] {
  let left = count
  return pieces.flatMap((piece) => {
    const dropped = smaller(piece.count, left)
    left -= dropped
    return piece.count > dropped ? [{ ...piece, count: piece.count - dropped }] : []
  })
}
