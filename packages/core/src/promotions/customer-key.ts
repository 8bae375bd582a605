import { normalizeEmail } from '../merchant/staff.ts'

/**
 * What a customer's uses are counted by: the account, or without one the e-mail address the order goes to, as addresses are
 * compared. Null while neither is known.
 */
export function customerKey(buyer: { customerId: string | null; email: string | null }): string | null {
  return buyer.customerId ?? emailKey(buyer.email)
}

/** An e-mail address in the form it is compared in; null for none. */
export function emailKey(email: string | null): string | null {
  return email === null ? null : normalizeEmail(email)
}
