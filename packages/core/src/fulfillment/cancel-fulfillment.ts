import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvents } from '../events/record-many.ts'
import { Refusal } from '../refusal.ts'
import { assertStep, type Fulfillment, fulfillmentsOf, holdFulfillment, loadFulfillment, OPEN_STEPS } from './fulfillment.ts'

interface By {
  actor: Actor
  now: Date
}

/**
 * Takes a fulfillment apart before it leaves the house: its goods stay the order's, and can go into another one. Refuses
 * `invalid_state` for one that has left, and for one that a carrier was told of.
 */
export async function cancelFulfillment(tx: Tx, id: string, by: By): Promise<Fulfillment> {
  const { fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, OPEN_STEPS, 'cancelled')
  assertNoShipment(fulfillment)
  await cancelFulfillments(tx, [fulfillment], by)
  return loadFulfillment(tx, id)
}

/** Cancels what of an order has not left the house. The order is held. Refuses `invalid_state` while a carrier was told of one. */
export async function cancelOpenFulfillments(tx: Tx, orderId: string, by: By): Promise<void> {
  const open = (await fulfillmentsOf(tx, orderId)).filter(({ status }) => OPEN_STEPS.includes(status))
  for (const fulfillment of open) assertNoShipment(fulfillment)
  await cancelFulfillments(tx, open, by)
}

/** Refuses `invalid_state` when goods of an order are being picked, are packed, or a carrier was told of them. The order is held. */
export async function assertNothingInHand(tx: Tx, orderId: string): Promise<void> {
  for (const fulfillment of await fulfillmentsOf(tx, orderId)) {
    assertNoShipment(fulfillment)
    if (fulfillment.status !== 'picking' && fulfillment.status !== 'packed') continue
    throw new Refusal('invalid_state', {
      detail: 'Goods of this order are being picked or are packed: cancel that fulfillment first.',
      extra: { current_state: fulfillment.status, fulfillment_id: fulfillment.id },
    })
  }
}

/** Cancels fulfillments that are open, with the events that say so. Their order is held. */
export async function cancelFulfillments(tx: Tx, fulfillments: readonly Fulfillment[], by: By): Promise<void> {
  if (fulfillments.length === 0) return
  const ids = fulfillments.map(({ id }) => id)
  await tx.sql`
    update fulfillment set status = 'cancelled', cancelled_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = any(${ids}::uuid[]) and status in ('to_pick', 'picking', 'packed')`
  await recordEvents(
    tx,
    fulfillments.map(({ id, orderId }) => ({
      type: 'fulfillment.cancelled',
      aggregateType: 'fulfillment',
      aggregateId: id,
      data: { fulfillment_id: id, order_id: orderId },
    })),
    by,
  )
}

/** Refuses `invalid_state` for an open fulfillment that a carrier was told of. */
export function assertNoShipment({ status, shipmentId, id }: Fulfillment): void {
  if (shipmentId === null || !OPEN_STEPS.includes(status)) return
  throw new Refusal('invalid_state', {
    detail: 'A carrier was told of this: call the shipment off first.',
    extra: { current_state: 'shipping', fulfillment_id: id, shipment_id: shipmentId },
  })
}
