import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { mayAppoint, type StaffRole, scopesOfRole } from './scopes.ts'
import { addStaff, normalizeEmail } from './staff.ts'
import { type PasswordToken, writePasswordToken } from './staff-password.ts'

export const STAFF_MAX = 1_000

/** A member of staff as the others see them. */
export interface StaffMemberView {
  id: string
  email: string
  name: string
  role: StaffRole
  /** False until they have set a password, and again after a reset. */
  hasPassword: boolean
  disabledAt: Date | null
  createdAt: Date
}

/** Whoever changes staff: nobody hands out, or takes away, what they may not do themselves. */
export interface Appointer {
  actor: Actor
  scopes: ReadonlySet<string>
}

export interface StaffChanges {
  name?: string | undefined
  role?: StaffRole | undefined
  disabled?: boolean | undefined
}

/** Adds a member of staff, who sets their own password with the token. Refuses `duplicate` for an address that is taken. */
export async function appointStaff(
  tx: Tx,
  appointer: Appointer,
  given: { email: string; name: string; role: StaffRole; now: Date },
): Promise<{ member: StaffMemberView; invitation: PasswordToken }> {
  const { role, now } = given
  await lockStaff(tx)
  assertMayAppoint(await presentScopes(tx, appointer), role)
  const email = normalizeEmail(given.email)
  const [state] = await tx.sql<{ taken: boolean; members: bigint }[]>`
    select coalesce(bool_or(email = ${email}), false) as taken, count(*) as members from staff where merchant_id = ${tx.merchantId}`
  if (state!.taken)
    throw new Refusal('duplicate', {
      detail: 'There is somebody with this e-mail address.',
      errors: [{ pointer: '/email', code: 'duplicate' }],
    })
  if (state!.members >= STAFF_MAX) throw new Refusal('too_many', { detail: `A merchant has at most ${STAFF_MAX} members of staff.` })
  const id = newId(now)
  await addStaff(tx, { id, email, name: given.name, role, passwordHash: null, now })
  const invitation = await writePasswordToken(tx, id, now)
  const member = await loadStaffMember(tx, id)
  await record(tx, 'staff.invited', { before: null, after: member }, { actor: appointer.actor, now, reason: '' })
  return { member, invitation }
}

/**
 * Changes a member's name or role, or whether they may come in at all; a disabled member's tokens are void. Refuses
 * `insufficient_scope` where either role can do more than whoever changes it, and `invalid_state` where no owner who can sign
 * in would be left.
 */
export async function changeStaff(
  tx: Tx,
  appointer: Appointer,
  given: { id: string; changes: StaffChanges; reason: string; now: Date },
): Promise<StaffMemberView> {
  const { id, changes, now } = given
  await lockStaff(tx)
  const before = await loadStaffMember(tx, id)
  const scopes = await presentScopes(tx, appointer)
  assertMayAppoint(scopes, before.role)
  const after = {
    name: changes.name ?? before.name,
    role: changes.role ?? before.role,
    disabledAt: changes.disabled === undefined ? before.disabledAt : changes.disabled ? (before.disabledAt ?? now) : null,
  }
  assertMayAppoint(scopes, after.role)
  const isCutOff = before.disabledAt === null && after.disabledAt !== null
  if (before.role === 'owner' && (after.role !== 'owner' || isCutOff)) await assertAnotherOwner(tx, id)
  await tx.sql`
    update staff set name = ${after.name}, role = ${after.role}, disabled_at = ${after.disabledAt}::timestamptz,
      tokens_valid_after = case when ${isCutOff} then ${nextSecond(now)}::timestamptz else tokens_valid_after end
    where merchant_id = ${tx.merchantId} and id = ${id}`
  const member = await loadStaffMember(tx, id)
  const isChanged =
    member.name !== before.name || member.role !== before.role || member.disabledAt?.getTime() !== before.disabledAt?.getTime()
  if (isChanged) await record(tx, 'staff.changed', { before, after: member }, { actor: appointer.actor, now, reason: given.reason })
  return member
}

/**
 * Takes a member's password and tokens away and answers a token to set a new password with. Refuses `invalid_state` where
 * no other owner could sign in, so that nobody locks the merchant out.
 */
