import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { Refusal } from '../refusal.ts'

const QUERY = 'customer_token'

/**
 * A token by which a merchant's storefront says which customer a cart belongs to: the merchant's own site knows who signed in
 * there. Signed, bound to the merchant, good until `expiresAt`; nothing is stored.
 */
export function customerToken(keys: TokenKeys, merchantId: string, given: { customerId: string; expiresAt: Date }): string {
  return sealCursor(keys, { merchantId, query: QUERY }, [given.customerId, given.expiresAt.toISOString()])
}

/** The customer a token stands for. Refuses `customer_token_invalid` for one that was edited, is another merchant's, or is over. */
export function readCustomerToken(keys: TokenKeys, merchantId: string, token: string, now: Date): string {
  const [customerId, expiresAt] = open(keys, merchantId, token)
  if (customerId === undefined || expiresAt === undefined) throw invalidCustomerToken('invalid')
  if (new Date(expiresAt) <= now) throw invalidCustomerToken('expired')
  return customerId
}

/** Also for a customer who is no longer there. */
export function invalidCustomerToken(code: 'invalid' | 'expired'): Refusal {
  const detail = code === 'expired' ? 'The customer token is past its time: ask for a new one.' : 'The customer token stands for nobody.'
  return new Refusal('customer_token_invalid', { detail, errors: [{ pointer: '/customer_token', code, detail }] })
}

function open(keys: TokenKeys, merchantId: string, token: string): string[] {
  try {
    return openCursor(keys, { merchantId, query: QUERY }, token)
  } catch (error) {
    if (error instanceof Refusal) return []
    throw error
  }
}
