import { hashPassword, verifyPassword } from '@souk/core/merchant/passwords.ts'
import { normalizeEmail } from '@souk/core/merchant/staff.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { AdminRole } from './admin-roles.ts'
import type { PlatformSql } from './platform-sql.ts'

/** Somebody who runs the platform. */
export interface AdminAccount {
  id: string
  email: string
  role: AdminRole
  disabledAt: Date | null
  /** Tokens issued before this second are void. */
  tokensValidAfter: Date
}

export class Admins {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** The admin with this address and password; `invalid_credentials` otherwise, after the same work. */
  async signIn(given: { email: string; password: string }): Promise<AdminAccount> {
    const [found] = await this.#sql<(AdminAccount & { passwordHash: string | null })[]>`
      select id, email, role, disabled_at as "disabledAt", tokens_valid_after as "tokensValidAfter", password_hash as "passwordHash"
      from platform.admin where email = ${normalizeEmail(given.email)}`
    const matches = await verifyPassword(given.password, found?.passwordHash ?? undefined)
    if (!found || !matches || found.disabledAt) {
      throw new Refusal('invalid_credentials', { detail: 'There is no account with this e-mail address and password.' })
    }
    return found
  }

  async find(id: string): Promise<AdminAccount | undefined> {
    const [found] = await this.#sql<AdminAccount[]>`
      select id, email, role, disabled_at as "disabledAt", tokens_valid_after as "tokensValidAfter" from platform.admin where id = ${id}`
    return found
  }

  /** Makes sure that this admin exists, is an owner, is enabled, and has this password. Another password ends the tokens issued so far. */
  async ensure(given: { email: string; password: string; now: Date }): Promise<void> {
    const email = normalizeEmail(given.email)
    const [known] = await this.#sql<{ passwordHash: string | null }[]>`
      select password_hash as "passwordHash" from platform.admin where email = ${email} and role = 'owner' and disabled_at is null`
    if (known?.passwordHash && (await verifyPassword(given.password, known.passwordHash))) return
    await this.#sql`
      with ensured as (
        insert into platform.admin (email, role, password_hash, tokens_valid_after)
        values (${email}, 'owner', ${await hashPassword(given.password)}, date_trunc('second', ${given.now}::timestamptz))
        on conflict (email) do update set role = 'owner', password_hash = excluded.password_hash, tokens_valid_after = ${given.now}, disabled_at = null
        returning id
      )
      insert into platform.audit (action, data, occurred_at)
      select 'admin.ensure', jsonb_build_object('admin', id), ${given.now} from ensured`
  }
}
