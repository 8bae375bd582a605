import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { AMOUNT_MAX } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { type Cart, loadCart } from './cart.ts'
import { addDraftLines, type CartDetails, createCart, type NewLine, updateCart } from './change-cart.ts'

export const DRAFT_DISCOUNT_REASON_BYTES_MAX = 200

/** What staff take off the whole draft, in minor units. */
export interface StaffDiscount {
  amount: bigint
  reason: string
}

export interface DraftContent {
  lines: readonly NewLine[]
  details: CartDetails
  discount: StaffDiscount | null
}

/** A cart that staff fill for a buyer. It stays until it is ordered or discarded; prices are those of each moment. */
export async function createDraft(tx: Tx, content: DraftContent, by: { actor: Actor; now: Date }): Promise<Cart> {
  const cart = await createCart(tx, { lines: [...content.lines], details: content.details, channel: 'draft', now: by.now })
  await tx.sql`
    update cart set drafted_by = ${JSON.stringify(by.actor)}::jsonb, staff_discount = ${discountJson(content.discount)}::jsonb
    where merchant_id = ${tx.merchantId} and id = ${cart.id}`
  return assertDiscounted(await loadCart(tx, cart.id, by.now), content.discount)
}

/** Changes a draft: what is absent stays; lines are all of them. Refuses `not_found` and `invalid_state` when it has been ordered. */
export async function changeDraft(tx: Tx, cartId: string, change: Partial<DraftContent>, now: Date): Promise<Cart> {
  const draft = await holdDraft(tx, cartId)
  if (draft.status !== 'open')
    throw new Refusal('invalid_state', { detail: 'This draft has become an order.', extra: { current_state: draft.status } })
  if (change.details) await updateCart(tx, cartId, { details: change.details, now })
  if (change.lines) {
    await tx.sql`delete from cart_line where merchant_id = ${tx.merchantId} and cart_id = ${cartId}`
    await addDraftLines(tx, cartId, { lines: [...change.lines], now })
  }
  if (change.discount !== undefined) {
    await tx.sql`
      update cart set staff_discount = ${discountJson(change.discount)}::jsonb where merchant_id = ${tx.merchantId} and id = ${cartId}`
  }
  return assertDiscounted(await loadCart(tx, cartId, now), change.discount ?? null)
}

/** Throws a draft away. Refuses `not_found` and `invalid_state` when it has been ordered. */
export async function discardDraft(tx: Tx, cartId: string): Promise<void> {
  const { status } = await holdDraft(tx, cartId)
  if (status !== 'open') throw new Refusal('invalid_state', { detail: 'This draft has become an order.', extra: { current_state: status } })
  await tx.sql`delete from cart where merchant_id = ${tx.merchantId} and id = ${cartId}`
}

/** Refuses `not_found` for what is no draft of this merchant. */
export async function assertDraft(tx: Tx, cartId: string): Promise<void> {
  const [row] = await tx.sql`
    select id from cart where merchant_id = ${tx.merchantId} and id = ${cartId} and drafted_by is not null`
  if (!row) throw noDraft()
}

export interface DraftSummary {
  id: string
  status: Cart['status']
  email: string | null
  draftedBy: Actor
  createdAt: Date
  updatedAt: Date
}

const QUERY = 'draft-orders'

/** One page of the drafts, the newest first. Refuses `invalid_cursor`. */
export async function listDrafts(tx: Tx, keys: TokenKeys, page: { limit: number; cursor?: string | undefined }) {
  const scope = { merchantId: tx.merchantId, query: QUERY }
  const [before = null] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx.sql<DraftSummary[]>`
    select id, status, email, drafted_by as "draftedBy", created_at as "createdAt", updated_at as "updatedAt" from cart
    where merchant_id = ${tx.merchantId} and drafted_by is not null and (${before}::uuid is null or id < ${before}::uuid)
    order by id desc limit ${page.limit + 1}`
  const drafts = rows.slice(0, page.limit)
  const last = drafts.at(-1)
  return { drafts, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last.id]) : null }
}

async function holdDraft(tx: Tx, cartId: string): Promise<{ status: Cart['status'] }> {
  const [row] = await tx.sql<{ status: Cart['status'] }[]>`
    select status from cart where merchant_id = ${tx.merchantId} and id = ${cartId} and drafted_by is not null for update`
  if (!row) throw noDraft()
  return row
}

function noDraft(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such draft.' })
}

function discountJson(discount: StaffDiscount | null): string | null {
  if (!discount) return null
  const { amount, reason } = discount
  if (amount <= 0n || amount > AMOUNT_MAX)
    throw new Refusal('amount_out_of_range', { errors: [{ pointer: '/discount/amount', code: 'amount_out_of_range' }] })
  return JSON.stringify({ amount: Number(amount), reason: requireProse('/discount/reason', reason, DRAFT_DISCOUNT_REASON_BYTES_MAX) })
}

function assertDiscounted(cart: Cart, discount: StaffDiscount | null): Cart {
  const taken = cart.priced.adjustments.find(({ source }) => source === 'manual')?.amount ?? 0n
  if (!discount || -taken === discount.amount) return cart
  throw new Refusal('discount_exceeds_total', {
    detail: `Only ${-taken} can be taken off.`,
    errors: [{ pointer: '/discount/amount', code: 'discount_exceeds_total' }],
  })
}
