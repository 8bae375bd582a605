import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { makeHandle, normalHandle } from '../catalog/handle.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { lockCustomer } from './change-customers.ts'
import { type Customer, type CustomerGroup, getCustomer } from './customer.ts'
import { CUSTOMER_GROUPS_MAX, GROUP_NAME_GRAPHEMES_MAX, GROUPS_PER_CUSTOMER_MAX } from './limits.ts'
import { customerGroups } from './tables.ts'

interface ByWhom {
  actor: Actor
  now: Date
}

/** All groups of the merchant, by handle: there are at most CUSTOMER_GROUPS_MAX. */
export async function listGroups(tx: Tx): Promise<CustomerGroup[]> {
  return tx.sql<CustomerGroup[]>`select id, handle, name from customer_group where merchant_id = ${tx.merchantId} order by handle`
}

/** A group. Refuses `not_found`. */
export async function getGroup(tx: Tx, groupId: string): Promise<CustomerGroup> {
  const [group] = await tx.sql<CustomerGroup[]>`
    select id, handle, name from customer_group where merchant_id = ${tx.merchantId} and id = ${groupId}`
  if (!group) throw noGroup()
  return group
}

/**
 * Makes a group. Its handle, made from the name if it is not given, is what rules call it, and stays. Refuses `duplicate`, and
 * `too_many` beyond CUSTOMER_GROUPS_MAX.
 */
export async function createGroup(tx: Tx, input: { name: string; handle?: string | undefined }, by: ByWhom): Promise<CustomerGroup> {
  const name = requireName('/name', input.name, GROUP_NAME_GRAPHEMES_MAX)
  const handle = input.handle === undefined ? makeHandle(name) : normalHandle(input.handle)
  if (handle === undefined) {
    const detail = 'A handle has letters, digits, hyphens and underscores.'
    throw new Refusal('invalid_text', { detail, errors: [{ pointer: '/handle', code: 'invalid_handle', detail }] })
  }
  const id = newId(by.now)
  const [made] = await tx.sql<{ count: bigint }[]>`
    with inserted as (
      insert into customer_group (merchant_id, id, handle, name, created_at)
      values (${tx.merchantId}, ${id}, ${handle}, ${name}, ${by.now})
      on conflict (merchant_id, handle) do nothing
      returning id
    )
    select (select count(*) from customer_group where merchant_id = ${tx.merchantId}) as count from inserted`
  if (!made) throw handleTaken(handle)
  if (made.count >= CUSTOMER_GROUPS_MAX) throw new Refusal('too_many', { detail: `There may be ${CUSTOMER_GROUPS_MAX} groups.` })
  await groupEvent(tx, 'customer_group.created', { id, handle }, by)
  return { id, handle, name }
}

/** Gives a group another name; rules know it by its handle, which stays. */
export async function renameGroup(tx: Tx, groupId: string, newName: string, by: ByWhom): Promise<CustomerGroup> {
  const name = requireName('/name', newName, GROUP_NAME_GRAPHEMES_MAX)
  const [group] = await tx.sql<CustomerGroup[]>`
    update customer_group set name = ${name} where merchant_id = ${tx.merchantId} and id = ${groupId} returning id, handle, name`
  if (!group) throw noGroup()
  await groupEvent(tx, 'customer_group.updated', group, by)
  return group
}

/** Deletes a group. Its customers stay, and are no longer in it. */
export async function deleteGroup(tx: Tx, groupId: string, by: ByWhom): Promise<void> {
  // Held first, so that nobody joins in the meantime.
  await tx.sql`select 1 from customer_group where merchant_id = ${tx.merchantId} and id = ${groupId} for update`
  const members = await tx.sql<{ id: string }[]>`
    select c.id from customer_group_member m join customer c on c.merchant_id = ${tx.merchantId} and c.id = m.customer_id
    where m.merchant_id = ${tx.merchantId} and m.group_id = ${groupId} order by c.id for no key update of c`
  const [deleted] = await tx
    .delete(customerGroups)
    .where(and(mine(tx, customerGroups), eq(customerGroups.id, groupId)))
    .returning({ id: customerGroups.id, handle: customerGroups.handle })
  if (!deleted) throw noGroup()
  await refreshGroups(
    tx,
    members.map(({ id }) => id),
  )
  await groupEvent(tx, 'customer_group.deleted', deleted, by)
}

/** Takes a customer into a group; who is in it already stays in it. Refuses `too_many` beyond GROUPS_PER_CUSTOMER_MAX. */
export async function joinGroup(tx: Tx, given: { groupId: string; customerId: string }, by: ByWhom): Promise<Customer> {
  await tx.sql`select 1 from customer_group where merchant_id = ${tx.merchantId} and id = ${given.groupId} for key share`
  const group = await getGroup(tx, given.groupId)
  // Held, so that two groups joined at once are counted together.
  await lockCustomer(tx, given.customerId)
  const joined = await tx.sql`
    insert into customer_group_member (merchant_id, group_id, customer_id, added_at)
    values (${tx.merchantId}, ${given.groupId}, ${given.customerId}, ${by.now}) on conflict do nothing returning group_id`
  if (joined.length > 0) {
    await refreshGroups(tx, [given.customerId])
    await groupEvent(tx, 'customer_group.joined', group, by, given.customerId)
  }
  const customer = await getCustomer(tx, given.customerId)
  if (customer.groups.length > GROUPS_PER_CUSTOMER_MAX) {
    throw new Refusal('too_many', { detail: `A customer may be in ${GROUPS_PER_CUSTOMER_MAX} groups.` })
  }
  return customer
}

/** Takes a customer out of a group. Refuses `not_found` for who is not in it. */
export async function leaveGroup(tx: Tx, given: { groupId: string; customerId: string }, by: ByWhom): Promise<void> {
  await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${given.customerId} for no key update`
  const left = await tx.sql`
    delete from customer_group_member
    where merchant_id = ${tx.merchantId} and group_id = ${given.groupId} and customer_id = ${given.customerId} returning group_id`
  if (left.length === 0) throw new Refusal('not_found', { detail: 'There is no such customer in this group.' })
  await refreshGroups(tx, [given.customerId])
  await groupEvent(tx, 'customer_group.left', await getGroup(tx, given.groupId), by, given.customerId)
}

/** Brings the snapshot of customers who are held in agreement with the groups they are in. */
function refreshGroups(tx: Tx, customerIds: readonly string[]) {
  return tx.sql`
    update customer c set groups = array(
      select g.handle from customer_group_member m join customer_group g on g.merchant_id = ${tx.merchantId} and g.id = m.group_id
      where m.merchant_id = ${tx.merchantId} and m.customer_id = c.id order by g.handle)
    where c.merchant_id = ${tx.merchantId} and c.id = any(${customerIds as string[]}::uuid[])`
}

function noGroup(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such group.' })
}

function handleTaken(handle: string): Refusal {
  const detail = `There is a group with the handle ${handle} already.`
  return new Refusal('duplicate', { detail, errors: [{ pointer: '/handle', code: 'duplicate' }] })
}

function groupEvent(tx: Tx, type: string, group: { id: string; handle: string }, by: ByWhom, customerId?: string) {
  const data = { group_id: group.id, handle: group.handle, ...(customerId !== undefined && { customer_id: customerId }) }
  return recordEvent(tx, { type, aggregateType: 'customer_group', aggregateId: group.id, data, ...by })
}
