/** One attempt to deliver, ready to be signed and sent. */
export interface OutgoingWebhook {
  url: string
  /** The webhook-id: the same at every attempt. */
  id: string
  body: string
  /** `whsec_…`; each of them signs. */
  secrets: readonly string[]
  headers: Readonly<Record<string, string>>
}

/** What came of it: an HTTP status, or why there was none. */
export interface SendResult {
  statusCode: number | null
  /** `timeout`, `url_not_allowed`, `connection`, `tls`, `answer_too_large`; null with a status. */
  failure: string | null
  /** The beginning of the answer, as text that can be kept. */
  answer: string
  durationMs: number
  retryAfterMs: number | null
}

/** The way out. It never throws, bounds time and size by itself, and follows nothing. */
export interface WebhookSender {
  /** Undefined: broken off by the signal, and nothing is known. */
  send(webhook: OutgoingWebhook, signal: AbortSignal): Promise<SendResult | undefined>
}

/** No attempt takes longer, whatever the receiver does. */
export const WEBHOOK_TIMEOUT_MS = 15_000
export const WEBHOOK_ANSWER_BYTES_KEPT = 1_000
