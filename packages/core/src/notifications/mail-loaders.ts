import type { TokenKeys } from '../capability.ts'
import { accountMail } from '../customers/account-mail.ts'
import type { MailDeps } from '../mail/send-mail.ts'
import { orderMail } from './order-mail.ts'

/** What each mail says. */
export function mailLoaders(keys: TokenKeys): MailDeps['loaders'] {
  return { ...orderMail(keys), ...accountMail(keys) }
}
