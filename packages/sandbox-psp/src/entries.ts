import type { Script } from './scripts.ts'

// What the journal holds, and what it adds up to. Amounts are integers of minor units, checked where they come in.

export interface Account {
  id: string
  name: string
  /** SHA-256 of the API key, in hex: the key itself is shown once. */
  keyHash: string
  callbackUrl: string | null
  callbackSecret: string
  callbacks: CallbackManners
}

/** How an account's callbacks are sent. Each draw comes from the seed and the number of the draw. */
export interface CallbackManners {
  /** Kept until they are released. */
  hold: boolean
  /** Each copy waits a random time in between: with more than the time between two events, they arrive out of order. */
  delayMs: { min: number; max: number }
  copies: number
  /** The part that is never sent, from 0 to 1. */
  lose: number
  seed: number
}

export type PaymentStatus =
  | 'requires_action'
  | 'processing'
  | 'authorized'
  | 'part_captured'
  | 'captured'
  | 'declined'
  | 'voided'
  | 'expired'

export interface Card {
  brand: string
  last4: string
  expMonth: number
  expYear: number
}

/** What the provider says instead of the truth. */
export interface Claim {
  amount?: number | undefined
  currency?: string | undefined
}

export interface Payment {
  id: string
  account: string
  /** The merchant's own id of it: one charge each. */
  paymentId: string
  orderNumber: string | null
  amount: number
  currency: string
  capture: 'now' | 'later'
  /** The test token that decides how it goes on. */
  token: string
  card: Card
  customer: string | null
  /** The method it was paid with, when that one was saved before. */
  savedMethod: string | null
  /** The id under which its method is kept once it has gone well. */
  saves: string | null
  /** The secret part of the address of the page where the buyer approves. */
  action: string | null
  returnUrl: string | null
  /** When a payment in process ends by itself, and how: null for well, else with this code. */
  settles: { at: number; decline: string | null } | null
  createdAt: number
  expiresAt: number
}

/** A payment as its entries have left it. */
export interface PaymentState extends Payment {
  status: PaymentStatus
  authorized: number
  captured: number
  refunded: number
  /** What was authorized and let go. */
  voided: number
  decline: string | null
  claim: Claim | null
  operations: Operation[]
}

export type OperationKind = 'capture' | 'refund' | 'void'

export interface Operation {
  kind: OperationKind
  /** The idempotency key it came with; null: done by the provider itself. */
  key: string | null
  amount: number
  at: string
}

export interface SavedMethod {
  id: string
  account: string
  customer: string
  token: string
  card: Card
  state: 'usable' | 'expired' | 'removed'
}

export interface Dispute {
  id: string
  account: string
  payment: string
  amount: number
  reason: string
  dueBy: string
  status: 'open' | 'won' | 'lost'
}

/** The answer to a request with an idempotency key, given again whenever the key comes again. */
export interface Answer {
  account: string
  key: string
  kind: 'authorize' | OperationKind
  /** SHA-256 of the request, in hex. */
  fingerprint: string
  status: number
  body: unknown
  at: string
}

export interface Callback {
  id: string
  account: string
  type: string
  paymentId: string
  body: string
}

export type Entry =
  | { type: 'account_opened'; account: Account }
  | { type: 'account_changed'; account: string; callbackUrl?: string | null; callbacks?: CallbackManners }
  | { type: 'payment_made'; payment: Payment; status: PaymentStatus }
  | { type: 'payment_authorized'; payment: string; amount: number }
  | { type: 'payment_captured' | 'payment_refunded' | 'payment_voided'; payment: string; amount: number; key: string | null }
  | { type: 'payment_declined'; payment: string; code: string }
  | { type: 'payment_expired'; payment: string }
  | { type: 'payment_claimed'; payment: string; claim: Claim }
  | { type: 'method_saved'; method: SavedMethod }
  | { type: 'method_changed'; method: string; state: 'expired' | 'removed' }
  | { type: 'dispute_opened'; dispute: Dispute }
  | { type: 'dispute_closed'; dispute: string; outcome: 'won' | 'lost' }
  | { type: 'answered'; answer: Answer }
  | { type: 'script_added'; script: Script }
  | { type: 'script_asked'; script: string; ran: boolean }
  | { type: 'scripts_cleared'; account: string | null }
  | { type: 'callback_made'; callback: Callback }
  | { type: 'callback_ended'; callback: string; outcome: CallbackOutcome }

export type CallbackOutcome = 'delivered' | 'lost' | 'given_up'
