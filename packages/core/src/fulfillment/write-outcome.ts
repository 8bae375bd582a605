import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { type HeldFulfillment, holdFulfillment } from './fulfillment.ts'
import { advanceFulfillment, writeTracking } from './ship-fulfillment.ts'
import type { Shipment, ShipmentStatus, TrackingEvent } from './shipment.ts'

export interface ShipmentOutcome {
  status: ShipmentStatus
  carrierReference?: string | null
  trackingNumber?: string | null
  trackingUrl?: string | null
  label?: Uint8Array
  labelType?: string
  trackingStatus?: string
  trackingEvents?: TrackingEvent[]
  failure?: { code: string; message: string }
}

const BY: Actor = { kind: 'job', task: 'perform_shipment' }
/** What a carrier says of goods that it has, or had. */
const UNDER_WAY: ReadonlySet<string> = new Set(['in_transit', 'at_pickup_point', 'out_for_delivery', 'delivered'])

/**
 * Writes what came of a step, if the shipment is still where the step began. True when it was: the next step may begin.
 * The event says what everybody may know.
 */
export async function writeOutcome<Outcome extends ShipmentOutcome>(
  inMerchant: InMerchant,
  before: Shipment,
  outcome: Outcome,
): Promise<Outcome extends { status: 'failed' } ? false : boolean> {
  const written = await inMerchant(async (tx) => {
    const now = new Date()
    const tracked = outcome.trackingStatus !== undefined
    // The order is locked before anything of it.
    const target = before.fulfillmentId === null ? undefined : await holdFulfillment(tx, before.fulfillmentId)
    const [row] = await tx.sql`
      update shipment set status = ${outcome.status},
        carrier_reference = coalesce(${outcome.carrierReference ?? null}, carrier_reference),
        tracking_number = coalesce(${outcome.trackingNumber ?? null}, tracking_number),
        tracking_url = coalesce(${outcome.trackingUrl ?? null}, tracking_url),
        label = coalesce(${outcome.label ? Buffer.from(outcome.label) : null}::bytea, label), label_type = coalesce(${outcome.labelType ?? null}, label_type),
        tracking_status = coalesce(${outcome.trackingStatus ?? null}, tracking_status),
        tracking_events = coalesce(${outcome.trackingEvents ? JSON.stringify(outcome.trackingEvents) : null}::jsonb, tracking_events),
        tracked_at = case when ${tracked} then ${now}::timestamptz else tracked_at end,
        failure = ${outcome.failure ? JSON.stringify(outcome.failure) : null}::jsonb, updated_at = ${now}::timestamptz
      where merchant_id = ${tx.merchantId} and id = ${before.id} and status = ${before.status}
      returning id`
    if (!row) return false
    const moved = outcome.status !== before.status || (tracked && outcome.trackingStatus !== before.trackingStatus)
    if (moved && target) await tellFulfillment(tx, target, outcome, now)
    if (moved) await recordEvent(tx, { ...eventOf(before, outcome), actor: BY, now })
    return true
  })
  return (outcome.status === 'failed' ? false : written) as never
}

/** What the carrier's answer means for the goods: the buyer can follow them, they left the house, they arrived. */
async function tellFulfillment(tx: Tx, target: HeldFulfillment, outcome: ShipmentOutcome, now: Date): Promise<void> {
  const { trackingNumber, trackingUrl, trackingStatus } = outcome
  if (trackingNumber || trackingUrl) await writeTracking(tx, target.fulfillment, { trackingNumber, trackingUrl })
  if (trackingStatus === undefined || !UNDER_WAY.has(trackingStatus)) return
  await advanceFulfillment(tx, target, trackingStatus === 'delivered' ? 'delivered' : 'shipped', { actor: BY, now })
}

function eventOf(before: Shipment, outcome: ShipmentOutcome) {
  const tracked = outcome.trackingStatus !== undefined
  return {
    type: tracked ? 'shipment.tracked' : `shipment.${outcome.status}`,
    aggregateType: 'shipment',
    aggregateId: before.id,
    data: {
      shipment_id: before.id,
      order_id: before.orderId,
      ...(tracked && { tracking_status: outcome.trackingStatus }),
      ...(outcome.trackingNumber && { tracking_number: outcome.trackingNumber }),
      ...(outcome.failure && { failure: outcome.failure }),
    },
  }
}
