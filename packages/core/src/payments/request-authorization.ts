import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { OperationDetail } from './payment.ts'
import type { Authorization, CaptureMode } from './provider.ts'

/** One attempt to pay an order, or a part of it, through a provider. */
export interface Attempt {
  paymentId: string
  orderId: string
  provider: string
  amount: bigint
  currency: string
  capture: CaptureMode
  customerId: string | null
  /** How long its buyer has, by the database's clock. */
  minutes: number
  method: NonNullable<OperationDetail['authorize']>
  elseAsksBuyer?: boolean | undefined
  actor: Actor
  now: Date
}

type Scope = Pick<Tx, 'merchantId' | 'sql'>

/**
 * Writes an attempt down, with its first call begun: whoever commits this asks the provider next, and if that process dies the
 * worker's round finds the attempt by its due_at and asks what became of it.
 */
export async function requestAuthorization(tx: Tx, attempt: Attempt): Promise<void> {
  await tx.sql`with paid as (${insertAttempt(tx, attempt)}) ${insertAuthorization(tx, attempt)}`
}

/** The insert of the payment; as a part of a larger statement. */
export function insertAttempt(tx: Scope, attempt: Attempt): Query {
  return tx.sql`
    insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, capture, expires_at, created_at, updated_at)
    values (${tx.merchantId}, ${attempt.paymentId}, ${attempt.orderId}, ${attempt.provider}, ${attempt.provider}, 'pending',
      ${attempt.amount}, ${attempt.currency}, ${attempt.capture}, now() + make_interval(mins => ${attempt.minutes}::int), ${attempt.now},
      ${attempt.now})`
}

// Longer than any request lives: whoever holds the first call has answered or is dead.
const FIRST_LOOK_SECONDS = 45

/** The insert of what the provider is asked; its id is the payment's. As a part of a larger statement. */
export function insertAuthorization(tx: Scope, attempt: Attempt): Query {
  const detail: OperationDetail = { authorize: attempt.method, ...(attempt.elseAsksBuyer && { elseAsksBuyer: true }) }
  return tx.sql`
    insert into payment_operation (merchant_id, id, payment_id, order_id, kind, amount, currency, detail, attempts, due_at, requested_by,
      requested_at)
    values (${tx.merchantId}, ${attempt.paymentId}, ${attempt.paymentId}, ${attempt.orderId}, 'authorize', ${attempt.amount},
      ${attempt.currency}, ${JSON.stringify(detail)}::jsonb, 1, now() + make_interval(secs => ${FIRST_LOOK_SECONDS}::int),
      ${JSON.stringify(attempt.actor)}::jsonb, ${attempt.now})`
}

/** What the provider is asked for an attempt. */
export function authorizationOf(
  attempt: Pick<Attempt, 'paymentId' | 'orderId' | 'amount' | 'currency' | 'capture' | 'customerId' | 'method'>,
): Authorization {
  const { paymentId, orderId, amount, currency, capture, customerId, method } = attempt
  return { paymentId, orderId, amount, currency, capture, customerReference: customerId, ...method }
}
