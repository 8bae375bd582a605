import { divide } from '../money.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import type { Adjustment, PricedLine, PricedShipping } from './priced-cart.ts'
import { smaller } from './smaller.ts'

/** What is to be refunded: so many pieces of each line, and so much of the shipping (tax in it). */
export interface Refund {
  lines: readonly { lineId: string; quantity: bigint }[]
  shipping: bigint
}

/** A part of what a line or the shipping was charged: what of an adjustment goes back with it. */
export interface RefundedPart {
  source: Adjustment['source']
  code: string
  reason: string
  /** Signed as the adjustment: a discount that is taken back is negative. */
  amount: bigint
  included: boolean
}

export interface RefundedLine {
  lineId: string
  quantity: bigint
  /** What the buyer gets back, tax in it. */
  amount: bigint
  /** The tax in it. */
  tax: bigint
  parts: RefundedPart[]
}

export interface RefundShares {
  lines: RefundedLine[]
  shipping: { amount: bigint; tax: bigint; parts: RefundedPart[] }
  /** What the buyer gets back in all. */
  amount: bigint
  tax: bigint
}

/** What an order was charged by: the stored result of its pricing. */
export interface Charged {
  lines: readonly Pick<PricedLine, 'id' | 'quantity' | 'total'>[]
  shipping: Pick<PricedShipping, 'total'> | null
  adjustments: readonly Pick<Adjustment, 'source' | 'code' | 'reason' | 'included' | 'shares'>[]
}

/** What was refunded already, with what was given for the pieces of each line, by the price they had then. */
export interface RefundedBefore extends Refund {
  lines: readonly { lineId: string; quantity: bigint; amount?: bigint; tax?: bigint }[]
}

export const NOTHING_REFUNDED: RefundedBefore = { lines: [], shipping: 0n }

/**
 * What goes back for pieces of lines and a part of the shipping, out of the stored shares: nothing is priced anew. `before` is
 * all that was refunded already. Whatever is refunded in whatever order and portions, all together gives back exactly what
 * was paid, and each share exactly what it was; no portion is negative. The pieces of one line are equal among
 * themselves, also where a promotion made one of them free. Where an order was edited between two refunds, and pieces were given back
 * at another price, the pieces that are left share what is left of the line.
 *
 * Refuses `quantity_out_of_range` for more pieces than are left, `amount_out_of_range` for more shipping, `not_found` for a
 * line that is not there.
 */
export function refundShares(charged: Charged, refund: Refund, before: RefundedBefore = NOTHING_REFUNDED): RefundShares {
  const gone = quantities(before)
  const lines = [...quantities(refund)].map(([lineId, quantity], index) => {
    const line = charged.lines.find(({ id }) => id === lineId)
    if (!line) throw refused('not_found', index, 'lineId', 'There is no such line.')
    const from = gone.get(lineId) ?? 0n
    if (quantity < 0n || from + quantity > line.quantity)
      throw refused('quantity_out_of_range', index, 'quantity', `Only ${line.quantity - from} pieces are left to refund.`)
    const given = before.lines.find((other) => other.lineId === lineId)
    return refundLine(charged, line, { from, to: from + quantity }, given)
  })
  const shipping = refundShipping(charged, { from: before.shipping, to: before.shipping + refund.shipping })
  const all = [...lines, shipping]
  return {
    lines,
    shipping,
    amount: all.reduce((sum, { amount }) => sum + amount, 0n),
    tax: all.reduce((sum, { tax }) => sum + tax, 0n),
  }
}

/** From so many pieces, or minor units, refunded to so many. */
interface Span {
  from: bigint
  to: bigint
}

function refundLine(
  charged: Charged,
  line: Charged['lines'][number],
  span: Span,
  given: RefundedBefore['lines'][number] | undefined,
): RefundedLine {
  const isOfLine = (target: Adjustment['shares'][number]['target']) => 'lineId' in target && target.lineId === line.id
  const parts = partsOf(charged, isOfLine, span, line.quantity)
  if (given?.amount !== undefined && given.amount !== portion(line.total, { from: 0n, to: span.from }, line.quantity)) {
    const taxOfLine = taxOf(partsOf(charged, isOfLine, { from: 0n, to: line.quantity }, line.quantity))
    const rest = { total: atLeastNothing(line.total - given.amount), tax: atLeastNothing(taxOfLine - (given.tax ?? 0n)) }
    return restOfLine(line.id, rest, { from: 0n, to: span.to - span.from }, line.quantity - span.from)
  }
  return {
    lineId: line.id,
    quantity: span.to - span.from,
    amount: portion(line.total, span, line.quantity),
    tax: taxOf(parts),
    parts,
  }
}

/** Pieces that share what is left of a line; how it came about is not told in parts. */
function restOfLine(lineId: string, rest: { total: bigint; tax: bigint }, span: Span, pieces: bigint): RefundedLine {
  const amount = portion(rest.total, span, pieces)
  const tax = portion(rest.tax, span, pieces)
  return { lineId, quantity: span.to, amount, tax: smaller(tax, amount), parts: [] }
}

function refundShipping(charged: Charged, span: Span): RefundShares['shipping'] {
  const total = charged.shipping?.total ?? 0n
  if (span.from === span.to) return { amount: 0n, tax: 0n, parts: [] }
  if (span.from > span.to || span.to > total)
    throw new Refusal('amount_out_of_range', {
      detail: `Only ${total - span.from} minor units of the shipping are left to refund.`,
      errors: [{ pointer: '/shipping', code: 'amount_out_of_range' }],
    })
  const parts = partsOf(charged, (target) => 'shipping' in target, span, total)
  return { amount: span.to - span.from, tax: taxOf(parts), parts }
}

function partsOf(
  charged: Charged,
  isOf: (target: Adjustment['shares'][number]['target']) => boolean,
  span: Span,
  whole: bigint,
): RefundedPart[] {
  return charged.adjustments.flatMap(({ source, code, reason, included, shares }) => {
    const share = shares.reduce((sum, { target, amount }) => (isOf(target) ? sum + amount : sum), 0n)
    const amount = portion(share, span, whole)
    return amount === 0n ? [] : [{ source, code, reason, amount, included }]
  })
}

/**
 * The part of an amount that lies between two marks of a whole. Each mark is rounded by itself, so parts that lie next to each
 * other add up to the amount between their outer marks, down to the minor unit.
 */
function portion(amount: bigint, { from, to }: Span, whole: bigint): bigint {
  if (from === to) return 0n
  const until = (mark: bigint) => divide(amount * mark, whole, 'half_up')
  return until(to) - until(from)
}

function atLeastNothing(amount: bigint): bigint {
  return amount > 0n ? amount : 0n
}

function taxOf(parts: readonly RefundedPart[]): bigint {
  return parts.reduce((sum, { source, amount }) => (source === 'tax' ? sum + amount : sum), 0n)
}

function quantities({ lines }: Refund): Map<string, bigint> {
  const byLine = new Map<string, bigint>()
  for (const { lineId, quantity } of lines) byLine.set(lineId, (byLine.get(lineId) ?? 0n) + quantity)
  return byLine
}

function refused(code: 'not_found' | 'quantity_out_of_range', index: number, field: string, detail: string): Refusal {
  const errors: FieldProblem[] = [{ pointer: `/lines/${index}/${field}`, code }]
  return new Refusal(code, { detail, errors })
}
