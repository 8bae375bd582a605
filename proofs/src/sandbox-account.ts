import type { OpenedAccount } from '@souk/sandbox-psp/control.ts'
import type { House, Shop } from './house.ts'

/** An account of the shop with the sandbox payment provider, in use. */
export async function openAccount(house: House, shop: Shop): Promise<OpenedAccount> {
  const account = await house.psp.control.openAccount({
    name: shop.slug,
    callback_url: `${house.origin.replace('127.0.0.1', `${shop.slug}.localhost`)}/v1/callbacks/payments/sandbox`,
  })
  const secrets = { api_key: account.api_key, callback_secret: account.callback_secret }
  const settings = { enabled: true, capture: 'now', secrets }
  const answer = await shop.staff.call('/v1/admin/payment-accounts/sandbox', { method: 'PATCH', body: settings })
  if (answer.status >= 300) throw new Error(`no account with the provider: ${answer.text}`)
  return account
}
