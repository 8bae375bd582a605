import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { countDifference } from '../customers/figures.ts'
import { planFulfillments } from '../fulfillment/open-fulfillments.ts'
import { newId } from '../ids.ts'
import type { Money } from '../money.ts'
import { excessOf, outstandingOf } from '../orders/amounts-due.ts'
import { changeContact } from '../orders/annotate-order.ts'
import { type HeldOrder, holdOrder, readOrderState } from '../orders/hold-order.ts'
import { noOrder } from '../orders/order.ts'
import type { LineContent } from '../orders/order-event.ts'
import type { OrderState, OrderTotals } from '../orders/order-state.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { repayingOf } from '../payments/repaying.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { customerKey } from '../promotions/customer-key.ts'
import { recountRedemptions } from '../promotions/recount-redemptions.ts'
import { promotionUses } from '../promotions/redeem.ts'
import { refundedPieces } from '../refunds/refundable.ts'
import { Refusal } from '../refusal.ts'
import { assertClaimed, claimStock } from '../stock/claim.ts'
import { releaseStock } from '../stock/release.ts'
import { requireProse } from '../text.ts'
import { contentAfter, type EditedContent, type EditedLine } from './edit-lines.ts'
import { type OrderEdit, type Repriced, repriceOrder, type TaxAnswer, type TaxQuestion } from './edit-pricing.ts'
import { settleDifference } from './settle-difference.ts'

export const EDIT_REASON_BYTES_MAX = 1_000

export interface EditWish {
  orderId: string
  edit: OrderEdit
  now: Date
  /** What was asked of the plugin that reckons its taxes, before. */
  taxed?: TaxAnswer | undefined
}

export interface EditRequest extends EditWish {
  reason: string
  /** The total staff were shown; another one now is refused. */
  expectedTotal: Money | undefined
  /** Where what was paid too much goes. */
  refundTo: 'original' | 'store_credit'
  actor: Actor
}

/** What an edit would make of an order, and what then is still to be paid or to be given back. Minor units. */
export interface EditPreview {
  currency: string
  before: OrderTotals
  after: OrderTotals
  /** The new total less the old one. */
  difference: bigint
  /** Not paid and not authorized yet. */
  outstanding: bigint
  /** Captured beyond the new total, and not given back. */
  excess: bigint
  lines: LineContent[]
}

interface PricingRow {
  pricing_input: unknown
  pricing_result: unknown
  pricing_version: string | null
}

/** Prices an edit and changes nothing. Refuses what `editOrder` refuses of the edit itself. */
export async function lookAtEdit(tx: Tx, wish: EditWish): Promise<EditPreview | TaxQuestion> {
  const held = await readOrderState(tx, wish.orderId)
  const priced = await readPriced(tx, held)
  const repriced = await repriceOrder(tx, priced, wish.edit, { now: wish.now, taxed: wish.taxed })
  if ('untaxed' in repriced) return repriced
  const content = contentAfter(held.state, priced.lines, repriced, { ...priced, now: wish.now })
  return preview(held.state, repriced, { lines: content, repaying: priced.repaying })
}

/**
 * Changes an order that was placed: quantities, goods, what staff take off, the address. It is priced as it was when it was
 * placed; stock follows, and so does the money: what is too much is given back, what is missing is waited for. Answers what is
 * outstanding then; or, with nothing changed, what a plugin is to be asked before. Refuses
 * `invalid_state` for an order that is pending, cancelled or just being packed, `quantity_out_of_range` below
 * what was sent or refunded, `insufficient_stock`, `total_changed`, and `promotion_used_up` and `coupon_used_up` where promotions are
 * counted anew.
 */
