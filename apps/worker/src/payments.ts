import { PAYMENT_CALL_TIMEOUT_MS, PAYMENT_SECRETS_PURPOSE, PaymentBreakers, type PaymentDeps } from '@souk/core/payments/call-provider.ts'
import type { ProviderStatements } from '@souk/core/reconciliation/statement.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import { buildProviders } from '@souk/payment-providers/providers.ts'
import type { WorkerConfig } from './config.ts'

/** What the worker's tasks need to ask payment providers what became of payments, and for their statements. */
export function paymentDeps(config: Pick<WorkerConfig, 'paymentProviders' | 'tokenKeys'>): {
  payments: PaymentDeps
  statements: ProviderStatements
} {
  const { providers, statements } = buildProviders(config.paymentProviders)
  const secretBox = new SecretBox({ keys: config.tokenKeys }, PAYMENT_SECRETS_PURPOSE)
  return { payments: { providers, secretBox, breakers: new PaymentBreakers(), callTimeoutMs: PAYMENT_CALL_TIMEOUT_MS }, statements }
}
