import { randomUUID } from 'node:crypto'
import { newId } from '@souk/core/ids.ts'
import type { AmountAsk, Authorization, CaptureAsk, OperationAsk, ProviderAccount } from '@souk/core/payments/provider.ts'

/** A charge of 10 EUR with nothing special about it. */
export function authorization(special: Partial<Authorization> = {}): Authorization {
  return {
    paymentId: newId(new Date()),
    orderId: randomUUID(),
    amount: 1000n,
    currency: 'EUR',
    capture: 'now',
    token: null,
    savedMethod: null,
    offSession: false,
    save: false,
    customerReference: null,
    returnUrl: null,
    ...special,
  }
}

export function amountAsk(reference: string, amount: bigint): AmountAsk {
  return { operationId: randomUUID(), reference, amount, currency: 'EUR' }
}

export function captureAsk(reference: string, amount: bigint, final = false): CaptureAsk {
  return { ...amountAsk(reference, amount), final }
}

export function voidAsk(reference: string): OperationAsk {
  return { operationId: randomUUID(), reference }
}

export function accountWith(provider: string, secrets: Record<string, string>, apiBase: string | null = null): ProviderAccount {
  return { provider, apiBase, secrets, settings: {} }
}
