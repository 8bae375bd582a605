import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

/**
 * The headers of a message by Standard Webhooks 1.0.0: every secret signs, so that a receiver may hold an older one for a while.
 * `timestamp` is in seconds.
 */
export function signatureHeaders(message: {
  id: string
  timestamp: number
  body: string
  secrets: readonly string[]
}): Record<string, string> {
  const { id, timestamp, body, secrets } = message
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  )
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signatures.join(' ') }
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64')
}
