import type { StatementLine } from './statement.ts'

/** A movement of money in our books. */
export interface BookedMovement {
  kind: StatementLine['kind']
  paymentId: string
  amount: bigint
  currency: string
  at: Date
}

export type DifferenceKind =
  /** The provider has moved money that we know nothing of. */
  | 'missing_in_books'
  /** We have booked what the provider has not done. */
  | 'missing_at_provider'
  | 'amount_differs'
  | 'currency_differs'
  /** Of a payment that was never one of ours. */
  | 'unknown_payment'

export interface Difference {
  kind: DifferenceKind
  movement: StatementLine['kind']
  paymentId: string | null
  /** The provider's name of its movement. */
  reference: string | null
  ours: { amount: bigint; currency: string } | null
  theirs: { amount: bigint; currency: string } | null
  at: Date
}

export interface Books {
  movements: readonly BookedMovement[]
  /** Of the payments that the statement names, those that are ours; with an operation under way their movements may come late. */
  payments: ReadonlyMap<string, { underWay: boolean }>
}

/**
 * Holds our books against a provider's statement, movement by movement. Pure. Both are of the period and of some time around
 * it, because clocks differ and answers come late: what has its like on the other side is in order, and what has none counts
 * if it is of the period itself, unless it is under way.
 */
export function compareBooks(books: Books, lines: readonly StatementLine[], period: { from: Date; until: Date }): Difference[] {
  const isOfPeriod = ({ at }: { at: Date }) => at >= period.from && at < period.until
  const unmatched = [...books.movements]
  const differences: Difference[] = []
  const open: StatementLine[] = []
  for (const line of lines) {
    const match = unmatched.findIndex(
      (booked) => isLike(booked, line) && booked.amount === line.amount && booked.currency === line.currency,
    )
    if (match >= 0) unmatched.splice(match, 1)
    else open.push(line)
  }
  for (const line of withoutUndone(open, books)) {
    const payment = line.paymentId === null ? undefined : books.payments.get(line.paymentId)
    const near = unmatched.findIndex((booked) => isLike(booked, line))
    const [booked] = near >= 0 ? unmatched.splice(near, 1) : []
    if (payment?.underWay || !(isOfPeriod(line) || (booked && isOfPeriod(booked)))) continue
    differences.push(difference(booked, line, payment !== undefined))
  }
  for (const booked of unmatched)
    if (isOfPeriod(booked) && !books.payments.get(booked.paymentId)?.underWay) differences.push(difference(booked, undefined, true))
  return differences
}

/**
 * Without what was taken and given back again while we never counted on it: a payment that turned out to be of another amount than
 * was asked for is not booked, and neither is its refund.
 */
function withoutUndone(lines: readonly StatementLine[], { payments }: Books): StatementLine[] {
  const left = [...lines]
  for (const refund of lines.filter(({ kind, paymentId }) => kind === 'refund' && paymentId !== null && payments.has(paymentId))) {
    const taken = left.findIndex(
      ({ kind, paymentId, amount, currency }) =>
        kind === 'capture' && paymentId === refund.paymentId && amount === refund.amount && currency === refund.currency,
    )
    if (taken < 0) continue
    left.splice(taken, 1)
    left.splice(left.indexOf(refund), 1)
  }
  return left
}

function isLike(booked: BookedMovement, line: StatementLine): boolean {
  return booked.paymentId === line.paymentId && booked.kind === line.kind
}

function difference(booked: BookedMovement | undefined, line: StatementLine | undefined, isOurs: boolean): Difference {
  const known = (line ?? booked)!
  return {
    kind: kindOf(booked, line, isOurs),
    movement: known.kind,
    paymentId: known.paymentId,
    reference: line?.reference ?? null,
    ours: booked ? { amount: booked.amount, currency: booked.currency } : null,
    theirs: line ? { amount: line.amount, currency: line.currency } : null,
    at: known.at,
  }
}

function kindOf(booked: BookedMovement | undefined, line: StatementLine | undefined, isOurs: boolean): DifferenceKind {
  if (!line) return 'missing_at_provider'
  if (!isOurs) return 'unknown_payment'
  if (!booked) return 'missing_in_books'
  return booked.currency === line.currency ? 'amount_differs' : 'currency_differs'
}
