import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvents } from '../events/record-many.ts'
import { newId } from '../ids.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import type { LineQuantity } from '../orders/order-event.ts'
import { Refusal } from '../refusal.ts'
import { type Allocation, allocationsOf } from '../stock/allocations.ts'
import { claimStock, together } from '../stock/claim.ts'
import { cancelFulfillments } from './cancel-fulfillment.ts'
import { type Fulfillment, fulfillmentsOf, OPEN_STEPS, type OpensOn } from './fulfillment.ts'
import { freeOf, type OpenLine, type Plan, planPicks } from './plan.ts'
import { loadFulfillmentSettings } from './settings.ts'
import { sortLines } from './sort-lines.ts'

export const FULFILLMENTS_PER_ORDER_MAX = 500

interface By {
  actor: Actor
  now: Date
}

export interface Opened {
  fulfillments: Fulfillment[]
  /** Units that the order has allocated nowhere: they wait for stock. */
  unallocated: LineQuantity[]
}

/**
 * Opens fulfillments for all of an order that has neither left the house nor is in one: one for each location that has
 * something of it. The order is held. Repeating it opens nothing. `only`: of these lines.
 */
export async function openFulfillments(tx: Tx, held: HeldOrder, by: By, only?: ReadonlySet<string>): Promise<Opened> {
  const { plan, before } = await planOf(tx, held, only)
  return { fulfillments: await insertPlan(tx, held, { plan, before }, by), unallocated: plan.unallocated }
}

/** As openFulfillments, and claims again what the order lost or never had, variant by variant, where there is stock of it now. */
export async function claimAndOpen(tx: Tx, held: HeldOrder, by: By): Promise<Opened> {
  const { plan } = await planOf(tx, held)
  const variants = new Map(held.state.lines.map(({ id, variantId }) => [id, variantId]))
  const missing = together(plan.unallocated.map(({ lineId, quantity }) => ({ variantId: variants.get(lineId)!, quantity })))
  for (const line of missing) await claimStock(tx, { orderId: held.id, lines: [line], ...by })
  return openFulfillments(tx, held, by)
}

/**
 * Opens one fulfillment for these lines at this location. Refuses `quantity_out_of_range` for more than is open of a line, and
 * `insufficient_stock` for more than the order has allocated there.
 */
