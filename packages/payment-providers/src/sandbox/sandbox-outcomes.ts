import type { DeclineCode, OperationKind, Outcome } from '@souk/core/payments/provider.ts'
import type { Answer } from './sandbox-client.ts'
import {
  answeredWire,
  declinedWire,
  errorWire,
  type OperationWire,
  operationWire,
  type PaymentWire,
  paymentWire,
  refusedWire,
} from './sandbox-wire.ts'

// Answers of the sandbox provider as outcomes. An answer counts only when it is about what was asked: over one connection the
// answer to another question may come.

const DECLINES: Readonly<Record<string, DeclineCode>> = {
  insufficient_funds: 'insufficient_funds',
  expired_card: 'expired_card',
  incorrect_cvc: 'incorrect_cvc',
  fraud: 'fraud_suspected',
  authentication_required: 'authentication_required',
  authentication_failed: 'authentication_failed',
  method_unavailable: 'method_unavailable',
}
const OUTCOME_OF = { capture: 'captured', void: 'voided', refund: 'refunded' } as const
const KEY_REFUSED = new Set([401, 403])

type Kind = Exclude<OperationKind, 'authorize'>

/** What came of asking for the money. */
export function authorizeOutcome({ status, body }: Answer, paymentId: string): Outcome {
  if (status === 201) return paymentOutcome(paymentWire.safeParse(body).data, paymentId)
  if (status === 402) return paymentOutcome(declinedWire.safeParse(body).data?.payment, paymentId)
  // Nothing was ever asked under this id, or `find` would have been called and not this: no charge hides behind these.
  if (KEY_REFUSED.has(status)) return declined('method_unavailable', 'The provider refuses the account.')
  if (status === 400) return declined('invalid_request', messageOf(body))
  return unknown(status, body)
}

/** What became of a payment, as a lookup shows it. */
export function lookupOutcome({ status, body }: Answer, paymentId: string): Outcome {
  if (status === 404 && codeOf(body) === 'not_found') return { kind: 'absent' }
  return status === 200 ? paymentOutcome(paymentWire.safeParse(body).data, paymentId) : unknown(status, body)
}

/** What came of a capture, void or refund. */
export function operationOutcome({ status, body }: Answer, kind: Kind, operationId: string): Outcome {
  if (status === 201) {
    const operation = operationWire.safeParse(body).data
    return operation?.operation_id === operationId && operation.kind === kind ? performed(operation) : nonsense()
  }
  if (status === 409) {
    const refused = refusedWire.safeParse(body).data
    return refused?.operation_id === operationId
      ? { kind: 'refused', code: refused.error.code, message: refused.error.message }
      : nonsense()
  }
  const code = codeOf(body)
  if (code !== undefined && (status === 400 || status === 404)) return { kind: 'refused', code, message: messageOf(body) }
  return unknown(status, body)
}

/** What was once answered to an operation, as a lookup shows it. */
export function answeredOutcome({ status, body }: Answer, { kind, operationId }: { kind: Kind; operationId: string }): Outcome {
  if (status === 404 && codeOf(body) === 'not_found') return { kind: 'absent' }
  if (status !== 200) return unknown(status, body)
  const answered = answeredWire.safeParse(body).data
  return answered?.key === operationId && answered.kind === kind ? operationOutcome(answered, kind, operationId) : nonsense()
}

function nonsense(): Outcome {
  return { kind: 'unknown', detail: 'the answer is not about what was asked' }
}

function unknown(status: number, body: unknown): Outcome {
  return { kind: 'unknown', detail: `answered ${status} ${codeOf(body) ?? ''}`.trim() }
}

function paymentOutcome(payment: PaymentWire | undefined, paymentId: string): Outcome {
  if (payment?.payment_id !== paymentId) return nonsense()
  const { id: reference, currency } = payment
  switch (payment.status) {
    case 'requires_action':
      return payment.action === null ? nonsense() : { kind: 'action_required', reference, action: payment.action }
    case 'processing':
      return { kind: 'processing', reference }
    case 'declined': {
      const { code, message } = payment.decline ?? { code: 'card_declined', message: 'Declined.' }
      return { kind: 'declined', reference, code: DECLINES[code] ?? 'card_declined', message }
    }
    case 'voided':
    case 'expired':
      return { kind: 'voided', reference, amount: BigInt(payment.voided), currency }
    default:
      return {
        kind: 'authorized',
        reference,
        authorized: BigInt(payment.authorized),
        captured: BigInt(payment.captured),
        currency,
        method: methodOf(payment),
      }
  }
}

function methodOf({ card, saved_method: savedReference }: PaymentWire) {
  return { type: 'card', brand: card.brand, last4: card.last4, expiryMonth: card.exp_month, expiryYear: card.exp_year, savedReference }
}

function performed({ kind, amount, currency, payment }: OperationWire): Outcome {
  return { kind: OUTCOME_OF[kind], reference: payment.id, amount: BigInt(amount), currency }
}

function declined(code: DeclineCode, message: string): Outcome {
  return { kind: 'declined', reference: null, code, message }
}

function codeOf(body: unknown): string | undefined {
  return errorWire.safeParse(body).data?.error.code
}

function messageOf(body: unknown): string {
  return errorWire.safeParse(body).data?.error.message ?? 'Refused.'
}
