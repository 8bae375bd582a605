import { createHmac } from 'node:crypto'
import { PspControl } from '@souk/sandbox-psp/control.ts'
import type { Ports } from './ports.ts'
import type { Staff } from './set-up-shop.ts'

// The sandbox payment provider of `npm start`, and an account with it for each demo shop. All its keys come from one secret, so
// that a start which was killed anywhere is gone on with by the next.

export const PROVIDER = 'sandbox'

export interface DemoPayments {
  url: string
  secret: string
}

export function paymentProviderUrl(ports: Ports): string {
  return `http://127.0.0.1:${ports.paymentProvider}`
}

/** By it the provider is told to fail: see docs/sandbox-psp.md. */
export function controlTokenOf(secret: string): string {
  return derived(secret, 'control').toString('base64url')
}

/** Opens the shop's account at the provider, where it is not open yet, and says where the shop is called now: ports may change. */
export async function openAtProvider({ url, secret }: DemoPayments, shop: { slug: string; name: string; url: string }): Promise<void> {
  const control = new PspControl(() => url, controlTokenOf(secret))
  try {
    const { apiKey, callbackSecret } = accountKeys(secret, shop.slug)
    await control.openAccount({ id: `demo_${shop.slug}`, name: shop.name, api_key: apiKey, callback_secret: callbackSecret })
    await control.changeAccount(`demo_${shop.slug}`, { callback_url: `${shop.url}/v1/callbacks/payments/${PROVIDER}` })
  } finally {
    await control.close()
  }
}

/** Lets the shop take payments by its account. Answers whether it could not before; an account that staff have changed stays so. */
export async function takePayments(staff: Staff, { secret }: DemoPayments, slug: string): Promise<boolean> {
  const accounts = (await staff.read('/v1/admin/payment-accounts')).data as { provider: string }[]
  if (accounts.some(({ provider }) => provider === PROVIDER)) return false
  const { apiKey, callbackSecret } = accountKeys(secret, slug)
  const secrets = { api_key: apiKey, callback_secret: callbackSecret }
  await staff.write('PATCH', `/v1/admin/payment-accounts/${PROVIDER}`, { enabled: true, capture: 'now', secrets })
  return true
}

function accountKeys(secret: string, slug: string): { apiKey: string; callbackSecret: string } {
  return {
    apiKey: `sk_sandbox_${derived(secret, `key of ${slug}`).toString('base64url')}`,
    callbackSecret: `whsec_${derived(secret, `callbacks to ${slug}`).toString('base64')}`,
  }
}

function derived(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(purpose).digest()
}
