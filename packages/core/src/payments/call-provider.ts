import type { MerchantEntry } from '@souk/tenant-router/merchant-entry.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import { LRUCache } from 'lru-cache'
import { Breaker, type BreakerLimits } from '../plugins/breaker.ts'
import type { SecretBox } from '../secret-box.ts'
import { openAccount, type SealedAccount } from './accounts.ts'
import type { Outcome, PaymentProvider, ProviderAccount, Providers } from './provider.ts'

export const PAYMENT_SECRETS_PURPOSE = 'souk payment secrets'
export const PAYMENT_CALL_TIMEOUT_MS = 10_000

/** What settling payments needs besides the database. */
export interface PaymentDeps {
  providers: Providers
  /** Opens the keys of merchants' accounts. */
  secretBox: SecretBox
  breakers: PaymentBreakers
  /** How long a settlement waits for a provider, all its calls together. */
  callTimeoutMs: number
}

// A provider that fails is left alone for a moment, and then tried by one call at a time.
const LIMITS: BreakerLimits = { failuresMin: 5, openMs: 10_000, probes: 1 }
const BREAKERS_MAX = 10_000

/** One circuit breaker per merchant and provider: a key that was revoked is nobody else's trouble. */
export class PaymentBreakers {
  readonly #breakers = new LRUCache<string, Breaker>({ max: BREAKERS_MAX })

  of(merchantId: string, provider: string): Breaker {
    const name = `${merchantId}|${provider}`
    const breaker = this.#breakers.get(name) ?? new Breaker(LIMITS)
    this.#breakers.set(name, breaker)
    return breaker
  }
}

export type ProviderCall = (provider: PaymentProvider, account: ProviderAccount, signal: AbortSignal) => Promise<Outcome>

/**
 * One call of a provider, with no transaction open. Never throws, and never takes longer than the deadline: what went wrong is
 * an outcome, `unknown`, because the call may have had its effect.
 */
export async function callProvider(
  deps: PaymentDeps,
  merchant: Pick<MerchantEntry, 'id' | 'sandbox'>,
  account: SealedAccount | undefined,
  deadline: AbortSignal,
  call: ProviderCall,
): Promise<Outcome> {
  // A sandbox has payments of the shop it was copied from, and no account that they were made with.
  if (!account) return { kind: 'unknown', detail: 'there is no account with the provider' }
  const provider = deps.providers.get(account.provider)
  if (merchant.sandbox && !provider?.movesNoMoney) return { kind: 'unknown', detail: 'not asked: a sandbox moves no money' }
  if (!provider) return { kind: 'unknown', detail: `there is no provider ${account.provider} here` }
  if (deadline.aborted) return { kind: 'unknown', detail: 'no time left to ask' }
  const breaker = deps.breakers.of(merchant.id, account.provider)
  if (!breaker.allows(performance.now())) return { kind: 'unknown', detail: 'not asked: the provider has been failing' }
  const outcome = await callingOut('provider', () =>
    within(deadline, async () => call(provider, openAccount(deps.secretBox, merchant.id, account), deadline)),
  )
  breaker.record(outcome.kind !== 'unknown' ? 'ok' : deadline.aborted ? 'timeout' : 'failed', performance.now())
  return outcome
}

/** Also ends a call that does not listen to the signal. */
async function within(deadline: AbortSignal, call: () => Promise<Outcome>): Promise<Outcome> {
  const { promise: ended, resolve } = Promise.withResolvers<Outcome>()
  const end = () => resolve({ kind: 'unknown', detail: 'no answer in time' })
  deadline.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([ended, call()])
  } catch (error) {
    return { kind: 'unknown', detail: error instanceof Error ? error.message : String(error) }
  } finally {
    deadline.removeEventListener('abort', end)
  }
}
