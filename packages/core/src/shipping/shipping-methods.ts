import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { type ByWhom, changedFields, recordChange } from '../taxes/record-change.ts'
import { requireMethod } from './check-method.ts'
import { SHIPPING_METHODS_MAX, type ShippingMethod, shippingMethodSchema } from './shipping-table.ts'
import { listZones } from './shipping-zones.ts'

/** A method as staff see it; buyers see the active ones. */
export interface ShippingMethodRecord {
  id: string
  active: boolean
  /** 1, 2, 3 ... in the order in which buyers see them. */
  position: number
  method: ShippingMethod
  /** Of the merchant: amounts are in it. */
  currency: string
  updated_at: Date
}

export interface NewShippingMethod {
  active: boolean
  method: ShippingMethod
}

/** What staff may change; the code stays, because orders keep it. */
export interface ShippingMethodChanges {
  active?: boolean | undefined
  method?: { [Key in Exclude<keyof ShippingMethod, 'code'>]?: ShippingMethod[Key] | undefined }
}

/** All methods in the order in which buyers see them: there are at most SHIPPING_METHODS_MAX. */
export async function listMethods(tx: Tx): Promise<ShippingMethodRecord[]> {
  const rows = await tx.sql<ShippingMethodRecord[]>`
    select ${columns(tx)} from shipping_method where merchant_id = ${tx.merchantId} order by shipping_method.position, id`
  return rows.map(toRecord)
}

/** A method. Refuses `not_found`. */
export async function getMethod(tx: Tx, methodId: string): Promise<ShippingMethodRecord> {
  const [row] = await tx.sql<ShippingMethodRecord[]>`
    select ${columns(tx)} from shipping_method where merchant_id = ${tx.merchantId} and id = ${methodId}`
  if (!row) throw noMethod()
  return toRecord(row)
}

/**
 * Makes a method, the last of the list. With the first one the flat rate of the settings is no longer offered. Refuses
 * `shipping_invalid` and what its conditions are refused for, `duplicate` for a code that is taken, and `too_many`.
 */
export async function createMethod(tx: Tx, given: NewShippingMethod, by: ByWhom): Promise<ShippingMethodRecord> {
  await lockPricing(tx)
  const method = requireMethod(given.method, await zoneIds(tx))
  const methods = await listMethods(tx)
  if (methods.some((other) => other.method.code === method.code)) {
    const detail = 'There is a method with this code already.'
    throw new Refusal('duplicate', { detail, errors: [{ pointer: '/code', code: 'duplicate' }] })
  }
  if (methods.length >= SHIPPING_METHODS_MAX)
    throw new Refusal('too_many', { detail: `There may be ${SHIPPING_METHODS_MAX} shipping methods.` })
  const id = newId(by.now)
  const position = (methods.at(-1)?.position ?? 0) + 1
  await tx.sql`
    insert into shipping_method (merchant_id, id, code, name, active, position, document, created_at, updated_at)
    values (${tx.merchantId}, ${id}, ${method.code}, ${method.name}, ${given.active}, ${position}, ${JSON.stringify(method)}::jsonb, ${by.now},
      ${by.now})`
  const made = await getMethod(tx, id)
  const data = { code: method.code }
  await Promise.all(recordChange(tx, { type: 'shipping_method.created', of: 'shipping_method', id, before: null, after: made, data }, by))
  return made
}

/** Changes a method. Refuses as createMethod does, and `not_found`. */
export async function updateMethod(tx: Tx, methodId: string, changes: ShippingMethodChanges, by: ByWhom): Promise<ShippingMethodRecord> {
  await lockPricing(tx)
  const before = await getMethod(tx, methodId)
  const asked = Object.fromEntries(Object.entries(changes.method ?? {}).filter(([, value]) => value !== undefined))
  const method = requireMethod({ ...before.method, ...asked, code: before.method.code }, await zoneIds(tx))
  const active = changes.active ?? before.active
  const changed = changedFields({ ...before.method, active: before.active }, { ...method, active })
  if (changed.length === 0) return before
  await tx.sql`
    update shipping_method set name = ${method.name}, active = ${active}, document = ${JSON.stringify(method)}::jsonb, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${methodId}`
  const after = { ...before, active, method, updated_at: by.now }
  const data = { code: method.code, changed }
  await Promise.all(recordChange(tx, { type: 'shipping_method.updated', of: 'shipping_method', id: methodId, before, after, data }, by))
  return after
}

/** Deletes a method. A cart that had chosen it has to choose again; orders keep what they were charged. */
export async function deleteMethod(tx: Tx, methodId: string, by: ByWhom): Promise<void> {
  await lockPricing(tx)
  const before = await getMethod(tx, methodId)
  await tx.sql`delete from shipping_method where merchant_id = ${tx.merchantId} and id = ${methodId}`
  const data = { code: before.method.code }
  await Promise.all(
    recordChange(tx, { type: 'shipping_method.deleted', of: 'shipping_method', id: methodId, before, after: null, data }, by),
  )
}

/** Moves a method to a place in the order, 1 being the first; beyond the last is the last. Answers all in their new order. */
export async function moveMethod(tx: Tx, methodId: string, position: number, by: ByWhom): Promise<ShippingMethodRecord[]> {
  await lockPricing(tx)
  const methods = await listMethods(tx)
  const moved = methods.find(({ id }) => id === methodId)
  if (!moved) throw noMethod()
  const before = methods.map(({ id }) => id)
  const after = before.filter((id) => id !== methodId).toSpliced(Math.max(0, position - 1), 0, methodId)
  if (before.every((id, index) => id === after[index])) return methods
  await tx.sql`
    update shipping_method m set position = o.position
    from jsonb_to_recordset(${JSON.stringify(after.map((id, index) => ({ id, position: index + 1 })))}::jsonb) as o (id uuid, position integer)
    where m.merchant_id = ${tx.merchantId} and m.id = o.id`
  const data = { code: moved.method.code }
  await Promise.all(recordChange(tx, { type: 'shipping_method.moved', of: 'shipping_method', id: methodId, before, after, data }, by))
  return listMethods(tx)
}

export async function zoneIds(tx: Tx): Promise<Set<string>> {
  return new Set((await listZones(tx)).map(({ id }) => id))
}

function columns(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`id, active, position, document as method,
    (select currency from merchant_settings s where s.merchant_id = ${tx.merchantId}) as currency, updated_at`
}

/** A document of an earlier version of the schema gets what it has not from the defaults. */
function toRecord(row: ShippingMethodRecord): ShippingMethodRecord {
  return { ...row, method: shippingMethodSchema.parse(row.method) }
}

function noMethod(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such shipping method.' })
}
