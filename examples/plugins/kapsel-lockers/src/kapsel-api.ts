import type { CarrierRequestV1, CarrierResponseV1, ParseTrackingOutputV1 } from '@souk/plugins-sdk'

// The carrier's API: https://api.kapsel.example/v2, JSON, a bearer key, errors as { error: { code, message } }.

type TrackingStatus = Extract<ParseTrackingOutputV1, { outcome: 'known' }>['status']

const STATUSES: Readonly<Record<string, TrackingStatus>> = {
  registered: 'announced',
  collected: 'in_transit',
  sorted: 'in_transit',
  in_locker: 'at_pickup_point',
  picked_up: 'delivered',
  returning: 'returned',
  returned: 'returned',
  damaged: 'exception',
  lost: 'exception',
}

/** Our word for one of the carrier's. A word that it invents later is on its way until we know better. */
export function statusOf(word: unknown): TrackingStatus {
  return typeof word === 'string' && Object.hasOwn(STATUSES, word) ? STATUSES[word]! : 'in_transit'
}

export function kapselRequest(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, key?: string): CarrierRequestV1 {
  const headers: Record<string, string> = { authorization: 'Bearer {{secrets.api_key}}', accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  // The worker may send a request again after a crash; the carrier then answers with the first parcel instead of making a second.
  if (key !== undefined) headers['idempotency-key'] = key
  return {
    host: 'api.kapsel.example',
    method,
    path: `/v2${path}`,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    accepts: 'text',
  }
}

/** The carrier's JSON, if this is a good answer. Nothing about it is taken for granted. */
export function readObject({ status, body }: CarrierResponseV1): Record<string, unknown> | undefined {
  if (status < 200 || status >= 300) return undefined
  return parsed(body)
}

export function failureOf(response: CarrierResponseV1) {
  const { status, body } = response
  const error = asObject(parsed(body)?.error)
  const code = typeof error?.code === 'string' && error.code !== '' ? error.code.slice(0, 100) : `http_${status}`
  const said = typeof error?.message === 'string' && error.message !== '' ? error.message : status === 0 ? 'no answer' : `HTTP ${status}`
  const isWorthAnotherTry = status === 0 || status === 429 || status >= 500
  return { outcome: 'failed' as const, code, message: `Kapsel: ${said}`.slice(0, 500), retry: isWorthAnotherTry }
}

export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

export function asText(value: unknown, most: number): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= most ? value : undefined
}

function parsed(body: string | null): Record<string, unknown> | undefined {
  if (body === null || body === '') return undefined
  try {
    return asObject(JSON.parse(body))
  } catch {
    return undefined
  }
}
