import type { DisputeNotice, ProviderNotice } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { fromStripeAmount } from './stripe-amount.ts'
import { PAYMENT_ID } from './stripe-outcomes.ts'

/** What an event of Stripe's means to us. What is of no use is `other`: it is acknowledged, and nothing follows. */
export function noticeOf(event: Stripe.Event): ProviderNotice {
  const nothing: ProviderNotice = { eventId: event.id, kind: 'other', paymentId: null, reference: null }
  if (event.type.startsWith('payment_intent.')) {
    const intent = event.data.object as Stripe.PaymentIntent
    return { ...nothing, kind: 'payment', paymentId: intent.metadata[PAYMENT_ID] ?? null, reference: intent.id }
  }
  if (event.type.startsWith('charge.dispute.')) {
    const dispute = event.data.object as Stripe.Dispute
    const told = disputeOf(dispute)
    return told === undefined ? nothing : { ...nothing, kind: 'dispute', reference: idOf(dispute.payment_intent), dispute: told }
  }
  if (/^(refund\.|charge\.refund)/.test(event.type)) {
    const { payment_intent: intent } = event.data.object as Stripe.Refund | Stripe.Charge
    return { ...nothing, kind: 'refund', reference: idOf(intent) }
  }
  return nothing
}

/**
 * An inquiry, whose statuses begin with `warning_`, takes no money and is none yet. Neither is one that was prevented, unless the money
 * went to the buyer for that. One that was lost stays so while it is appealed against.
 */
function disputeOf(dispute: Stripe.Dispute): DisputeNotice | undefined {
  const status = statusOf(dispute)
  if (status === undefined) return undefined
  const currency = dispute.currency.toUpperCase()
  const { due_by: dueBy } = dispute.evidence_details
  return {
    reference: dispute.id,
    status,
    amount: fromStripeAmount(dispute.amount, currency),
    currency,
    reason: dispute.reason,
    dueBy: dueBy === null ? null : new Date(dueBy * 1000),
  }
}

function idOf(intent: string | { id: string } | null): string | null {
  return typeof intent === 'string' ? intent : (intent?.id ?? null)
}

function statusOf({ status, balance_transactions: movements }: Stripe.Dispute): DisputeNotice['status'] | undefined {
  if (status.startsWith('warning_')) return undefined
  if (status === 'prevented') return movements.reduce((sum, { amount }) => sum + amount, 0) < 0 ? 'lost' : undefined
  if (status === 'won') return 'won'
  return status === 'lost' || status.startsWith('appeal_') ? 'lost' : 'opened'
}
