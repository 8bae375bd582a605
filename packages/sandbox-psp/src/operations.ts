import type { Entry, PaymentState } from './entries.ts'
import type { Refused } from './refuse.ts'
import { openAmount, type State } from './state.ts'

/** What an operation comes to: entries, and a refusal when it cannot be done. Both are for good. */
export interface Decided {
  entries: Entry[]
  /** What the operation moved. */
  amount: number
  refused: Refused | null
}

export interface CaptureAsk {
  amount: number
  currency: string
  final: boolean
}

export interface RefundAsk {
  amount: number
  currency: string
}

export function capture(payment: PaymentState, ask: CaptureAsk, key: string, now: Date): Decided {
  const open = openAmount(payment)
  if (open === 0) return refuse('nothing_to_capture', `The payment is ${payment.status}.`)
  if (now.getTime() > payment.expiresAt)
    return {
      ...refuse('authorization_expired', 'The authorization has expired.'),
      entries: [{ type: 'payment_expired', payment: payment.id }],
    }
  if (ask.currency !== payment.currency) return refuse('currency_mismatch', `The payment is in ${payment.currency}.`)
  if (ask.amount > open) return refuse('amount_too_large', `No more than ${open} can be captured.`)
  const entries: Entry[] = [{ type: 'payment_captured', payment: payment.id, amount: ask.amount, key }]
  if (ask.final && ask.amount < open) entries.push({ type: 'payment_voided', payment: payment.id, amount: open - ask.amount, key: null })
  return { entries, amount: ask.amount, refused: null }
}

/** Lets go what is still open, and ends the wait for a buyer. */
export function voidPayment(payment: PaymentState, key: string): Decided {
  const open = openAmount(payment)
  if (open === 0 && payment.status !== 'requires_action') {
    const code = payment.status === 'processing' ? 'in_process' : 'nothing_to_void'
    return refuse(code, `The payment is ${payment.status}.`)
  }
  return { entries: [{ type: 'payment_voided', payment: payment.id, amount: open, key }], amount: open, refused: null }
}

/** Never more than is captured, not refunded yet, and not taken back by a dispute. */
export function refund(state: State, payment: PaymentState, ask: RefundAsk, key: string): Decided {
  if (payment.captured === 0) return refuse('nothing_to_refund', `The payment is ${payment.status}.`)
  if (ask.currency !== payment.currency) return refuse('currency_mismatch', `The payment is in ${payment.currency}.`)
  const left = payment.captured - payment.refunded - disputedAmount(state, payment)
  if (ask.amount > left) return refuse('amount_too_large', `No more than ${left} can be refunded.`)
  return { entries: [{ type: 'payment_refunded', payment: payment.id, amount: ask.amount, key }], amount: ask.amount, refused: null }
}

/** What disputes have taken, or hold while they are open. */
export function disputedAmount(state: State, payment: PaymentState): number {
  return state
    .disputesOf(payment.id)
    .filter(({ status }) => status !== 'won')
    .reduce((sum, { amount }) => sum + amount, 0)
}

function refuse(code: string, message: string): Decided {
  return { entries: [], amount: 0, refused: { code, message } }
}
