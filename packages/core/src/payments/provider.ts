import type { MethodShown, NextAction } from '../orders/order-payment.ts'

/**
 * What a payment service provider can do for us, and how its answers read. An adapter speaks the provider's own protocol;
 * nothing in core does. It is never called with a transaction open, and never twice at once for one operation. Everything
 * it is asked carries an id of ours that the provider takes as its idempotency key: the same call made twice has one effect.
 */
export interface PaymentProvider {
  name: string
  /** It moves nobody's money: a sandbox may ask it too. */
  movesNoMoney?: true
  /** The secrets a merchant's account has. The first ones are for calls; `callback_secret` verifies what the provider sends. */
  secretNames: readonly string[]
  /** The addresses a merchant may have it called at; the first one is taken when none is chosen. */
  apiBases: readonly string[]
  /** The key of the effect is `ask.paymentId`. */
  authorize(account: ProviderAccount, ask: Authorization, signal: AbortSignal): Promise<Outcome>
  capture(account: ProviderAccount, ask: CaptureAsk, signal: AbortSignal): Promise<Outcome>
  /** Gives up an authorization, or a payment that waits for its buyer. */
  void(account: ProviderAccount, ask: OperationAsk, signal: AbortSignal): Promise<Outcome>
  refund(account: ProviderAccount, ask: AmountAsk, signal: AbortSignal): Promise<Outcome>
  /** What came of a payment or of one of its operations. `absent`: the provider has never heard of it. */
  find(account: ProviderAccount, ask: FindAsk, signal: AbortSignal): Promise<Outcome>
  /** What a callback says. Undefined when its signature does not verify, or it is too old or too new. */
  readCallback(
    account: ProviderAccount,
    callback: { headers: Record<string, string>; rawBody: string },
    now: Date,
  ): ProviderNotice | undefined
}

/** By the name that accounts and payments carry. */
export type Providers = ReadonlyMap<string, PaymentProvider>

/** A merchant's account with a provider, its secrets open: for the moment of a call. */
export interface ProviderAccount {
  provider: string
  apiBase: string | null
  secrets: Record<string, string>
  settings: Record<string, unknown>
}

export type CaptureMode = 'now' | 'later'

export interface Authorization {
  paymentId: string
  /** For the merchant's eyes at the provider. */
  orderId: string
  amount: bigint
  currency: string
  capture: CaptureMode
  /** What the provider's client side gave the buyer's browser; null with a saved method. */
  token: string | null
  /** `MethodFacts.savedReference` of an earlier payment. */
  savedMethod: string | null
  /** The buyer is not there: nobody can confirm anything. */
  offSession: boolean
  /** Whether the method is to be kept for later payments of `customerReference`. */
  save: boolean
  /** Our id of the customer; null for guests. */
  customerReference: string | null
  returnUrl: string | null
}

export interface OperationAsk {
  operationId: string
  /** The provider's name of the payment. */
  reference: string
}

export interface AmountAsk extends OperationAsk {
  amount: bigint
  currency: string
}

export interface CaptureAsk extends AmountAsk {
  /** No capture will follow: what is left of the authorization may be let go. */
  final: boolean
}

export type OperationKind = 'authorize' | 'capture' | 'void' | 'refund'

export interface FindAsk {
  paymentId: string
  reference: string | null
  operation?: { kind: Exclude<OperationKind, 'authorize'>; operationId: string }
}

/** Never a number that could be paid with. */
export interface MethodFacts extends MethodShown {
  /** What a later payment names as `savedMethod`; null when the method was not kept. */
  savedReference: string | null
}

export const DECLINE_CODES = [
  'card_declined',
  'insufficient_funds',
  'expired_card',
  'incorrect_cvc',
  'fraud_suspected',
  'authentication_failed',
  'authentication_required',
  'method_unavailable',
  'limit_exceeded',
  'cancelled',
  'invalid_request',
] as const

export type DeclineCode = (typeof DECLINE_CODES)[number]

/** What the provider says. Only what it says: whether it is what was asked for is checked by whoever asked. */
export type Outcome =
  /** Also of a payment that is captured in whole or in part; `find` answers it with what is captured by then. */
  | { kind: 'authorized'; reference: string; authorized: bigint; captured: bigint; currency: string; method: MethodFacts | null }
  | { kind: 'action_required'; reference: string; action: NextAction }
  | { kind: 'declined'; reference: string | null; code: DeclineCode; message: string }
  /** Amounts are those of the operation, not sums. A payment that `find` is asked about may be `voided`. */
  | { kind: 'captured' | 'voided' | 'refunded'; reference: string; amount: bigint; currency: string }
  /** A capture, void or refund that will never be done. */
  | { kind: 'refused'; code: string; message: string }
  /** The provider has taken it on and is not done. */
  | { kind: 'processing'; reference: string | null }
  | { kind: 'absent' }
  /** Timeout, reset, 5xx, nonsense: it may have happened. */
  | { kind: 'unknown'; detail: string }

/** A callback that verified. What it says of a payment is a wake-up: what is true is asked by `find`. */
export interface ProviderNotice {
  /** The provider's id of the callback: the same one comes several times. */
  eventId: string
  kind: 'payment' | 'refund' | 'dispute' | 'other'
  /** Ours, when the provider gives it back. */
  paymentId: string | null
  /** The provider's name of the payment. */
  reference: string | null
  dispute?: DisputeNotice
}

export interface DisputeNotice {
  reference: string
  status: 'opened' | 'won' | 'lost'
  amount: bigint
  currency: string
  reason: string
  /** Until when evidence is taken. */
  dueBy: Date | null
}
