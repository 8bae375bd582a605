import type { Values } from './valid-requests.ts'

const STEPS = '/v1/admin/fulfillments/{fulfillment_id}'
const TRACKING = { carrier: 'Another', tracking_number: 'another', tracking_url: 'https://another.example' }

/** Bodies that operations on goods on their way, and on their way back, take. */
export const FULFILLMENT_BODIES: Record<string, (values: Values) => object | undefined> = {
  'POST /v1/admin/orders/{order_id}/fulfillments': ({ worked_location_id, worked_line_id }) => ({
    only: { location_id: worked_location_id, lines: [{ line_id: worked_line_id, quantity: 1 }] },
  }),
  'POST /v1/admin/orders/{order_id}/shipments': ({ install_id, fulfillment_id }) => ({
    install_id,
    fulfillment_id,
    method: 'locker-s',
    sender: { name: 'Shop', line1: 'Street 1', city: 'Berlin', country: 'DE' },
    parcels: [{ grams: 500 }],
  }),
  [`PATCH ${STEPS}`]: () => TRACKING,
  [`POST ${STEPS}/pick`]: ({ worked_line_id }) => ({ lines: [{ line_id: worked_line_id, quantity: 1 }] }),
  [`POST ${STEPS}/pack`]: () => undefined,
  [`POST ${STEPS}/ship`]: () => TRACKING,
  [`POST ${STEPS}/deliver`]: () => undefined,
  [`POST ${STEPS}/cancel`]: () => undefined,
  [`POST ${STEPS}/split`]: ({ worked_line_id }) => ({ lines: [{ line_id: worked_line_id, quantity: 1 }] }),
  [`POST ${STEPS}/take`]: () => undefined,
  [`POST ${STEPS}/assign`]: ({ staff_id }) => ({ staff_id }),
  [`POST ${STEPS}/courier`]: ({ staff_id }) => ({ staff_id }),
  'POST /v1/admin/deliveries/{fulfillment_id}/collect': () => undefined,
  'POST /v1/admin/deliveries/{fulfillment_id}/attempts': () => ({ outcome: 'failed', reason: 'refused' }),
  'PATCH /v1/admin/fulfillment-settings': () => ({ opens_on: 'paid', return_window_days: 3, fulfils_unsent: true }),
  'POST /v1/orders/{order_id}/returns': ({ worked_line_id }) => wanted(worked_line_id),
  'POST /v1/orders/{order_id}/returns/{return_id}/cancel': () => undefined,
  'POST /v1/admin/orders/{order_id}/returns': ({ worked_line_id }) => wanted(worked_line_id),
  'POST /v1/admin/returns/{return_id}/approve': () => ({ note: 'send it' }),
  'POST /v1/admin/returns/{return_id}/reject': () => ({ note: 'too late' }),
  'POST /v1/admin/returns/{return_id}/cancel': () => undefined,
  'POST /v1/admin/returns/{return_id}/receive': ({ worked_location_id, worked_line_id }) => ({
    location_id: worked_location_id,
    lines: [{ line_id: worked_line_id, inspections: [{ decision: 'restock', quantity: 1 }] }],
  }),
  'POST /v1/admin/returns/{return_id}/refund': () => ({ reason: 'back' }),
  'POST /v1/admin/returns/{return_id}/exchange': ({ variant_id }) => ({ lines: [{ variant_id, quantity: 1 }] }),
}

const ofWorked = { order_id: 'worked_order_id', line_id: 'worked_line_id', location_id: 'worked_location_id' }
const requested = { return_id: 'requested_return_id' }

/** Where these operations need something in another state than most do. */
export const FULFILLMENT_STATES: Record<string, Values> = {
  'POST /v1/admin/orders/{order_id}/fulfillments': ofWorked,
  'POST /v1/admin/orders/{order_id}/shipments': ofWorked,
  [`POST ${STEPS}/pick`]: ofWorked,
  [`POST ${STEPS}/split`]: ofWorked,
  [`POST ${STEPS}/ship`]: { fulfillment_id: 'packed_fulfillment_id' },
  [`POST ${STEPS}/deliver`]: { fulfillment_id: 'shipped_fulfillment_id' },
  'POST /v1/admin/deliveries/{fulfillment_id}/collect': { fulfillment_id: 'packed_fulfillment_id' },
  'POST /v1/admin/deliveries/{fulfillment_id}/attempts': { fulfillment_id: 'shipped_fulfillment_id' },
  [`GET ${STEPS}/proofs/{proof_id}`]: { fulfillment_id: 'delivered_fulfillment_id' },
  'POST /v1/orders/{order_id}/returns': ofWorked,
  'POST /v1/orders/{order_id}/returns/{return_id}/cancel': { ...ofWorked, ...requested },
  'POST /v1/admin/orders/{order_id}/returns': ofWorked,
  'POST /v1/admin/returns/{return_id}/approve': requested,
  'POST /v1/admin/returns/{return_id}/reject': requested,
  'POST /v1/admin/returns/{return_id}/receive': ofWorked,
  'POST /v1/admin/returns/{return_id}/refund': { return_id: 'received_return_id' },
}

function wanted(lineId: string | undefined): object {
  return { lines: [{ line_id: lineId, quantity: 1, reason: 'unwanted' }] }
}
