import type { ProviderAccount } from '@souk/core/payments/provider.ts'
import { LRUCache } from 'lru-cache'
import Stripe from 'stripe'
import { apiBaseOf } from '../api-bases.ts'

// The caller's own deadline is shorter; this one frees the connection of a call that nobody waits for any more.
const CALL_TIMEOUT_MS = 20_000
const CLIENTS_MAX = 1_000

/** One client of the official library per account: its key, at its address. It retries nothing: whoever calls it does, by asking first. */
export class StripeClients {
  readonly #apiBases: readonly string[]
  readonly #clients = new LRUCache<string, Stripe>({ max: CLIENTS_MAX })

  constructor(apiBases: readonly string[]) {
    this.#apiBases = apiBases
  }

  of(account: ProviderAccount): Stripe {
    const base = apiBaseOf(account, this.#apiBases)
    const secretKey = account.secrets.secret_key ?? ''
    const name = `${base} ${secretKey}`
    const client = this.#clients.get(name) ?? open(base, secretKey)
    this.#clients.set(name, client)
    return client
  }
}

function open(base: string, secretKey: string): Stripe {
  const { protocol, hostname, port } = new URL(base)
  return new Stripe(secretKey, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    ...(port !== '' && { port }),
    maxNetworkRetries: 0,
    timeout: CALL_TIMEOUT_MS,
    telemetry: false,
  })
}
