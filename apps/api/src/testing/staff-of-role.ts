import { randomBytes } from 'node:crypto'
import { newId } from '@souk/core/ids.ts'
import type { StaffRole } from '@souk/core/merchant/scopes.ts'
import { addStaff } from '@souk/core/merchant/staff.ts'
import type { ApiMerchant, TestApi } from './api.ts'

/** A member of staff of this role, with an access token; without a password of their own. */
export async function staffOfRole(
  { tokens, clock }: TestApi,
  shop: Pick<ApiMerchant, 'inMerchant' | 'merchant'>,
  role: StaffRole,
): Promise<{ id: string; email: string; token: string }> {
  const id = newId(clock.now)
  const email = `${role}-${randomBytes(4).toString('hex')}@shop.example`
  await shop.inMerchant(async (tx) => {
    await addStaff(tx, { id, email, name: role, role, passwordHash: null, now: clock.now })
  })
  return { id, email, token: tokens.issue({ merchantId: shop.merchant.id }, id, clock.now).access_token }
}
