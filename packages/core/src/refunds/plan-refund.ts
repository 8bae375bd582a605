import { divide } from '../money.ts'
import { type Charged, type Refund, type RefundedBefore, type RefundShares, refundShares } from '../pricing/refund-shares.ts'
import { smaller } from '../pricing/smaller.ts'
import { Refusal } from '../refusal.ts'

/** What of an order's money can still be given back. Refunds that are under way count as given. */
export interface Refundable {
  charged: Charged
  /** What was refunded before, in lines and shipping. */
  before: RefundedBefore
  /** Captured, less what was refunded or is held back by a dispute; over all payments. */
  amount: bigint
  /** The tax in it. */
  tax: bigint
  payments: readonly PaymentLeft[]
}

export interface PaymentLeft {
  id: string
  provider: string
  sourceId: string | null
  left: bigint
}

/** Lines are named as in `charged`. */
export interface WantedRefund extends Refund {
  /** What goes back in all: alone, any amount or all that is left; with lines or shipping, no more than their shares. */
  amount: bigint | 'rest' | undefined
}

export interface RefundPlan {
  amount: bigint
  tax: bigint
  lines: RefundShares['lines']
  shipping: RefundShares['shipping']
  /** Of the shares, what stays with the merchant. */
  withheld: bigint
  /** Out of which payments, in the order in which they are emptied. */
  parts: { payment: PaymentLeft; amount: bigint; tax: bigint }[]
}

/** Cards and wallets first, then what came in by hand, then what is a debt of the merchant to the buyer anyway. */
const EMPTIED_LATER = ['manual', 'gift_card', 'store_credit']

/**
 * What a refund comes to, and which payments it is taken from. Pure. Refuses what `refundShares` refuses, `amount_out_of_range` for
 * nothing or more than the shares, and `refund_exceeds_capture` for more than is left.
 */
export function planRefund(refundable: Refundable, wanted: WantedRefund): RefundPlan {
  const shares = refundShares(refundable.charged, wanted, refundable.before)
  const isFree = wanted.lines.length === 0 && wanted.shipping === 0n
  const amount = wanted.amount === 'rest' ? refundable.amount : (wanted.amount ?? shares.amount)
  assertAmount(amount, isFree ? undefined : shares.amount, refundable.amount)
  const { lines, shipping } = shares
  const tax = taxIn(amount, isFree ? undefined : shares, refundable)
  return { amount, tax, lines, shipping, withheld: isFree ? 0n : shares.amount - amount, parts: split(refundable.payments, amount, tax) }
}

function assertAmount(amount: bigint, ofShares: bigint | undefined, left: bigint): void {
  if (ofShares !== undefined && amount > ofShares)
    throw outOfRange(`The lines and the shipping were charged ${ofShares} minor units: what goes beyond is a refund of its own.`)
  if (amount > left || left <= 0n)
    throw new Refusal('refund_exceeds_capture', {
      detail: `${left} minor units are left to refund.`,
      errors: [{ pointer: '/amount', code: 'refund_exceeds_capture' }],
      extra: { left: Number(left) },
    })
  if (amount <= 0n) throw outOfRange('There is nothing to give back.')
}

/**
 * The tax in a refund: that of the shares, or what is in any other part of what is left. Never more than is left of it, and never so
 * little that the rest would be all tax: the last refund takes what is left.
 */
function taxIn(amount: bigint, shares: Pick<RefundShares, 'amount' | 'tax'> | undefined, left: Pick<Refundable, 'amount' | 'tax'>): bigint {
  const own = shares ? divide(shares.tax * amount, shares.amount, 'half_up') : divide(left.tax * amount, left.amount, 'half_up')
  const [least, most] = [left.tax - (left.amount - amount), smaller(left.tax, amount)]
  if (amount === left.amount) return most
  if (own < least) return least
  return smaller(own, most)
}

function split(payments: readonly PaymentLeft[], amount: bigint, tax: bigint): RefundPlan['parts'] {
  const parts: RefundPlan['parts'] = []
  let taken = 0n
  for (const payment of [...payments].sort(byTurn)) {
    const part = smaller(payment.left, amount - taken)
    if (part <= 0n) continue
    // Each mark is rounded by itself: the parts have exactly the tax of the whole.
    const until = (mark: bigint) => divide(tax * mark, amount, 'half_up')
    parts.push({ payment, amount: part, tax: until(taken + part) - until(taken) })
    taken += part
  }
  return parts
}

/** Of the same kind the older one comes first: ids grow with the time. */
function byTurn(one: PaymentLeft, other: PaymentLeft): number {
  const turn = EMPTIED_LATER.indexOf(one.provider) - EMPTIED_LATER.indexOf(other.provider)
  return turn !== 0 ? turn : one.id < other.id ? -1 : 1
}

function outOfRange(detail: string): Refusal {
  return new Refusal('amount_out_of_range', { detail, errors: [{ pointer: '/amount', code: 'amount_out_of_range' }] })
}