export async function openFulfillment(
  tx: Tx,
  held: HeldOrder,
  wanted: { locationId: string; lines: readonly LineQuantity[] },
  by: By,
): Promise<Fulfillment> {
  assertFirm(held)
  const { lines, free, before } = await stateOf(tx, held)
  const asked = wanted.lines.map(({ lineId, quantity }, index): OpenLine => {
    const line = lines.find(({ id }) => id === lineId)
    if (!line)
      throw new Refusal('not_found', {
        detail: 'The order has no such line.',
        errors: [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }],
      })
    const isTwice = wanted.lines.findIndex((other) => other.lineId === lineId) !== index
    if (quantity <= 0n || quantity > line.uncovered || isTwice) {
      throw new Refusal('quantity_out_of_range', {
        detail: `Of this line ${line.uncovered} are still to be sent.`,
        errors: [{ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' }],
      })
    }
    return { ...line, uncovered: quantity }
  })
  const plan = planPicks(
    asked,
    free.filter(({ locationId }) => locationId === wanted.locationId),
  )
  if (plan.unallocated.length > 0) {
    throw new Refusal('insufficient_stock', {
      detail: 'The order does not have as much at this location.',
      extra: { line_ids: plan.unallocated.map(({ lineId }) => lineId) },
    })
  }
  const [opened] = await insertPlan(tx, held, { plan, before }, by)
  return opened!
}

/**
 * Plans anew what nobody has begun with, after an order was edited: fulfillments that are still to pick are cancelled, and others
 * opened for what is allocated and not in hand. Those that somebody picks or has packed stay; refuses `invalid_state` where
 * they hold more than is still ordered. Where nothing was open and none opens by itself, none is opened. The order is held.
 */
export async function planFulfillments(tx: Tx, held: HeldOrder, by: By): Promise<Opened> {
  const present = await fulfillmentsOf(tx, held.id)
  const untouched = present.filter(({ status }) => status === 'to_pick')
  await cancelFulfillments(tx, untouched, by)
  const kept = present.filter(({ status }) => status === 'picking' || status === 'packed')
  for (const line of held.state.lines) {
    const inHand = quantityOf(kept, line.id)
    if (inHand <= line.quantity - line.fulfilled) continue
    throw new Refusal('invalid_state', {
      detail: 'Goods of this line are being picked or are packed: cancel that fulfillment first.',
      extra: { current_state: 'in_hand', line_id: line.id },
    })
  }
  const { opensOn, fulfilsUnsent } = await loadFulfillmentSettings(tx)
  if (untouched.length === 0 && !isDue(held, opensOn)) return { fulfillments: [], unallocated: [] }
  return openFulfillments(tx, held, by, fulfilsUnsent ? (await sortLines(tx, held)).sent : undefined)
}

/** Whether an order's fulfillments open by themselves as it stands. */
export function isDue({ state }: HeldOrder, opensOn: OpensOn): boolean {
  if (['pending', 'cancelled', 'returned'].includes(state.status) || state.paymentStatus === 'review') return false
  return opensOn === 'placed' || (opensOn === 'paid' && isPaid(state))
}

/** Whether all of an order is paid, and not all of that has gone back. */
export function isPaid({ captured, refunded, repaid, total }: HeldOrder['state']): boolean {
  return captured >= total + repaid && (total === 0n || refunded < captured)
}

/** Refuses `invalid_state` for an order that is not to be sent. */
export function assertFirm({ state }: HeldOrder): void {
  if (state.status !== 'pending' && state.status !== 'cancelled' && state.status !== 'returned') return
  throw new Refusal('invalid_state', {
    detail: `An order that is ${state.status} is not to be sent.`,
    extra: { current_state: state.status },
  })
}

async function planOf(tx: Tx, held: HeldOrder, only?: ReadonlySet<string>): Promise<{ plan: Plan; before: number }> {
  assertFirm(held)
  const { lines, free, before } = await stateOf(tx, held)
  const wanted = only ? lines.filter(({ id }) => only.has(id)) : lines
  return { plan: planPicks(wanted, free), before }
}

/** What is open of each line, and what of the order's stock is in no fulfillment. */
async function stateOf(tx: Tx, held: HeldOrder): Promise<{ lines: OpenLine[]; free: Allocation[]; before: number }> {
  const [present, allocations] = [await fulfillmentsOf(tx, held.id), await allocationsOf(tx, held.id)]
  const open = present.filter(({ status }) => OPEN_STEPS.includes(status))
  const lines = held.state.lines.map(({ id, variantId, quantity, fulfilled }) => ({
    id,
    variantId,
    uncovered: quantity - fulfilled - quantityOf(open, id),
  }))
  const inHand = open.flatMap(({ locationId, lines: held }) => held.map(({ variantId, quantity }) => ({ variantId, locationId, quantity })))
  return { lines, free: freeOf(allocations, inHand), before: present.length }
}

function quantityOf(fulfillments: readonly Fulfillment[], lineId: string): bigint {
  return fulfillments
    .flatMap(({ lines }) => lines)
    .filter((line) => line.lineId === lineId)
    .reduce((sum, { quantity }) => sum + quantity, 0n)
}

async function insertPlan(tx: Tx, held: HeldOrder, { plan, before }: { plan: Plan; before: number }, by: By): Promise<Fulfillment[]> {
  const places = plan.places.map((place) => ({ id: newId(by.now), ...place }))
  if (places.length === 0) return []
  if (before + places.length > FULFILLMENTS_PER_ORDER_MAX)
    throw new Refusal('too_many', { detail: `An order has at most ${FULFILLMENTS_PER_ORDER_MAX} fulfillments.` })
  const lines = places.flatMap(({ id, lines: planned }) =>
    planned.map(({ lineId, quantity }) => ({ fulfillment_id: id, order_line_id: lineId, quantity: quantity.toString() })),
  )
  await tx.sql`
    insert into fulfillment (merchant_id, id, order_id, location_id, opened_at)
    select ${tx.merchantId}, id, ${held.id}::uuid, "locationId", ${by.now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(places.map(({ id, locationId }) => ({ id, locationId })))}::jsonb) as place (id uuid, "locationId" uuid)`
  await tx.sql`
    insert into fulfillment_line (merchant_id, fulfillment_id, order_line_id, quantity)
    select ${tx.merchantId}, fulfillment_id, order_line_id, quantity
    from jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) as line (fulfillment_id uuid, order_line_id uuid, quantity bigint)`
  const opened = (await fulfillmentsOf(tx, held.id)).filter(({ id }) => places.some((place) => place.id === id))
  await recordEvents(
    tx,
    opened.map(({ id, locationId, lines: planned }) => ({
      type: 'fulfillment.opened',
      aggregateType: 'fulfillment',
      aggregateId: id,
      data: {
        fulfillment_id: id,
        order_id: held.id,
        location_id: locationId,
        lines: planned.map(({ lineId, quantity }) => ({ line_id: lineId, quantity: Number(quantity) })),
      },
    })),
    by,
  )
  return opened
}
