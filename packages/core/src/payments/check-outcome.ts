import type { PaymentRow, Review } from './payment.ts'
import type { Outcome } from './provider.ts'

type Authorized = Extract<Outcome, { kind: 'authorized' }>

export interface Differing {
  review: Review
}

/** Whether a provider authorized what it was asked for. What it says instead, when it did not: nothing is confirmed on that. */
export function differenceOf(payment: PaymentRow, said: Authorized): Differing | undefined {
  const captured = payment.capture === 'now' ? payment.amount : 0n
  const reason =
    said.currency !== payment.currency
      ? 'currency_differs'
      : said.authorized !== payment.amount
        ? 'amount_differs'
        : said.captured !== captured
          ? 'capture_differs'
          : undefined
  if (!reason) return undefined
  return {
    review: {
      reason,
      operation: 'authorize',
      expected: { amount: String(payment.amount), currency: payment.currency, captured: String(captured) },
      found: { amount: String(said.authorized), currency: said.currency, captured: String(said.captured), reference: said.reference },
    },
  }
}
