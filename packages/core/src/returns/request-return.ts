import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { fulfillmentsOf } from '../fulfillment/fulfillment.ts'
import { loadFulfillmentSettings } from '../fulfillment/settings.ts'
import { newId } from '../ids.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { Refusal } from '../refusal.ts'
import {
  assertReturnIs,
  holdReturn,
  loadReturn,
  type OrderReturn,
  type ReturnReason,
  type ReturnStatus,
  returnsOf,
} from './order-return.ts'

export const RETURNS_PER_ORDER_MAX = 100
const DAY_MS = 86_400_000

export interface NewReturn {
  orderId: string
  lines: readonly { lineId: string; quantity: bigint; reason: ReturnReason }[]
  /** In the words of whoever asks. */
  note: string
}

interface By {
  actor: Actor
  now: Date
}

/**
 * Somebody wants to send goods back. What staff ask for is approved with it; buyers may ask while the merchant's window is open.
 * Refuses `quantity_out_of_range` for more of a line than was sent, and is neither back nor announced; `invalid_state` outside the
 * window.
 */
export async function requestReturn(tx: Tx, { orderId, lines, note }: NewReturn, by: By): Promise<OrderReturn> {
  const held = await holdOrder(tx, orderId)
  const earlier = await returnsOf(tx, orderId)
  if (earlier.length >= RETURNS_PER_ORDER_MAX)
    throw new Refusal('too_many', { detail: `An order has at most ${RETURNS_PER_ORDER_MAX} returns.` })
  if (by.actor.kind === 'buyer') await assertWindowOpen(tx, orderId, by.now)
  assertReturnable(held, earlier, lines)
  const id = newId(by.now)
  const status: ReturnStatus = by.actor.kind === 'buyer' ? 'requested' : 'approved'
  await tx.sql`
    insert into order_return (merchant_id, id, order_id, status, note, requested_by, requested_at, decided_at)
    values (${tx.merchantId}, ${id}, ${orderId}, ${status}, ${note}, ${JSON.stringify(by.actor)}::jsonb, ${by.now},
      ${status === 'approved' ? by.now : null})`
  const rows = lines.map(({ lineId, quantity, reason }) => ({ id: lineId, quantity: quantity.toString(), reason }))
  await tx.sql`
    insert into order_return_line (merchant_id, return_id, order_line_id, quantity, reason)
    select ${tx.merchantId}, ${id}::uuid, id, quantity, reason
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as line (id uuid, quantity bigint, reason text)`
  const made = await loadReturn(tx, id)
  await tellReturn(tx, made, `return.${status}`, by)
  return made
}

/** Says yes or no to what a buyer asked for. */
export async function decideReturn(tx: Tx, id: string, decision: { approved: boolean; note: string }, by: By): Promise<OrderReturn> {
  const { orderReturn } = await holdReturn(tx, id)
  assertReturnIs(orderReturn, ['requested'], decision.approved ? 'approved' : 'rejected')
  const status = decision.approved ? 'approved' : 'rejected'
  await tx.sql`
    update order_return set status = ${status}, decision_note = ${decision.note}, decided_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${id}`
  const after = await loadReturn(tx, id)
  await tellReturn(tx, after, `return.${status}`, by)
  return after
}

/** The goods will not come. Buyers take back what nobody has answered; staff also what was approved and is no exchange. */
export async function cancelReturn(tx: Tx, id: string, by: By): Promise<OrderReturn> {
  const { orderReturn } = await holdReturn(tx, id)
  assertReturnIs(orderReturn, by.actor.kind === 'buyer' ? ['requested'] : ['requested', 'approved'], 'cancelled')
  if (orderReturn.exchangeCartId !== null)
    throw new Refusal('invalid_state', { detail: 'Other goods were promised for these.', extra: { current_state: 'exchanged' } })
  await tx.sql`update order_return set status = 'cancelled', decided_at = ${by.now} where merchant_id = ${tx.merchantId} and id = ${id}`
  const after = await loadReturn(tx, id)
  await tellReturn(tx, after, 'return.cancelled', by)
  return after
}

/** The event of what became of a return; without the words of anybody. */
function tellReturn(tx: Tx, { id, orderId, lines }: OrderReturn, type: string, { actor, now }: By) {
  const data = {
    return_id: id,
    order_id: orderId,
    lines: lines.map(({ lineId, quantity, reason }) => ({ line_id: lineId, quantity: Number(quantity), reason })),
  }
  return recordEvent(tx, { type, aggregateType: 'return', aggregateId: id, data, actor, now })
}

async function assertWindowOpen(tx: Tx, orderId: string, now: Date): Promise<void> {
  const { returnWindowDays } = await loadFulfillmentSettings(tx)
  const arrivals = (await fulfillmentsOf(tx, orderId)).map(({ deliveredAt, shippedAt }) => (deliveredAt ?? shippedAt)?.getTime() ?? 0)
  if (returnWindowDays > 0 && Math.max(0, ...arrivals) + returnWindowDays * DAY_MS >= now.getTime()) return
  throw new Refusal('invalid_state', {
    detail: 'Goods of this order cannot be returned without asking the shop.',
    extra: { current_state: 'return_window_closed' },
  })
}

function assertReturnable({ state }: HeldOrder, earlier: readonly OrderReturn[], lines: NewReturn['lines']): void {
  const announced = earlier.filter(({ status }) => status === 'requested' || status === 'approved').flatMap((each) => each.lines)
  lines.forEach(({ lineId, quantity }, index) => {
    const line = state.lines.find(({ id }) => id === lineId)
    if (!line)
      throw new Refusal('not_found', {
        detail: 'The order has no such line.',
        errors: [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }],
      })
    const out = announced.filter((other) => other.lineId === lineId).reduce((sum, other) => sum + other.quantity, line.returned)
    const isTwice = lines.findIndex((other) => other.lineId === lineId) !== index
    if (quantity > 0n && quantity <= line.fulfilled - out && !isTwice) return
    throw new Refusal('quantity_out_of_range', {
      detail: `Of this line ${line.fulfilled - out} can be returned.`,
      errors: [{ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' }],
    })
  })
}