export async function editOrder(tx: Tx, request: EditRequest): Promise<{ outstanding: bigint } | TaxQuestion> {
  const { orderId, edit, actor, now, refundTo } = request
  const by = { actor, now }
  const reason = requireProse('/reason', request.reason, EDIT_REASON_BYTES_MAX)
  const held = await holdOrder(tx, orderId)
  const priced = await readPriced(tx, held)
  const repriced = await repriceOrder(tx, priced, edit, request)
  if ('untaxed' in repriced) return repriced
  const content = contentAfter(held.state, priced.lines, repriced, { ...priced, now })
  const seen = preview(held.state, repriced, { lines: content, repaying: priced.repaying })
  const { before, after: totals, difference } = seen
  assertExpected(request.expectedTotal, { amount: totals.total, currency: seen.currency })
  await moveStock(tx, held, content, by)
  if (edit.recountsPromotions) await recount(tx, held, repriced)
  const editId = newId(now)
  const { lines } = priced
  await Promise.all([
    insertLines(
      tx,
      orderId,
      lines.length,
      content.filter((line) => !lines.some(({ id }) => id === line.id)),
    ),
    keepPricing(tx, orderId, repriced),
    keepEdit(tx, { editId, stored: priced, repriced, difference, ...request, reason }),
    ...(held.customerId === null ? [] : [countDifference(tx, { customerId: held.customerId, difference })]),
  ])
  crashPoint('edit.written')
  await recordOrderEvent(tx, held, { type: 'order.edited', lines: content.map(toContent), totals, difference, reason }, by)
  await planFulfillments(tx, held, by)
  const outstanding = await settleDifference(tx, held, { ...by, reason, editId, to: refundTo })
  // Holds the order for itself: nothing of `held` is used behind it.
  if (edit.shippingAddress) await changeContact(tx, orderId, { shippingAddress: edit.shippingAddress }, by)
  await recordAudit(tx, {
    ...{ action: 'order.edited', targetType: 'order', targetId: orderId, reason, ...by },
    before: { total: before.total },
    after: { total: totals.total },
  })
  return { outstanding }
}

interface Priced extends PricingRow {
  lines: EditedLine[]
  /** Pieces that were refunded, by line. */
  refunded: ReadonlyMap<string, bigint>
  /** What providers are giving back for earlier edits. */
  repaying: bigint
}

async function readPriced(tx: Tx, { id, state }: HeldOrder): Promise<Priced> {
  const { status } = state
  if (status === 'pending' || status === 'cancelled' || status === 'returned') throw notEditable(`It is ${status}.`, status)
  const [[stored], lines, refunded, repaying] = await Promise.all([
    tx.sql<PricingRow[]>`
      select pricing_input, pricing_result, pricing_version from orders where merchant_id = ${tx.merchantId} and id = ${id}`,
    tx.sql<EditedLine[]>`
      select id, pricing_line_id as "pricingLineId", kind, product_title as "productTitle", variant_title as "variantTitle" from order_line
      where merchant_id = ${tx.merchantId} and order_id = ${id} order by position`,
    refundedPieces(tx, id),
    repayingOf(tx, id),
  ])
  if (!stored) throw noOrder()
  return { ...stored, lines: [...lines], refunded, repaying }
}

/** By the promotions and coupons as they were when the order was placed. */
async function recount(tx: Tx, held: HeldOrder, { priced, rules }: Repriced): Promise<void> {
  const uses = promotionUses(priced, rules.document.promotions)
  await recountRedemptions(tx, { orderId: held.id, customerKey: customerKey(held), uses, now: held.placedAt })
}

function notEditable(why: string, currentState: string): Refusal {
  return new Refusal('invalid_state', { detail: `The order cannot be edited. ${why}`, extra: { current_state: currentState } })
}

function preview(state: OrderState, { priced }: Repriced, seen: { lines: readonly EditedContent[]; repaying: bigint }): EditPreview {
  const { subtotal, discount, shippingDiscount, shipping, tax, taxIncluded, total } = priced.totals
  const after: OrderTotals = {
    ...{ subtotal, discountTotal: discount, shippingDiscountTotal: shippingDiscount, shippingTotal: shipping, taxTotal: tax },
    ...{ taxIncluded, total },
  }
  return {
    currency: state.currency,
    before: state,
    after,
    difference: total - state.total,
    outstanding: outstandingOf({ ...state, total }, seen.repaying),
    excess: excessOf({ ...state, total }, seen.repaying),
    lines: seen.lines.map(toContent),
  }
}

