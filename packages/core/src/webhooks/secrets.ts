import { randomBytes } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import type { SecretBox } from '../secret-box.ts'

export const WEBHOOK_SECRETS_PURPOSE = 'webhook secrets'
export const HEADERS_MAX = 10
export const HEADER_VALUE_BYTES_MAX = 1_000

const SECRET_BYTES = 32
const HEADER_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/
const NOT_THEIRS =
  /^(webhook-.*|content-.*|proxy-.*|sec-.*|host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|user-agent|accept-encoding|cookie)$/

/** A new signing secret in the form of Standard Webhooks. */
export function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
}

/** Where a secret or the headers of an endpoint belong: moved elsewhere they do not open. */
export function placeOf(merchantId: string, endpointId: string, what: 'secret' | 'headers'): string[] {
  return [merchantId, endpointId, what]
}

export function sealHeaders(
  box: SecretBox,
  place: { merchantId: string; endpointId: string },
  headers: Readonly<Record<string, string>>,
): string | null {
  if (Object.keys(headers).length === 0) return null
  return box.seal(JSON.stringify(headers), placeOf(place.merchantId, place.endpointId, 'headers'))
}

export function openHeaders(
  box: SecretBox,
  place: { merchantId: string; endpointId: string },
  sealed: string | null,
): Record<string, string> {
  return sealed === null
    ? {}
    : (JSON.parse(box.open(sealed, placeOf(place.merchantId, place.endpointId, 'headers'))) as Record<string, string>)
}

/** Names in lower case. Refuses `invalid_header` for what is no header, or one that is not the merchant's to set. */
export function requireHeaders(given: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [written, value] of Object.entries(given)) {
    const name = written.toLowerCase()
    const pointer = `/headers/${written.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const refuse = (detail: string) => new Refusal('invalid_header', { detail, errors: [{ pointer, code: 'invalid_header' }] })
    if (!HEADER_NAME.test(name)) throw refuse('This is no name of a header.')
    if (NOT_THEIRS.test(name)) throw refuse('This header cannot be set.')
    if (name in headers) throw refuse('This header is given twice.')
    if (!HEADER_VALUE.test(value) || value.length > HEADER_VALUE_BYTES_MAX) throw refuse('A value is visible ASCII in one line.')
    headers[name] = value
  }
  if (Object.keys(headers).length > HEADERS_MAX) throw new Refusal('too_many', { detail: `At most ${HEADERS_MAX} headers can be set.` })
  return headers
}
