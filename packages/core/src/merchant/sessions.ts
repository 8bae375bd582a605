import type { InMerchant } from '@souk/tenant-router/router.ts'
import { and, eq } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { verifyPassword } from './passwords.ts'
import { normalizeEmail, type StaffMember } from './staff.ts'
import { staff } from './tables.ts'

/**
 * The staff member with this address and password. An unknown address, a wrong password and a disabled account get the
 * same `invalid_credentials`, after the same work. The password is checked with no transaction open.
 */
export async function signIn(inMerchant: InMerchant, given: { email: string; password: string }): Promise<StaffMember> {
  const found = await inMerchant.read(async (tx) => {
    const rows = await tx
      .select()
      .from(staff)
      .where(and(mine(tx, staff), eq(staff.email, normalizeEmail(given.email))))
    return rows[0]
  })
  const matches = await verifyPassword(given.password, found?.passwordHash ?? undefined)
  if (!found || !matches || found.disabledAt) {
    throw new Refusal('invalid_credentials', { detail: 'There is no account with this e-mail address and password.' })
  }
  return found
}