function assertExpected(expected: Money | undefined, total: Money): void {
  if (!expected || (expected.amount === total.amount && expected.currency === total.currency)) return
  const extra = { total: { amount: Number(total.amount), currency: total.currency } }
  throw new Refusal('total_changed', { detail: 'The edit comes to another total than expected.', extra })
}

/** Gives back first, so that what one line no longer needs another can have. */
async function moveStock(tx: Tx, { id: orderId, state }: HeldOrder, content: readonly LineContent[], by: { actor: Actor; now: Date }) {
  const changes = new Map<string, bigint>()
  const move = (variantId: string, quantity: bigint) => changes.set(variantId, (changes.get(variantId) ?? 0n) + quantity)
  for (const line of state.lines) move(line.variantId, -line.quantity)
  for (const line of content) move(line.variantId, line.quantity)
  const lines = [...changes].map(([variantId, quantity]) => ({ variantId, quantity }))
  const fewer = lines.filter(({ quantity }) => quantity < 0n).map(({ variantId, quantity }) => ({ variantId, quantity: -quantity }))
  const more = lines.filter(({ quantity }) => quantity > 0n)
  if (fewer.length > 0) await releaseStock(tx, { orderId, lines: fewer, ...by })
  if (more.length > 0) assertClaimed(await claimStock(tx, { orderId, lines: more, ...by }), more)
}

function insertLines(tx: Tx, orderId: string, positions: number, lines: readonly EditedContent[]): Query {
  const rows = lines.map((line, index) => ({ ...line, position: positions + index + 1 }))
  return tx.sql`
    insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku,
      quantity, unit_price, subtotal, discount_total, tax_total, total, kind, pricing_line_id)
    select ${tx.merchantId}::uuid, id, ${orderId}::uuid, position, "productId", "variantId", "productTitle", "variantTitle", sku,
      quantity, "unitPrice", subtotal, "discountTotal", "taxTotal", total, kind, "pricingLineId"
    from jsonb_to_recordset(${storePricing(rows)}::jsonb) as line (id uuid, position int, "productId" uuid, "variantId" uuid,
      "productTitle" text, "variantTitle" text, sku text, quantity bigint, "unitPrice" bigint, subtotal bigint,
      "discountTotal" bigint, "taxTotal" bigint, total bigint, kind text, "pricingLineId" text)`
}

function keepPricing(tx: Tx, orderId: string, { input, priced }: Repriced): Query {
  return tx.sql`
    update orders set pricing_input = ${storePricing(input)}::jsonb, pricing_result = ${storePricing(priced)}::jsonb,
      tax_treatment = ${priced.taxTreatment.treatment}
    where merchant_id = ${tx.merchantId} and id = ${orderId}`
}

interface KeptEdit extends EditRequest {
  editId: string
  stored: PricingRow
  repriced: Repriced
  difference: bigint
}

function keepEdit(tx: Tx, { editId, orderId, edit, stored, repriced, difference, reason, actor, now }: KeptEdit): Query {
  return tx.sql`
    insert into order_edit (merchant_id, id, order_id, input_before, result_before, input_after, result_after, difference, reason, actor,
      edited_at, recounts_promotions)
    values (${tx.merchantId}, ${editId}, ${orderId}, ${JSON.stringify(stored.pricing_input)}::jsonb,
      ${JSON.stringify(stored.pricing_result)}::jsonb, ${storePricing(repriced.input)}::jsonb, ${storePricing(repriced.priced)}::jsonb,
      ${difference}, ${reason}, ${JSON.stringify(actor)}::jsonb, ${now}, ${edit.recountsPromotions ?? false})`
}

function toContent({
  id,
  productId,
  variantId,
  sku,
  quantity,
  unitPrice,
  subtotal,
  discountTotal,
  taxTotal,
  total,
}: LineContent): LineContent {
  return { id, productId, variantId, sku, quantity, unitPrice, subtotal, discountTotal, taxTotal, total }
}
