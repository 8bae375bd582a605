import { newId } from '@souk/core/ids.ts'
import { nextSecond } from '@souk/core/merchant/manage-staff.ts'
import { hashPassword, verifyPassword } from '@souk/core/merchant/passwords.ts'
import { normalizeEmail } from '@souk/core/merchant/staff.ts'
import { PASSWORD_TOKEN_DAYS, type PasswordToken } from '@souk/core/merchant/staff-password.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { newAdminToken, readAdminToken } from './admin-password-token.ts'
import { type AdminRole, scopesOfAdmin } from './admin-roles.ts'
import type { ByAdmin } from './domains.ts'
import type { PlatformSql } from './platform-sql.ts'
import { changeOrTry } from './taken-back.ts'

export const ADMINS_MAX = 1_000

/** An admin as the others see them. */
export interface AdminView {
  id: string
  email: string
  role: AdminRole
  /** False until they have set a password, and again after a reset. */
  hasPassword: boolean
  disabledAt: Date | null
  createdAt: Date
}

type Sql = Parameters<Parameters<typeof changeOrTry>[2]>[0]

const DAY_MS = 86_400_000

/** Who may run the platform, and what each of them may do. Changes come one after the other, and each is in the log of admins. */
export class AdminAccounts {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** All of them, by address. */
  async list(): Promise<AdminView[]> {
    return this.#sql<AdminView[]>`select ${shown(this.#sql)} from platform.admin order by email limit ${ADMINS_MAX}`
  }

  /** Refuses `not_found`. */
  async find(id: string): Promise<AdminView> {
    return load(this.#sql, id)
  }

  /** Adds an admin, who sets their own password with the token. Refuses `duplicate` for an address that is taken. */
  async invite(
    given: { email: string; role: AdminRole },
    by: ByAdmin,
    dryRun: boolean,
  ): Promise<{ admin: AdminView; token: PasswordToken }> {
    const email = normalizeEmail(given.email)
    return changeOrTry(this.#sql, dryRun, async (sql) => {
      await holdAccounts(sql, by)
      const [state] = await sql<{ taken: boolean; admins: bigint }[]>`
        select coalesce(bool_or(email = ${email}), false) as taken, count(*) as admins from platform.admin`
      if (state!.taken) {
        const errors = [{ pointer: '/email', code: 'duplicate' }]
        throw new Refusal('duplicate', { detail: 'There is an admin with this e-mail address.', errors })
      }
      if (state!.admins >= ADMINS_MAX) throw new Refusal('too_many', { detail: `There are at most ${ADMINS_MAX} admins.` })
      const id = newId(by.now)
      await sql`
        insert into platform.admin (id, email, role, tokens_valid_after, created_at)
        values (${id}, ${email}, ${given.role}, date_trunc('second', ${by.now}::timestamptz), ${by.now}::timestamptz)`
      const token = await writeToken(sql, id, by.now)
      await record(sql, 'admin.invite', by, { admin: id, role: given.role })
      return { admin: await load(sql, id), token }
    })
  }

