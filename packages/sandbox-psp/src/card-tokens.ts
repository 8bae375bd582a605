import type { Card } from './entries.ts'

export const DECLINES = {
  insufficient_funds: 'The card has not enough funds.',
  card_declined: 'The bank declined the card.',
  expired_card: 'The card has expired.',
  incorrect_cvc: 'The security code is wrong.',
  fraud: 'The payment looks fraudulent.',
  processing_error: 'The bank could not process the card.',
  authentication_required: 'The bank asks for the buyer, who is not there.',
  authentication_failed: 'The buyer refused, or could not prove who they are.',
  method_unavailable: 'There is no such saved method, or it was removed.',
} as const

export type DeclineCode = keyof typeof DECLINES

/** How a payment with a token goes. Where nothing is said, it goes well. */
export interface TokenManners {
  card: Card
  /** At once, or after the buyer has approved. */
  decline?: DeclineCode
  /** The buyer has to approve it on our page. */
  action?: boolean
  /** Only with the buyer there: off session it is declined. */
  buyerNeeded?: boolean
  /** The answer is `processing`, and the outcome comes this much later. */
  settlesAfterMs?: number
  /** A method saved with it has expired the next time. */
  savedExpired?: boolean
  /** The buyer disputes it as soon as it is captured. */
  disputed?: boolean
}

const SETTLES_AFTER_MS = 1_500

const card = (brand: string, last4: string, expYear = 2039): Card => ({ brand, last4, expMonth: 12, expYear })

/** The cards there are: a token each, as the provider's page in a browser would make of a real card. */
export const CARD_TOKENS: Readonly<Record<string, TokenManners>> = {
  tok_ok: { card: card('visa', '4242') },
  tok_mastercard: { card: card('mastercard', '4444') },
  tok_insufficient_funds: { card: card('visa', '9995'), decline: 'insufficient_funds' },
  tok_card_declined: { card: card('visa', '0002'), decline: 'card_declined' },
  tok_expired_card: { card: card('visa', '0069', 2020), decline: 'expired_card' },
  tok_incorrect_cvc: { card: card('visa', '0127'), decline: 'incorrect_cvc' },
  tok_fraud: { card: card('visa', '0019'), decline: 'fraud' },
  tok_processing_error: { card: card('visa', '0119'), decline: 'processing_error' },
  tok_3ds_required: { card: card('visa', '3155'), action: true, buyerNeeded: true },
  tok_3ds_then_declined: { card: card('visa', '8389'), action: true, decline: 'card_declined' },
  tok_buyer_needed: { card: card('visa', '3184'), buyerNeeded: true },
  tok_processing: { card: card('visa', '7726'), settlesAfterMs: SETTLES_AFTER_MS },
  tok_processing_then_declined: { card: card('visa', '7734'), settlesAfterMs: SETTLES_AFTER_MS, decline: 'card_declined' },
  tok_expires: { card: card('visa', '0341'), savedExpired: true },
  tok_disputed: { card: card('visa', '0259'), disputed: true },
}
