import { newId } from '@souk/core/ids.ts'
import { newAdminToken } from '@souk/platform/admin-password-token.ts'
import type { TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

const DAY_MS = 86_400_000

export const ADMIN_BODIES: Record<string, (values: Values) => object | undefined> = {
  'POST /v1/admins': ({ new_slug }) => ({ email: `${new_slug}@admin.example`, role: 'viewer' }),
  'PATCH /v1/admins/{admin_id}': () => ({ role: 'operator' }),
  'POST /v1/admins/{admin_id}/password-reset': () => ({}),
  'POST /v1/me/password': ({ password }) => ({ current_password: password, password: 'another password' }),
  'POST /v1/password': ({ admin_password_token, password }) => ({ token: admin_password_token, password }),
}

/** What is changed is another one's than whose token is used. */
export const ADMIN_STATES: Record<string, Values> = {
  'PATCH /v1/admins/{admin_id}': { admin_id: 'spare_admin_id' },
  'POST /v1/admins/{admin_id}/password-reset': { admin_id: 'spare_admin_id' },
}

/** An admin with an access token, one to be changed, and one who was invited. */
export async function addAdmins(
  { platformSql: sql, clock, tokens }: TestApi,
  { canary, passwordHash }: { canary: string; passwordHash: string },
): Promise<Values> {
  const [id, spare, invited] = [newId(clock.now), newId(clock.now), newId(clock.now)]
  const { token, hash } = newAdminToken(invited)
  const add = (adminId: string, name: string, password: string | null, tokenHash: string | null) => sql`
    insert into platform.admin (id, email, role, password_hash, password_token_hash, password_token_expires_at, tokens_valid_after)
    values (${adminId}, ${`${canary}-${name}@admin.example`}, 'viewer', ${password}, ${tokenHash}, ${new Date(clock.now.getTime() + DAY_MS)},
      date_trunc('second', ${clock.now}::timestamptz))`
  await add(id, 'one', passwordHash, null)
  await add(spare, 'spare', passwordHash, null)
  await add(invited, 'invited', null, hash)
  const access = tokens.issue('platform', id, clock.now).access_token
  return { admin_id: id, spare_admin_id: spare, admin_password_token: token, admin_access: access }
}
