import { createHmac, timingSafeEqual } from 'node:crypto'
import type { DisputeNotice, ProviderNotice } from '@souk/core/payments/provider.ts'
import { callbackWire } from './sandbox-wire.ts'

const TOLERANCE_MS = 5 * 60_000

interface Callback {
  headers: Record<string, string>
  rawBody: string
}

/** What a callback of the sandbox provider says; undefined when it is not signed by the account's secret, now or shortly before. */
export function readSandboxCallback(secret: string, callback: Callback, now: Date): ProviderNotice | undefined {
  if (!isSigned(secret, callback, now)) return undefined
  const event = callbackWire.safeParse(parsed(callback.rawBody)).data
  if (event === undefined || event.id !== callback.headers['webhook-id']) return undefined
  const { payment, dispute } = event.data
  return {
    eventId: event.id,
    kind: dispute !== null ? 'dispute' : event.type === 'payment.refunded' ? 'refund' : 'payment',
    paymentId: payment.payment_id,
    reference: payment.id,
    ...(dispute !== null && { dispute: disputeOf(dispute) }),
  }
}

/** The scheme of Standard Webhooks: an HMAC over id, time and content; during a change of secret there are two. */
function isSigned(secret: string, { headers, rawBody }: Callback, now: Date): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (id === undefined || signatures === undefined || !/^\d{1,12}$/.test(timestamp ?? '')) return false
  if (Math.abs(now.getTime() - Number(timestamp) * 1000) > TOLERANCE_MS) return false
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  // An empty key would sign for everybody.
  if (key.length === 0) return false
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${rawBody}`).digest()
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return signature.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected)
  })
}

function disputeOf(dispute: {
  id: string
  status: 'open' | 'won' | 'lost'
  amount: number
  currency: string
  reason: string
  due_by: string
}): DisputeNotice {
  const { id: reference, status, amount, currency, reason, due_by: dueBy } = dispute
  return { reference, status: status === 'open' ? 'opened' : status, amount: BigInt(amount), currency, reason, dueBy: new Date(dueBy) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
