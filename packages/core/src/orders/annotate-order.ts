import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Address } from '../cart/address.ts'
import { newId } from '../ids.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { Refusal } from '../refusal.ts'
import { requireName, requireProse } from '../text.ts'
import { holdOrder } from './hold-order.ts'
import { recordOrderEvent } from './record-order-event.ts'

export const NOTE_BYTES_MAX = 5_000
export const NOTES_PER_ORDER_MAX = 1_000
export const TAGS_MAX = 50
export const TAG_LENGTH_MAX = 100

type By = { actor: Actor; now: Date }

export interface OrderNote {
  id: string
  body: string
  actor: Actor
  createdAt: Date
}

/** Writes a note for staff on an order. Refuses `not_found`, and `too_many` beyond NOTES_PER_ORDER_MAX. */
export async function addNote(tx: Tx, orderId: string, body: string, by: By): Promise<OrderNote> {
  const text = requireProse('/body', body, NOTE_BYTES_MAX)
  const held = await holdOrder(tx, orderId)
  const [count] = await tx.sql<{ notes: number }[]>`
    select count(*)::int as notes from order_note where merchant_id = ${tx.merchantId} and order_id = ${orderId}`
  if (count!.notes >= NOTES_PER_ORDER_MAX) throw new Refusal('too_many', { detail: `An order has ${NOTES_PER_ORDER_MAX} notes at most.` })
  const note = { id: newId(by.now), body: text, actor: by.actor, createdAt: by.now }
  await tx.sql`
    insert into order_note (merchant_id, id, order_id, body, actor, created_at)
    values (${tx.merchantId}, ${note.id}, ${orderId}, ${text}, ${JSON.stringify(by.actor)}::jsonb, ${by.now})`
  await recordOrderEvent(tx, held, { type: 'order.noted', noteId: note.id }, by)
  return note
}

/** The notes of an order, the oldest first. */
export async function listNotes(tx: Tx, orderId: string): Promise<OrderNote[]> {
  return tx.sql<OrderNote[]>`
    select id, body, actor, created_at as "createdAt" from order_note
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by id`
}

/** Sets the tags of an order; each once, in the order of their letters. Says nothing when they are what they were. */
export async function tagOrder(tx: Tx, orderId: string, given: readonly string[], by: By): Promise<void> {
  if (given.length > TAGS_MAX) throw new Refusal('too_many', { detail: `An order has ${TAGS_MAX} tags at most.` })
  const tags = [...new Set(given.map((tag, index) => requireName(`/tags/${index}`, tag, TAG_LENGTH_MAX)))].sort()
  const held = await holdOrder(tx, orderId)
  if (JSON.stringify(tags) === JSON.stringify(held.state.tags)) return
  await recordOrderEvent(tx, held, { type: 'order.tagged', tags }, by)
}

/** What changes of whom an order is for; what is absent stays. */
export interface ContactChange {
  email?: string | undefined
  shippingAddress?: Address | undefined
  billingAddress?: Address | undefined
}

/**
 * Corrects whom an order is for, as a new revision: the old one stays beside it. Prices stay what they are; an address
 * that changes them is an edit. Refuses `invalid_state` for an order that is cancelled, or whose shipping address is wanted to change
 * when goods have been sent.
 */
export async function changeContact(tx: Tx, orderId: string, change: ContactChange, by: By): Promise<void> {
  const held = await holdOrder(tx, orderId)
  const { status, fulfillmentStatus } = held.state
  const isTooLate = status === 'cancelled' || (change.shippingAddress !== undefined && fulfillmentStatus !== 'unfulfilled')
  if (isTooLate) throw new Refusal('invalid_state', { detail: 'It is too late to change that.', extra: { current_state: status } })
  const fields = Object.entries({ email: change.email, shipping_address: change.shippingAddress, billing_address: change.billingAddress })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)
  if (fields.length === 0) return
  await reviseContact(tx, orderId, { ...change, ...(change.email !== undefined && { email: normalizeEmail(change.email) }) }, by.now)
  await recordOrderEvent(tx, held, { type: 'order.contact_changed', fields }, by)
}

/** The next revision of a contact, and the order's own copy of it. */
async function reviseContact(tx: Tx, orderId: string, change: ContactChange, now: Date): Promise<void> {
  const { email = null, shippingAddress, billingAddress } = change
  await tx.sql`
    with changed as (
      update orders set email = coalesce(${email}, email),
        shipping_address = coalesce(${jsonOrNull(shippingAddress)}::jsonb, shipping_address),
        billing_address = coalesce(${jsonOrNull(billingAddress)}::jsonb, billing_address)
      where merchant_id = ${tx.merchantId} and id = ${orderId}
      returning email, shipping_address, billing_address, contact_revision
    )
    insert into order_contact (merchant_id, order_id, revision, email, shipping_address, billing_address, valid_from)
    select ${tx.merchantId}, ${orderId}, contact_revision + 1, email, shipping_address, billing_address, ${now}::timestamptz from changed`
}

function jsonOrNull(address: Address | undefined): string | null {
  return address === undefined ? null : JSON.stringify(address)
}
