import type { TokenKeys } from '../capability.ts'
import { accountMail } from '../customers/account-mail.ts'
import type { MailDataLoader, MailDeps } from '../mail/send-mail.ts'
import { orderMail } from './order-mail.ts'

/** What each mail says. */
export function mailLoaders(keys: TokenKeys): MailDeps['loaders'] {
  return { ...orderMail(keys), ...accountMail(keys), webhook_trouble: webhookTrouble }
}

const webhookTrouble: MailDataLoader = async (tx, { data }) => {
  const [event] = await tx.sql<[{ type: string; urlHost: string | null }]>`
    select type, data ->> 'url_host' as "urlHost" from event
    where merchant_id = ${tx.merchantId} and sequence = ${data.sequence!}::bigint`
  return { data: { url_host: event.urlHost, is_disabled: event.type === 'webhook.endpoint_disabled' } }
}
