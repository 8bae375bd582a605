import type { TokenKeys } from '@souk/core/capability.ts'
import { type OutgoingMail, sendMail } from '@souk/core/mail/send-mail.ts'
import { followEventsForMail } from '@souk/core/notifications/follow-events.ts'
import { mailLoaders } from '@souk/core/notifications/mail-loaders.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'

/** What a worker would do now: queues the mails of what has happened, and sends all that are queued. Answers them. */
export async function deliverMails(shop: TestMerchant, keys: TokenKeys, now = new Date()): Promise<OutgoingMail[]> {
  const delivered: OutgoingMail[] = []
  const deps = {
    transport: { deliver: async (mail: OutgoingMail) => void delivered.push(mail) },
    loaders: mailLoaders(keys),
    storefrontUrl: (slug: string) => `https://${slug}.shop.example`,
    now: () => now,
  }
  await followEventsForMail(shop.inMerchant, now)
  const queued = await shop.inMerchant.read(
    (tx) => tx.sql<{ id: string }[]>`
      select id from mail_message where merchant_id = ${tx.merchantId} and status = 'queued' order by id`,
  )
  for (const { id } of queued) await sendMail(shop.inMerchant, deps, { mailId: id })
  return delivered
}

/** The token of the link in a mail. */
export function tokenIn({ text }: OutgoingMail): string {
  const [, token] = /[?&]token=([^\s&]+)/.exec(text) ?? []
  if (token === undefined) throw new Error(`The mail has no token: ${text}`)
  return decodeURIComponent(token)
}
