import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { orderQueries, toOrder } from '../orders/order.ts'
import type { OrderStatus } from '../orders/order-state.ts'
import { loadInstall } from '../plugins/install.ts'
import { Refusal } from '../refusal.ts'
import { assertStep, fulfillmentsOf, OPEN_STEPS } from './fulfillment.ts'
import { loadShipment, type Parcel, type Place, type Shipment } from './shipment.ts'

export const PARCELS_MAX = 100
export const SHIPMENTS_PER_ORDER_MAX = 100

export interface ShipmentRequest {
  orderId: string
  installId: string
  /** Absent: of all the order's goods, without a word on picking and stock. */
  fulfillmentId?: string | undefined
  /** The plugin's own code of a rate; absent: what the buyer chose. */
  method?: string | undefined
  sender: Place
  parcels: { grams: number }[]
}

/** The states of an order that has goods to send, or has just sent them. */
const TO_BE_SENT: readonly OrderStatus[] = ['placed', 'paid', 'part_fulfilled', 'fulfilled']

interface Chosen {
  installId: string
  code: string
  pickupPointId: string | null
}

interface PricedWith {
  shipping?: { method: string } | null
  plugins?: { rates?: { installId: string; rates: { code: string; pickupPoint?: { id: string } | null }[] }[] }
}

/**
 * Asks a carrier plugin to send an order's goods. The worker speaks with the carrier; the shipment's id is what the carrier
 * is told to recognise a repeated request by. Refuses `invalid_state` for an order that was cancelled, and
 * `plugin_configuration_invalid` for a plugin that is no carrier or a method nobody chose.
 */
export async function requestShipment(tx: Tx, request: ShipmentRequest, by: { actor: Actor; now: Date }): Promise<Shipment> {
  const [, chosen, ...rows] = await Promise.all([
    // Held, so that nobody cancels it in the meantime.
    tx.sql`select 1 from orders where merchant_id = ${tx.merchantId} and id = ${request.orderId} for no key update`,
    chosenMethod(tx, request.orderId),
    ...orderQueries(tx, request.orderId),
  ])
  const order = toOrder(rows)
  const install = await loadInstall(tx, request.installId)
  if (!TO_BE_SENT.includes(order.status))
    throw new Refusal('invalid_state', { detail: 'This order is not to be sent.', extra: { current_state: order.status } })
  if (request.fulfillmentId !== undefined) await assertUnsent(tx, order.id, request.fulfillmentId)
  if (!order.shippingAddress) throw new Refusal('cart_incomplete', { detail: 'This order has no address to send it to.' })
  if (!install.providers.some(({ point }) => point === 'fulfillment')) throw notThere('/install_id', 'This plugin is no carrier.')
  const own = chosen?.installId === install.id ? chosen : undefined
  const method = request.method ?? own?.code
  if (method === undefined) throw notThere('/method', 'The buyer did not choose this carrier: say which of its methods to use.')
  const id = newId(by.now)
  const parcels: Parcel[] = request.parcels.map(({ grams }, index) => ({ id: `${id.slice(-12)}-${index + 1}`, grams }))
  const [row] = await tx.sql`
    insert into shipment (merchant_id, id, order_id, install_id, fulfillment_id, method, pickup_point_id, status, sender, parcels, requested_by,
      requested_at, updated_at)
    select ${tx.merchantId}::uuid, ${id}::uuid, ${order.id}::uuid, ${install.id}::uuid, ${request.fulfillmentId ?? null}::uuid, ${method},
      ${method === own?.code ? own.pickupPointId : null}, 'requested', ${JSON.stringify(request.sender)}::jsonb, ${JSON.stringify(parcels)}::jsonb,
      ${JSON.stringify(by.actor)}::jsonb, ${by.now}::timestamptz, ${by.now}::timestamptz
    where (select count(*) from shipment s where s.merchant_id = ${tx.merchantId} and s.order_id = ${order.id}) < ${SHIPMENTS_PER_ORDER_MAX}::int
    returning id`
  if (!row) throw new Refusal('invalid_state', { detail: `An order has at most ${SHIPMENTS_PER_ORDER_MAX} shipments.` })
  await enqueue(tx, 'perform_shipment', { shipmentId: id }, { key: id })
  await recordEvent(tx, {
    type: 'shipment.requested',
    aggregateType: 'shipment',
    aggregateId: id,
    data: { shipment_id: id, order_id: order.id, fulfillment_id: request.fulfillmentId ?? null, plugin: install.plugin, method },
    ...by,
  })
  return loadShipment(tx, id)
}

/** Calls a shipment off. What the carrier already knows is called off with it, by the worker. */
export async function cancelShipment(tx: Tx, shipmentId: string, by: { actor: Actor; now: Date }): Promise<Shipment> {
  const [row] = await tx.sql<{ status: string; order_id: string }[]>`
    update shipment set status = case when carrier_reference is null and status = 'failed' then 'cancelled' else 'cancelling' end,
      updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${shipmentId} and status in ('requested', 'created', 'labelled', 'failed')
    returning status, order_id`
  const shipment = await loadShipment(tx, shipmentId)
  if (!row) throw new Refusal('invalid_state', { detail: 'This shipment is called off.', extra: { current_state: shipment.status } })
  if (row.status === 'cancelling') await enqueue(tx, 'perform_shipment', { shipmentId }, { key: shipmentId })
  await recordEvent(tx, {
    type: 'shipment.cancellation_requested',
    aggregateType: 'shipment',
    aggregateId: shipmentId,
    data: { shipment_id: shipmentId, order_id: row.order_id },
    ...by,
  })
  return shipment
}

/** Refuses a fulfillment that is none of the order's, has left, is our own courier's, or has a shipment. The order is held. */
async function assertUnsent(tx: Tx, orderId: string, fulfillmentId: string): Promise<void> {
  const fulfillment = (await fulfillmentsOf(tx, orderId)).find(({ id }) => id === fulfillmentId)
  if (!fulfillment) {
    const errors = [{ pointer: '/fulfillment_id', code: 'not_found' }]
    throw new Refusal('not_found', { detail: 'The order has no such fulfillment.', errors })
  }
  assertStep(fulfillment, OPEN_STEPS, 'given to a carrier')
  const state = fulfillment.shipmentId !== null ? 'shipping' : fulfillment.courierId !== null ? 'with_courier' : undefined
  if (state) throw new Refusal('invalid_state', { detail: 'Somebody is to bring it already.', extra: { current_state: state } })
}

/** The carrier's method that the order was priced with, if it was a plugin's. */
async function chosenMethod(tx: Tx, orderId: string): Promise<Chosen | undefined> {
  const [row] = await tx.sql<{ input: PricedWith }[]>`
    select pricing_input as input from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`
  const [installId, code] = splitMethod(row?.input.shipping?.method ?? '')
  if (installId === undefined || code === undefined) return undefined
  const rates = row?.input.plugins?.rates?.find((each) => each.installId === installId)?.rates ?? []
  return { installId, code, pickupPointId: rates.find((rate) => rate.code === code)?.pickupPoint?.id ?? null }
}

/** '<install id>:<code>' -> both; a method of the merchant's own table has no such form. */
function splitMethod(method: string): [string, string] | [] {
  const match = /^([0-9a-f-]{36}):(.+)$/s.exec(method)
  return match ? [match[1]!, match[2]!] : []
}

function notThere(pointer: string, detail: string): Refusal {
  return new Refusal('plugin_configuration_invalid', { detail, errors: [{ pointer, code: 'not_offered' }] })
}
