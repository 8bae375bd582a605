import type { ProviderAccount } from '@souk/core/payments/provider.ts'

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** What is wrong with an address that a provider is to be called at; undefined when nothing is. */
export function apiBaseFault(address: string): string | undefined {
  if (!URL.canParse(address)) return 'is no address'
  const { protocol, hostname, origin } = new URL(address)
  if (origin !== address) return 'has to be an origin alone, such as https://api.example.com'
  if (protocol === 'https:') return undefined
  // Keys travel in the clear: never further than to this machine.
  return protocol === 'http:' && LOOPBACK.has(hostname) ? undefined : 'has to begin with https://'
}

/** Where an account is called. Only at an address that this process was told of: an account cannot send its key anywhere else. */
export function apiBaseOf(account: ProviderAccount, apiBases: readonly string[]): string {
  const base = account.apiBase ?? apiBases[0]
  if (base === undefined || !apiBases.includes(base)) throw new Error(`the account's address is none of ${account.provider}'s`)
  return base
}