export async function resetStaffPassword(tx: Tx, appointer: Appointer, given: { id: string; now: Date }): Promise<PasswordToken> {
  const { id, now } = given
  await lockStaff(tx)
  const member = await loadStaffMember(tx, id)
  assertMayAppoint(await presentScopes(tx, appointer), member.role)
  if (member.role === 'owner') await assertAnotherOwner(tx, id)
  await tx.sql`
    update staff set password_hash = null, tokens_valid_after = ${nextSecond(now)} where merchant_id = ${tx.merchantId} and id = ${id}`
  const token = await writePasswordToken(tx, id, now)
  const after = await loadStaffMember(tx, id)
  await record(tx, 'staff.password_reset', { before: member, after }, { actor: appointer.actor, now, reason: '' })
  return token
}

/** One page of the merchant's staff, the newest first. Refuses `invalid_cursor`. */
export async function listStaff(tx: Tx, keys: TokenKeys, page: { limit: number; cursor?: string | undefined }) {
  const scope = { merchantId: tx.merchantId, query: 'staff' }
  const [before = null] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx.sql<StaffMemberView[]>`
    select ${shown(tx)} from staff
    where merchant_id = ${tx.merchantId} and (${before}::uuid is null or id < ${before}::uuid) order by id desc limit ${page.limit + 1}`
  const members = rows.slice(0, page.limit)
  return { members, nextCursor: rows.length > page.limit ? sealCursor(keys, scope, [members.at(-1)!.id]) : null }
}

/** One member, or `not_found`. */
export async function loadStaffMember(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<StaffMemberView> {
  const [member] = await tx.sql<StaffMemberView[]>`select ${shown(tx)} from staff where merchant_id = ${tx.merchantId} and id = ${id}`
  if (!member) throw new Refusal('not_found', { detail: 'There is no such member of staff.' })
  return member
}

/** The first moment of which a token cannot be older: they are dated to the second. */
export function nextSecond(now: Date): Date {
  return new Date((Math.floor(now.getTime() / 1000) + 1) * 1000)
}

const shown = (tx: Pick<Tx, 'sql'>) =>
  tx.sql`id, email, name, role, password_hash is not null as "hasPassword", disabled_at as "disabledAt", created_at as "createdAt"`

/** Changes of a merchant's staff come one after the other: who is the last owner, and who may say so, then holds to the end. */
async function lockStaff(tx: Tx): Promise<void> {
  await tx.sql`select pg_advisory_xact_lock(hashtextextended(${`staff|${tx.merchantId}`}, 21))`
}

/** What the appointer may do now: a request may have come in with what they could do before. */
async function presentScopes(tx: Tx, { actor, scopes }: Appointer): Promise<ReadonlySet<string>> {
  if (actor.kind !== 'staff') return scopes
  const self = await loadStaffMember(tx, actor.id)
  return new Set(self.disabledAt ? [] : scopesOfRole(self.role).filter((scope) => scopes.has(scope)))
}

function assertMayAppoint(scopes: ReadonlySet<string>, role: StaffRole): void {
  if (scopes.has('staff:write') && mayAppoint(scopes, role)) return
  throw new Refusal('insufficient_scope', {
    detail: `This is for those who may do all that the role ${role} may do.`,
    extra: { missing_scopes: scopesOfRole(role).filter((scope) => !scopes.has(scope)) },
  })
}

async function assertAnotherOwner(tx: Tx, id: string): Promise<void> {
  const others = await tx.sql`
    select id from staff
    where merchant_id = ${tx.merchantId} and role = 'owner' and disabled_at is null and password_hash is not null and id <> ${id} limit 1`
  if (others.length > 0) return
  throw new Refusal('invalid_state', { detail: 'This is the last owner who can sign in.', extra: { current_state: 'last_owner' } })
}

async function record(
  tx: Tx,
  type: string,
  document: { before: StaffMemberView | null; after: StaffMemberView },
  by: { actor: Actor; now: Date; reason: string },
): Promise<void> {
  const { id, role, disabledAt } = document.after
  const data = { role, disabled: disabledAt !== null }
  await Promise.all([
    recordAudit(tx, {
      action: type,
      targetType: 'staff',
      targetId: id,
      before: documentOf(document.before),
      after: documentOf(document.after),
      ...by,
    }),
    recordEvent(tx, { type, aggregateType: 'staff', aggregateId: id, data, actor: by.actor, now: by.now }),
  ])
}

function documentOf(member: StaffMemberView | null) {
  if (!member) return null
  const { email, name, role, hasPassword, disabledAt } = member
  return { email, name, role, has_password: hasPassword, disabled: disabledAt !== null }
}
