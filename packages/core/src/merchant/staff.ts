import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { hashPassword } from './passwords.ts'
import type { StaffRole } from './scopes.ts'
import { staff } from './tables.ts'

export interface StaffMember {
  id: string
  email: string
  name: string
  role: StaffRole
  disabledAt: Date | null
  /** Tokens issued before this second are void. */
  tokensValidAfter: Date
}

export interface NewStaff {
  email: string
  name: string
  password: string
}

/** The form in which an address is stored and looked up. */
export function normalizeEmail(email: string): string {
  return email.normalize('NFC').trim().toLowerCase()
}

/** What has to be known of a staff member before the transaction that adds them: hashing takes too long to hold one open. */
export async function prepareStaff(given: NewStaff): Promise<{ email: string; name: string; passwordHash: string }> {
  return { email: normalizeEmail(given.email), name: given.name, passwordHash: await hashPassword(given.password) }
}

/**
 * Adds a member of staff; without a password they cannot sign in before they set one. The query is not awaited here: it may
 * travel with others.
 */
export function addStaff(
  tx: Pick<Tx, 'sql' | 'merchantId'>,
  given: { id?: string; email: string; name: string; role: StaffRole; passwordHash: string | null; now: Date },
): Query {
  return tx.sql`
    insert into staff (merchant_id, id, email, name, role, password_hash, tokens_valid_after, created_at)
    values (${tx.merchantId}, ${given.id ?? newId(given.now)}, ${given.email}, ${given.name}, ${given.role}, ${given.passwordHash},
      date_trunc('second', ${given.now}::timestamptz), ${given.now}::timestamptz)`
}

/** Adds an owner. The query is not awaited here: it may travel with others. */
export function addOwner(
  tx: Pick<Tx, 'sql' | 'merchantId'>,
  given: { email: string; name: string; passwordHash: string; now: Date },
): Query {
  return addStaff(tx, { ...given, role: 'owner' })
}

/** One staff member, disabled or not. */
export async function findStaff(tx: Tx, id: string): Promise<StaffMember | undefined> {
  const { email, name, role, disabledAt, tokensValidAfter } = staff
  const [member] = await tx
    .select({ id: staff.id, email, name, role, disabledAt, tokensValidAfter })
    .from(staff)
    .where(and(mine(tx, staff), eq(staff.id, id)))
  return member
}
