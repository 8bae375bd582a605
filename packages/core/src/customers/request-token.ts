import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { Refusal } from '../refusal.ts'

const QUERY = 'customer_request'

/** The token that is mailed for a request: a signature over its id, bound to the merchant. Nothing of it is stored. */
export function requestToken(keys: TokenKeys, merchantId: string, requestId: string): string {
  return sealCursor(keys, { merchantId, query: QUERY }, [requestId])
}

/** The request a token is of. Refuses `mail_token_invalid` for one that was edited or is another merchant's. */
export function readRequestToken(keys: TokenKeys, merchantId: string, token: string): string {
  try {
    return openCursor(keys, { merchantId, query: QUERY }, token)[0]!
  } catch (error) {
    if (error instanceof Refusal) throw mailTokenInvalid()
    throw error
  }
}

/** Also for a token that was used, or is past its time. */
export function mailTokenInvalid(): Refusal {
  const detail = 'The token is not one that was mailed, or was used, or is past its time: ask for a new one.'
  return new Refusal('mail_token_invalid', { detail, errors: [{ pointer: '/token', code: 'mail_token_invalid', detail }] })
}
