import type { PaymentProvider } from '@souk/core/payments/provider.ts'
import type { ProviderStatement } from '@souk/core/reconciliation/statement.ts'
import { SandboxProvider } from './sandbox/sandbox-provider.ts'
import type { ProviderSettings } from './settings.ts'
import { StripeProvider } from './stripe/stripe-provider.ts'

export interface BuiltProviders {
  providers: ReadonlyMap<string, PaymentProvider>
  statements: ReadonlyMap<string, ProviderStatement>
}

/** The providers that this process can call. `manual` is none: there is nobody to call. */
export function buildProviders(settings: ProviderSettings): BuiltProviders {
  const built = [
    ...(settings.stripe === undefined ? [] : [new StripeProvider(settings.stripe.api_bases)]),
    ...(settings.sandbox === undefined ? [] : [new SandboxProvider(settings.sandbox.api_bases)]),
  ]
  return {
    providers: new Map(built.map((provider) => [provider.name, provider])),
    statements: new Map(built.map((provider) => [provider.name, provider])),
  }
}
