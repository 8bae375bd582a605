import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import type { LineQuantity } from '../orders/order-event.ts'
import { Refusal } from '../refusal.ts'
import { loseStock } from '../stock/lose.ts'
import { assertStep, type Fulfillment, type HeldFulfillment, holdFulfillment, loadFulfillment } from './fulfillment.ts'
import { claimAndOpen } from './open-fulfillments.ts'
import { assertInHandsOf } from './take-fulfillment.ts'

interface By {
  actor: Actor
  now: Date
}

const SHORT_NOTE = 'Not found when picking'

/**
 * Writes down what was found of a fulfillment; lines that are not named were found whole. What is missing is taken off the stock
 * of the location and is still owed to the buyer: it is claimed again where there is some, and goes into another fulfillment,
 * or waits for stock. If nothing was found the fulfillment is cancelled. Refuses `quantity_out_of_range` for more than was looked for.
 */
export async function pickFulfillment(tx: Tx, id: string, found: readonly LineQuantity[], by: By): Promise<Fulfillment> {
  const { held, fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, ['to_pick', 'picking'], 'picked')
  if (fulfillment.pickedAt !== null) throw new Refusal('invalid_state', { detail: 'It is picked.', extra: { current_state: 'picked' } })
  assertInHandsOf(fulfillment, by.actor)
  const isShort = await writePicked(tx, fulfillment, found, by)
  if (isShort) await claimAndOpen(tx, held, by)
  return loadFulfillment(tx, id)
}

/** Packs what is picked; of a fulfillment that nobody picked, all is taken to be found. */
export async function packFulfillment(tx: Tx, id: string, by: By): Promise<Fulfillment> {
  const { fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, ['to_pick', 'picking'], 'packed')
  assertInHandsOf(fulfillment, by.actor)
  await packHeld(tx, { fulfillment }, by)
  return loadFulfillment(tx, id)
}

/** As packFulfillment, for one that is held. */
export async function packHeld(tx: Tx, { fulfillment }: Pick<HeldFulfillment, 'fulfillment'>, { actor, now }: By): Promise<void> {
  const { id, orderId } = fulfillment
  await tx.sql`update fulfillment_line set picked = true where merchant_id = ${tx.merchantId} and fulfillment_id = ${id} and not picked`
  await tx.sql`
    update fulfillment set status = 'packed', picked_at = coalesce(picked_at, ${now}::timestamptz), packed_at = ${now}
    where merchant_id = ${tx.merchantId} and id = ${id}`
  const data = { fulfillment_id: id, order_id: orderId }
  await recordEvent(tx, { type: 'fulfillment.packed', aggregateType: 'fulfillment', aggregateId: id, data, actor, now })
}

async function writePicked(tx: Tx, fulfillment: Fulfillment, found: readonly LineQuantity[], { actor, now }: By): Promise<boolean> {
  const { id, orderId, locationId } = fulfillment
  const lines = picked(fulfillment, found)
  const missing = lines.filter(({ short }) => short > 0n)
  const isEmpty = lines.every(({ quantity }) => quantity === 0n)
  const written = lines.map(({ lineId, quantity, short }) => ({ id: lineId, quantity: quantity.toString(), short: short.toString() }))
  await tx.sql`
    update fulfillment_line l set quantity = p.quantity, short = p.short, picked = true
    from jsonb_to_recordset(${JSON.stringify(written)}::jsonb) as p (id uuid, quantity bigint, short bigint)
    where l.merchant_id = ${tx.merchantId} and l.fulfillment_id = ${id} and l.order_line_id = p.id`
  await tx.sql`
    update fulfillment set status = ${isEmpty ? 'cancelled' : 'picking'}, cancelled_at = ${isEmpty ? now : null}::timestamptz,
      picked_at = ${now}, assigned_to = null
    where merchant_id = ${tx.merchantId} and id = ${id}`
  if (missing.length > 0) {
    const lost = missing.map(({ variantId, short }) => ({ variantId, quantity: short }))
    await loseStock(tx, { orderId, locationId, lines: lost, note: SHORT_NOTE, actor, now })
  }
  crashPoint('fulfillment.picked')
  await recordEvent(tx, {
    type: isEmpty ? 'fulfillment.cancelled' : 'fulfillment.picked',
    aggregateType: 'fulfillment',
    aggregateId: id,
    data: {
      fulfillment_id: id,
      order_id: orderId,
      ...(missing.length > 0 && { short: missing.map(({ lineId, short }) => ({ line_id: lineId, quantity: Number(short) })) }),
    },
    actor,
    now,
  })
  return missing.length > 0
}

/** Each line with what was found of it, and what was not. */
function picked({ lines }: Fulfillment, found: readonly LineQuantity[]) {
  found.forEach(({ lineId, quantity }, index) => {
    const line = lines.find((each) => each.lineId === lineId)
    if (!line) {
      const errors = [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }]
      throw new Refusal('not_found', { detail: 'The fulfillment has no such line.', errors })
    }
    const isTwice = found.findIndex((other) => other.lineId === lineId) !== index
    if (quantity >= 0n && quantity <= line.quantity && !isTwice) return
    throw new Refusal('quantity_out_of_range', {
      detail: `Of this line ${line.quantity} were looked for.`,
      errors: [{ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' }],
    })
  })
  return lines.map((line) => {
    const quantity = found.find(({ lineId }) => lineId === line.lineId)?.quantity ?? line.quantity
    return { ...line, quantity, short: line.quantity - quantity }
  })
}