  /**
   * Gives an admin another role, or turns them away: their tokens are void then. Refuses `invalid_state` where no owner who can
   * sign in would be left.
   */
  async change(
    id: string,
    changes: { role?: AdminRole | undefined; disabled?: boolean | undefined },
    by: ByAdmin,
    dryRun: boolean,
  ): Promise<AdminView> {
    return changeOrTry(this.#sql, dryRun, async (sql) => {
      await holdAccounts(sql, by)
      const before = await load(sql, id)
      const role = changes.role ?? before.role
      const disabled = changes.disabled ?? before.disabledAt !== null
      const isCutOff = disabled && before.disabledAt === null
      if (role === before.role && disabled === (before.disabledAt !== null)) return before
      if (before.role === 'owner' && (role !== 'owner' || isCutOff)) await assertAnotherOwner(sql, id)
      await sql`
        update platform.admin set role = ${role},
          disabled_at = case when ${disabled} then coalesce(disabled_at, ${by.now}::timestamptz) end,
          tokens_valid_after = case when ${isCutOff} then ${nextSecond(by.now)}::timestamptz else tokens_valid_after end
        where id = ${id}`
      await record(sql, 'admin.change', by, {
        admin: id,
        from: { role: before.role, disabled: before.disabledAt !== null },
        to: { role, disabled },
      })
      return load(sql, id)
    })
  }

  /** Takes an admin's password and tokens away, and answers a token to set a new password with. Refuses as `change` does. */
  async resetPassword(id: string, by: ByAdmin, dryRun: boolean): Promise<PasswordToken> {
    return changeOrTry(this.#sql, dryRun, async (sql) => {
      await holdAccounts(sql, by)
      const admin = await load(sql, id)
      if (admin.role === 'owner') await assertAnotherOwner(sql, id)
      await sql`update platform.admin set password_hash = null, tokens_valid_after = ${nextSecond(by.now)} where id = ${id}`
      const token = await writeToken(sql, id, by.now)
      await record(sql, 'admin.password_reset', by, { admin: id })
      return token
    })
  }

  /** Sets the password of whoever the token was given to; it is good once. Refuses `invalid_token`. */
  async setPasswordByToken(given: { token: string; password: string; now: Date }): Promise<void> {
    const found = readAdminToken(given.token)
    if (!found) throw new Refusal('invalid_token')
    const { id, hash } = found
    // Hashing takes long, and is done for those alone who hold a token.
    const holders = await this.#sql`
      select id from platform.admin
      where id = ${id} and disabled_at is null and password_token_hash = ${hash} and password_token_expires_at > ${given.now}`
    if (holders.length === 0) throw new Refusal('invalid_token')
    const set = await this.#sql`
      with set as (
        update platform.admin
        set password_hash = ${await hashPassword(given.password)}, password_token_hash = null, password_token_expires_at = null
        where id = ${id} and disabled_at is null and password_token_hash = ${hash} returning id
      )
      insert into platform.audit (admin_id, action, data, occurred_at)
      select id, 'admin.password_set', jsonb_build_object('admin', id), ${given.now} from set returning id`
    if (set.length === 0) throw new Refusal('invalid_token')
  }

  /** Sets another password of somebody who knows the present one, and ends their tokens. Refuses `invalid_credentials`. */
  async changeOwnPassword(given: { id: string; currentPassword: string; password: string; now: Date }): Promise<void> {
    const { id, now } = given
    const [row] = await this.#sql<{ hash: string | null }[]>`select password_hash as hash from platform.admin where id = ${id}`
    const isRight = await verifyPassword(given.currentPassword, row?.hash ?? undefined)
    // Only over the password that was given: one that was reset meanwhile stays reset.
    const set = isRight
      ? await this.#sql`
        with set as (
          update platform.admin set password_hash = ${await hashPassword(given.password)}, tokens_valid_after = ${nextSecond(now)}
          where id = ${id} and password_hash = ${row!.hash} returning id
        )
        insert into platform.audit (admin_id, action, data, occurred_at)
        select id, 'admin.password_set', jsonb_build_object('admin', id), ${now} from set returning id`
      : []
    if (set.length === 0) throw new Refusal('invalid_credentials', { detail: 'The present password is another.' })
  }
}

const shown = (sql: Sql | PlatformSql) =>
  sql`id, email, role, password_hash is not null as "hasPassword", disabled_at as "disabledAt", created_at as "createdAt"`

async function load(sql: Sql | PlatformSql, id: string): Promise<AdminView> {
  const [admin] = await sql<AdminView[]>`select ${shown(sql)} from platform.admin where id = ${id}`
  if (!admin) throw new Refusal('not_found', { detail: 'There is no such admin.' })
  return admin
}

/**
 * Changes of accounts come one after the other: who is the last owner then holds to the end. And whoever asks must still be one who
 * may: their request may have come in before another owner turned them away.
 */
async function holdAccounts(sql: Sql, { adminId }: ByAdmin): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('platform.admin', 21))`
  const asks = await load(sql, adminId)
  if (asks.disabledAt === null && scopesOfAdmin(asks.role).includes('admins:write')) return
  throw new Refusal('insufficient_scope', { detail: 'This needs the scope admins:write.', extra: { missing_scopes: ['admins:write'] } })
}

async function assertAnotherOwner(sql: Sql, id: string): Promise<void> {
  const others = await sql`
    select id from platform.admin
    where role = 'owner' and disabled_at is null and password_hash is not null and id <> ${id} limit 1`
  if (others.length > 0) return
  throw new Refusal('invalid_state', { detail: 'This is the last owner who can sign in.', extra: { current_state: 'last_owner' } })
}

/** Gives an admin a token to set a password with; one they had before is void. */
async function writeToken(sql: Sql, id: string, now: Date): Promise<PasswordToken> {
  const { token, hash } = newAdminToken(id)
  const expiresAt = new Date(now.getTime() + PASSWORD_TOKEN_DAYS * DAY_MS)
  await sql`update platform.admin set password_token_hash = ${hash}, password_token_expires_at = ${expiresAt} where id = ${id}`
  return { token, expiresAt }
}

async function record(sql: Sql, action: string, by: ByAdmin, data: Record<string, unknown>): Promise<void> {
  await sql`
    insert into platform.audit (admin_id, action, data, occurred_at) values (${by.adminId}, ${action}, ${JSON.stringify(data)}::text::jsonb, ${by.now})`
}
