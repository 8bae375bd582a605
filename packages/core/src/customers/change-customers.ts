import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq, sql } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { fieldNames } from '../events/field-names.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { type Customer, getCustomer, noCustomer } from './customer.ts'
import { CUSTOMER_NAME_GRAPHEMES_MAX } from './limits.ts'
import { customers } from './tables.ts'

/** What staff say of a customer. */
export interface CustomerInput {
  email: string
  name?: string | undefined
  locale?: string | null | undefined
  taxExempt?: boolean | undefined
  vatId?: string | null | undefined
  vatIdValid?: boolean | undefined
}

/** What is absent stays. */
export type CustomerChanges = { [Key in keyof CustomerInput]?: CustomerInput[Key] | undefined }

interface ByWhom {
  actor: Actor
  now: Date
}

const FIELDS = ['email', 'name', 'locale', 'taxExempt', 'vatId', 'vatIdValid'] as const

/** Writes down a customer. Refuses `duplicate` when there is one with this e-mail address. */
export async function createCustomer(tx: Tx, input: CustomerInput, by: ByWhom): Promise<Customer> {
  const id = newId(by.now)
  const row = checked({ name: '', locale: null, taxExempt: false, vatId: null, vatIdValid: false, ...present(input), email: input.email })
  const inserted = await tx
    .insert(customers)
    .values({ ...row, merchantId: tx.merchantId, id, createdAt: by.now, updatedAt: by.now })
    .onConflictDoNothing({ target: [customers.merchantId, customers.email] })
    .returning({ id: customers.id })
  if (inserted.length === 0) throw emailTaken()
  await customerEvent(tx, 'customer.created', id, {}, by)
  return getCustomer(tx, id)
}

/** Changes a customer, with an event that names the fields and none of their values. A new VAT id is one that nobody has checked. */
export async function updateCustomer(tx: Tx, customerId: string, changes: CustomerChanges, by: ByWhom): Promise<Customer> {
  await lockCustomer(tx, customerId)
  const before = await getCustomer(tx, customerId)
  const asked = present(changes)
  const renewed = asked.vatId !== undefined && asked.vatId !== before.vatId
  const after = checked({ ...before, ...(renewed && { vatIdValid: false }), ...asked })
  const changed = FIELDS.filter((field) => after[field] !== before[field])
  if (changed.length === 0) return before
  if (changed.includes('email')) await assertEmailFree(tx, after.email)
  await save(tx, customerId, Object.fromEntries(changed.map((field) => [field, after[field]])), by.now)
  await customerEvent(tx, 'customer.updated', customerId, { changed: fieldNames(changed) }, by)
  return getCustomer(tx, customerId)
}

/** Forgets a customer. Their orders stay, and belong to nobody; their open carts are those of a guest. */
export async function deleteCustomer(tx: Tx, customerId: string, by: ByWhom): Promise<void> {
  const deleted = await tx
    .delete(customers)
    .where(and(mine(tx, customers), eq(customers.id, customerId)))
    .returning({ id: customers.id })
  if (deleted.length === 0) throw noCustomer()
  await customerEvent(tx, 'customer.deleted', customerId, {}, by)
}

/** Keeps a customer as it is until the transaction ends. Refuses `not_found`. */
export async function lockCustomer(tx: Tx, customerId: string): Promise<void> {
  const [locked] = await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${customerId} for no key update`
  if (!locked) throw noCustomer()
}

function checked<Row extends Required<CustomerChanges>>(row: Row) {
  const vatId = row.vatId?.trim().toUpperCase() || null
  return {
    email: normalizeEmail(row.email!),
    name: requireName('/name', row.name!, CUSTOMER_NAME_GRAPHEMES_MAX),
    locale: row.locale ?? null,
    taxExempt: row.taxExempt!,
    vatId,
    vatIdValid: vatId !== null && row.vatIdValid!,
  }
}

function present(changes: CustomerChanges): { [Key in keyof CustomerChanges]: Exclude<CustomerChanges[Key], undefined> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

async function save(tx: Tx, customerId: string, changed: Record<string, unknown>, now: Date): Promise<void> {
  try {
    await tx
      .update(customers)
      .set({ ...changed, version: sql`${customers.version} + 1`, updatedAt: now })
      .where(and(mine(tx, customers), eq(customers.id, customerId)))
  } catch (error) {
    // Two customers given the same free address at the same moment. The transaction is spoilt either way, and a refusal ends it.
    if ((error as { cause?: { code?: string } }).cause?.code === '23505') throw emailTaken()
    throw error
  }
}

async function assertEmailFree(tx: Tx, email: string): Promise<void> {
  const [taken] = await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and email = ${email}`
  if (taken) throw emailTaken()
}

function emailTaken(): Refusal {
  const detail = 'There is a customer with this e-mail address already.'
  return new Refusal('duplicate', { detail, errors: [{ pointer: '/email', code: 'duplicate' }] })
}

function customerEvent(tx: Tx, type: string, customerId: string, data: Record<string, unknown>, by: ByWhom) {
  return recordEvent(tx, { type, aggregateType: 'customer', aggregateId: customerId, data: { customer_id: customerId, ...data }, ...by })
}
