import { setTimeout as pause } from 'node:timers/promises'
import type { AmountAsk, Authorization, CaptureAsk, Outcome, PaymentProvider, ProviderAccount } from '@souk/core/payments/provider.ts'

// As settlements ask: first for the effect, from then on what became of it, and for the effect again only when nothing did.

const DEADLINE_MS = 2_000
const ASK_AGAIN_AFTER_MS = 20

export async function chargeUntilKnown(provider: PaymentProvider, account: ProviderAccount, ask: Authorization): Promise<Outcome> {
  const { paymentId } = ask
  return untilKnown(
    () => provider.authorize(account, ask, deadline()),
    () => provider.find(account, { paymentId, reference: null }, deadline()),
  )
}

export async function captureUntilKnown(
  provider: PaymentProvider,
  account: ProviderAccount,
  paymentId: string,
  ask: CaptureAsk,
): Promise<Outcome> {
  const operation = { kind: 'capture', operationId: ask.operationId } as const
  return untilKnown(
    () => provider.capture(account, ask, deadline()),
    () => provider.find(account, { paymentId, reference: ask.reference, operation }, deadline()),
  )
}

export async function refundUntilKnown(
  provider: PaymentProvider,
  account: ProviderAccount,
  paymentId: string,
  ask: AmountAsk,
): Promise<Outcome> {
  const operation = { kind: 'refund', operationId: ask.operationId } as const
  return untilKnown(
    () => provider.refund(account, ask, deadline()),
    () => provider.find(account, { paymentId, reference: ask.reference, operation }, deadline()),
  )
}

async function untilKnown(perform: () => Promise<Outcome>, find: () => Promise<Outcome>): Promise<Outcome> {
  let outcome = await perform()
  while (outcome.kind === 'unknown') {
    await pause(ASK_AGAIN_AFTER_MS)
    outcome = await find()
    if (outcome.kind === 'absent') outcome = await perform()
  }
  return outcome
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(DEADLINE_MS)
}
