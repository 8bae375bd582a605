/**
 * pending: asked, or about to be, with no answer yet; of a payment by hand: not come in yet. requires_action: the buyer has to do
 * something. review: the provider says something else than it was asked for, and staff decide. The others follow from amounts.
 */
export const PAYMENT_STATES = [
  'pending',
  'requires_action',
  'authorized',
  'part_captured',
  'captured',
  'failed',
  'voided',
  'review',
] as const
export type PaymentState = (typeof PAYMENT_STATES)[number]

/** Payments that people settle by hand. */
export const MANUAL_METHODS = ['invoice', 'cash_on_delivery'] as const
export type ManualMethod = (typeof MANUAL_METHODS)[number]

export interface Failure {
  code: string
  message: string
}

/** What the buyer has to do. Kept as it goes over the wire. */
export type NextAction = { type: 'redirect'; url: string } | { type: 'client'; client_secret: string }

/** How somebody paid, as it may be shown. */
export interface MethodShown {
  type: string
  brand: string | null
  last4: string | null
  expiryMonth: number | null
  expiryYear: number | null
}

/** What an order waits for, or has: the part of a payment that its buyer and staff see. Amounts in minor units. */
export interface Payment {
  id: string
  provider: string
  /** What by: `invoice`, `card`, `gift_card`, … */
  method: string
  status: PaymentState
  amount: bigint
  captured: bigint
  refunded: bigint
  methodShown: MethodShown | null
  nextAction: NextAction | null
  failure: Failure | null
  /** Until when an attempt may be settled by its buyer. */
  expiresAt: Date | null
}
