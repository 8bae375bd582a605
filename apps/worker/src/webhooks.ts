import { SecretBox } from '@souk/core/secret-box.ts'
import { followWebhooks } from '@souk/core/webhooks/follow-webhooks.ts'
import { WEBHOOK_SECRETS_PURPOSE } from '@souk/core/webhooks/secrets.ts'
import { HttpWebhookSender } from '@souk/webhook-sender/http-webhook-sender.ts'
import type { WorkerConfig } from './config.ts'
import type { FollowerWork } from './followers.ts'

/** What delivers webhooks in this process. */
export function startWebhooks(
  config: Pick<WorkerConfig, 'tokenKeys' | 'webhookHosts'>,
  random: () => number = Math.random,
): { work: FollowerWork; close(): void } {
  const sender = new HttpWebhookSender({ redirectedHosts: config.webhookHosts })
  const box = new SecretBox({ keys: config.tokenKeys }, WEBHOOK_SECRETS_PURPOSE)
  return {
    work: (inMerchant, session) => followWebhooks(inMerchant, { sender, box, random }, session),
    close: () => sender.close(),
  }
}
