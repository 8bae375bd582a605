import type { StatementLine } from '@souk/core/reconciliation/statement.ts'
import type Stripe from 'stripe'
import { fromStripeAmount } from './stripe-amount.ts'
import { PAYMENT_ID } from './stripe-outcomes.ts'

const PAGE = 100
const CAPTURES = new Set(['charge', 'payment'])
const REFUNDS = new Set(['refund', 'payment_refund'])

/** Movements of the account's balance, in the currency the buyer paid in: a balance may be kept in another one. */
export async function readStatement(stripe: Stripe, { from, until }: { from: Date; until: Date }): Promise<StatementLine[]> {
  const created = { gte: Math.floor(from.getTime() / 1000), lt: Math.ceil(until.getTime() / 1000) }
  const lines: StatementLine[] = []
  for await (const transaction of stripe.balanceTransactions.list({ created, limit: PAGE, expand: ['data.source'] })) {
    const { source, type } = transaction
    if (source === null || typeof source === 'string') continue
    const at = new Date(transaction.created * 1000)
    if (CAPTURES.has(type)) lines.push(captureLine(source as Stripe.Charge, at))
    else if (REFUNDS.has(type)) lines.push(refundLine(source as Stripe.Refund, at))
  }
  return lines
}

function captureLine({ id: reference, amount_captured: captured, currency, metadata }: Stripe.Charge, at: Date): StatementLine {
  const amount = fromStripeAmount(captured, currency.toUpperCase())
  return { kind: 'capture', paymentId: metadata[PAYMENT_ID] ?? null, reference, amount, currency: currency.toUpperCase(), at }
}

function refundLine({ id: reference, amount: refunded, currency, metadata }: Stripe.Refund, at: Date): StatementLine {
  const amount = fromStripeAmount(refunded, currency.toUpperCase())
  return { kind: 'refund', paymentId: metadata?.[PAYMENT_ID] ?? null, reference, amount, currency: currency.toUpperCase(), at }
}
