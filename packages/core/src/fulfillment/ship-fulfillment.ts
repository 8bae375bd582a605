import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { shipStock } from '../stock/ship.ts'
import { assertStep, type Fulfillment, type HeldFulfillment, holdFulfillment, loadFulfillment, OPEN_STEPS } from './fulfillment.ts'
import { packHeld } from './pick-fulfillment.ts'

interface By {
  actor: Actor
  now: Date
}

/** What the buyer is told of how their goods come. What is absent stays as it is. */
export interface Tracking {
  carrier?: string | null | undefined
  trackingNumber?: string | null | undefined
  trackingUrl?: string | null | undefined
}

/**
 * A packed fulfillment leaves the house: its goods leave the stock and the order says so, in one transaction, once. Refuses
 * `invalid_state` for one that is not packed.
 */
export async function shipFulfillment(tx: Tx, id: string, tracking: Tracking, by: By): Promise<Fulfillment> {
  const target = await holdFulfillment(tx, id)
  assertStep(target.fulfillment, ['packed'], 'shipped')
  await shipHeld(tx, target, tracking, by)
  return loadFulfillment(tx, id)
}

/** What left the house has arrived. Refuses `invalid_state` for what has not left. */
export async function deliverFulfillment(tx: Tx, id: string, by: By): Promise<Fulfillment> {
  const target = await holdFulfillment(tx, id)
  assertStep(target.fulfillment, ['shipped'], 'delivered')
  await deliverHeld(tx, target, by)
  return loadFulfillment(tx, id)
}

/** Corrects what the buyer is told of how their goods come. */
export async function changeTracking(tx: Tx, id: string, tracking: Tracking): Promise<Fulfillment> {
  const { fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, ['to_pick', 'picking', 'packed', 'shipped'], 'tracked otherwise')
  await writeTracking(tx, fulfillment, tracking)
  return loadFulfillment(tx, id)
}

/**
 * What a carrier says of goods: that it has them means that they left the house, whatever step our own people had noted. Says
 * nothing new of what has left, arrived or was cancelled.
 */
export async function advanceFulfillment(tx: Tx, target: HeldFulfillment, to: 'shipped' | 'delivered', by: By): Promise<void> {
  let { fulfillment } = target
  if (OPEN_STEPS.includes(fulfillment.status)) {
    if (fulfillment.status !== 'packed') await packHeld(tx, target, by)
    await shipHeld(tx, target, {}, by)
    fulfillment = await loadFulfillment(tx, fulfillment.id)
  }
  if (to === 'delivered' && fulfillment.status === 'shipped') await deliverHeld(tx, { ...target, fulfillment }, by)
}

export async function shipHeld(tx: Tx, { held, fulfillment }: HeldFulfillment, tracking: Tracking, by: By): Promise<void> {
  const { id, orderId, locationId } = fulfillment
  const lines = fulfillment.lines.filter(({ quantity }) => quantity > 0n)
  await writeTracking(tx, fulfillment, tracking)
  await tx.sql`
    update fulfillment set status = 'shipped', shipped_at = ${by.now}, assigned_to = null where merchant_id = ${tx.merchantId} and id = ${id}`
  await shipStock(tx, { orderId, locationId, lines: lines.map(({ variantId, quantity }) => ({ variantId, quantity })), ...by })
  crashPoint('fulfillment.shipped')
  const quantities = lines.map(({ lineId, quantity }) => ({ lineId, quantity }))
  await recordOrderEvent(tx, held, { type: 'fulfillment.shipped', fulfillmentId: id, lines: quantities }, by)
}

export async function deliverHeld(tx: Tx, { held, fulfillment }: HeldFulfillment, by: By): Promise<void> {
  const { id } = fulfillment
  await tx.sql`update fulfillment set status = 'delivered', delivered_at = ${by.now} where merchant_id = ${tx.merchantId} and id = ${id}`
  const lines = fulfillment.lines.filter(({ quantity }) => quantity > 0n).map(({ lineId, quantity }) => ({ lineId, quantity }))
  crashPoint('fulfillment.delivered')
  await recordOrderEvent(tx, held, { type: 'fulfillment.delivered', fulfillmentId: id, lines }, by)
}

/** Writes what is told; what is absent stays. */
export async function writeTracking(tx: Tx, fulfillment: Fulfillment, tracking: Tracking): Promise<void> {
  const told = { carrier: fulfillment.carrier, trackingNumber: fulfillment.trackingNumber, trackingUrl: fulfillment.trackingUrl }
  for (const key of ['carrier', 'trackingNumber', 'trackingUrl'] as const) if (tracking[key] !== undefined) told[key] = tracking[key]
  await tx.sql`
    update fulfillment set carrier = ${told.carrier}, tracking_number = ${told.trackingNumber}, tracking_url = ${told.trackingUrl}
    where merchant_id = ${tx.merchantId} and id = ${fulfillment.id}`
}
