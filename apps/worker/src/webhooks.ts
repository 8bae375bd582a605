import { SecretBox } from '@souk/core/secret-box.ts'
import { followWebhooks } from '@souk/core/webhooks/follow-webhooks.ts'
import { succeeded } from '@souk/core/webhooks/health.ts'
import { WEBHOOK_SECRETS_PURPOSE } from '@souk/core/webhooks/secrets.ts'
import type { SendResult, WebhookSender } from '@souk/core/webhooks/sender.ts'
import { HttpWebhookSender } from '@souk/webhook-sender/http-webhook-sender.ts'
import type { WorkerConfig } from './config.ts'
import { DeliveryPace, type DeliveryPaceOptions } from './delivery-pace.ts'
import type { FollowerWork } from './followers.ts'
import type { WebhookOutcome } from './metrics.ts'

/** What delivers webhooks in this process. */
export function startWebhooks(
  config: Pick<WorkerConfig, 'tokenKeys' | 'webhookHosts'>,
  random: () => number = Math.random,
  onSent: (outcome: WebhookOutcome) => void = () => {},
): { workAtPace(limitsOf: DeliveryPaceOptions['limitsOf']): FollowerWork; close(): void } {
  const http = new HttpWebhookSender({ redirectedHosts: config.webhookHosts })
  const sender: WebhookSender = {
    send: async (webhook, signal) => {
      const result = await http.send(webhook, signal)
      if (result) onSent(outcomeOf(result))
      return result
    },
  }
  const box = new SecretBox({ keys: config.tokenKeys }, WEBHOOK_SECRETS_PURPOSE)
  return {
    workAtPace: (limitsOf) => {
      const pace = new DeliveryPace({ limitsOf })
      const deps = { sender, box, random, pace: (merchantId: string, signal: AbortSignal) => pace.wait(merchantId, signal) }
      return (inMerchant, session) => followWebhooks(inMerchant, deps, session)
    },
    close: () => http.close(),
  }
}

function outcomeOf(result: SendResult): WebhookOutcome {
  if (succeeded(result)) return 'delivered'
  return result.statusCode === null ? 'unanswered' : 'refused'
}
