import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvents } from '../events/record-many.ts'
import { newId } from '../ids.ts'
import type { LineQuantity } from '../orders/order-event.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { assertNoShipment } from './cancel-fulfillment.ts'
import { assertStep, type Fulfillment, fulfillmentsOf, holdFulfillment, loadFulfillment, OPEN_STEPS } from './fulfillment.ts'
import { FULFILLMENTS_PER_ORDER_MAX } from './open-fulfillments.ts'

/**
 * Puts a part of an open fulfillment into one of its own at the same location, and answers that one. What is picked already waits to
 * be packed anew; what is not is to pick, by anybody. What is left keeps its step and whoever has it. Refuses `invalid_state` for one
 * that has left, or that a carrier was told of, and `quantity_out_of_range` for more than it holds, or for all of it.
 */
export async function splitFulfillment(
  tx: Tx,
  id: string,
  lines: readonly LineQuantity[],
  by: { actor: Actor; now: Date },
): Promise<Fulfillment> {
  const { held, fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, OPEN_STEPS, 'split')
  assertNoShipment(fulfillment)
  assertPart(fulfillment, lines)
  if ((await fulfillmentsOf(tx, held.id)).length >= FULFILLMENTS_PER_ORDER_MAX)
    throw new Refusal('too_many', { detail: `An order has at most ${FULFILLMENTS_PER_ORDER_MAX} fulfillments.` })
  const newFulfillmentId = newId(by.now)
  const isPicked = fulfillment.pickedAt !== null
  await tx.sql`
    insert into fulfillment (merchant_id, id, order_id, location_id, status, opened_at, picked_at)
    values (${tx.merchantId}, ${newFulfillmentId}, ${held.id}, ${fulfillment.locationId}, ${isPicked ? 'picking' : 'to_pick'}, ${by.now},
      ${fulfillment.pickedAt})`
  await tx.sql`
    with part as (
      select id, quantity from jsonb_to_recordset(${partsJson(lines)}::jsonb) as part (id uuid, quantity bigint)
    ), lessened as (
      update fulfillment_line l set quantity = l.quantity - p.quantity
      from part p where l.merchant_id = ${tx.merchantId} and l.fulfillment_id = ${id} and l.order_line_id = p.id
      returning l.order_line_id, l.picked, p.quantity
    )
    insert into fulfillment_line (merchant_id, fulfillment_id, order_line_id, quantity, picked)
    select ${tx.merchantId}::uuid, ${newFulfillmentId}::uuid, order_line_id, quantity, picked from lessened`
  await tell(tx, { fulfillment, newFulfillmentId, lines }, by)
  return loadFulfillment(tx, newFulfillmentId)
}

function assertPart({ lines: present }: Fulfillment, lines: readonly LineQuantity[]): void {
  const errors = lines.flatMap(({ lineId, quantity }, index): FieldProblem[] => {
    const line = present.find((each) => each.lineId === lineId)
    if (!line) return [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }]
    if (lines.findIndex((other) => other.lineId === lineId) !== index) return [{ pointer: `/lines/${index}/line_id`, code: 'duplicate' }]
    return quantity > 0n && quantity <= line.quantity ? [] : [{ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' }]
  })
  if (errors.length > 0)
    throw new Refusal(errors[0]!.code as 'not_found', { detail: 'That is no part of what the fulfillment holds.', errors })
  const [all, part] = [sumOf(present), sumOf(lines)]
  if (part < all) return
  throw new Refusal('quantity_out_of_range', {
    detail: 'Nothing would be left of the fulfillment.',
    errors: [{ pointer: '/lines', code: 'quantity_out_of_range' }],
  })
}

function sumOf(lines: readonly { quantity: bigint }[]): bigint {
  return lines.reduce((sum, { quantity }) => sum + quantity, 0n)
}

function partsJson(lines: readonly LineQuantity[]): string {
  return JSON.stringify(lines.map(({ lineId, quantity }) => ({ id: lineId, quantity: quantity.toString() })))
}

interface Split {
  fulfillment: Fulfillment
  newFulfillmentId: string
  lines: readonly LineQuantity[]
}

async function tell(tx: Tx, { fulfillment, newFulfillmentId, lines }: Split, by: { actor: Actor; now: Date }): Promise<void> {
  const { id, orderId, locationId } = fulfillment
  const quantities = lines.map(({ lineId, quantity }) => ({ line_id: lineId, quantity: Number(quantity) }))
  const about = { order_id: orderId, lines: quantities }
  await recordEvents(
    tx,
    [
      {
        ...{ type: 'fulfillment.split', aggregateType: 'fulfillment', aggregateId: id },
        data: { ...about, fulfillment_id: id, into_fulfillment_id: newFulfillmentId },
      },
      {
        ...{ type: 'fulfillment.opened', aggregateType: 'fulfillment', aggregateId: newFulfillmentId },
        data: { ...about, fulfillment_id: newFulfillmentId, location_id: locationId },
      },
    ],
    by,
  )
}
