import type { ProviderAccount } from '../payments/provider.ts'

/** One movement of money as the provider has it in its own books. */
export interface StatementLine {
  kind: 'capture' | 'refund'
  /** Ours, when the provider was told it. */
  paymentId: string | null
  /** The provider's name of the movement. */
  reference: string
  amount: bigint
  currency: string
  at: Date
}

/** What a provider says that it really took and gave back. Never called with a transaction open. */
export interface ProviderStatement {
  /** All movements from `from` on, before `until`. Throws when the provider does not answer, or not all of it. */
  read(account: ProviderAccount, period: { from: Date; until: Date }, signal: AbortSignal): Promise<StatementLine[]>
}

/** By the name of the provider. */
export type ProviderStatements = ReadonlyMap<string, ProviderStatement>
