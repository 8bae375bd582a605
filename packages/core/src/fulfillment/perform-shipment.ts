import type {
  ParseCancellationOutputV1,
  ParseLabelOutputV1,
  ParseShipmentOutputV1,
  ParseTrackingOutputV1,
} from '@souk/plugins-sdk/contracts/fulfillment.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { enqueueUnlessQueued } from '../jobs.ts'
import type { SecretBox } from '../secret-box.ts'
import { type AskingCarrier, askCarrier, type CarrierPort } from './ask-carrier.ts'
import { loadShipment, type Shipment } from './shipment.ts'
import { writeOutcome } from './write-outcome.ts'

export interface ShipmentDeps {
  carriers: AskingCarrier
  port: CarrierPort
  secretBox: SecretBox
}

const TRACK_EVERY_MS = 2 * 60 * 60_000
const TRACKED_DAYS_MAX = 60
const DAY_MS = 86_400_000
const LABEL_BYTES_MAX = 5 * 1024 * 1024
const OVER: ReadonlySet<string | null> = new Set(['delivered', 'returned'])

/**
 * Takes a shipment one or more steps further: tells the carrier, fetches the label, or calls it off. Runs as often as it is
 * asked to: each step begins from what the row says, the carrier recognises the shipment's id, and the row changes only
 * from the state the step began in. No transaction is open while the carrier or the plugin is asked.
 */
export async function performShipment(inMerchant: InMerchant, deps: ShipmentDeps, { shipmentId }: { shipmentId: string }): Promise<void> {
  for (;;) {
    const shipment = await inMerchant.read((tx) => loadShipment(tx, shipmentId))
    const step = STEPS[shipment.status as keyof typeof STEPS]
    if (!step || (shipment.status === 'created' && shipment.labelType !== null)) return
    const goesOn = await step(inMerchant, deps, shipment)
    if (!goesOn) return
  }
}

const STEPS = {
  requested: async (inMerchant: InMerchant, deps: ShipmentDeps, shipment: Shipment) => {
    const asked = await askCarrier<ParseShipmentOutputV1>(inMerchant, deps, shipment, 'createShipment', 'parseShipment')
    if (asked.kind === 'nothing') return writeOutcome(inMerchant, shipment, { status: 'created' })
    const { answer } = asked
    if (answer.outcome === 'failed') return fail(inMerchant, shipment, answer)
    return writeOutcome(inMerchant, shipment, {
      status: 'created',
      carrierReference: answer.carrier_reference,
      trackingNumber: answer.tracking_number,
      trackingUrl: answer.tracking_url,
    })
  },
  created: async (inMerchant: InMerchant, deps: ShipmentDeps, shipment: Shipment) => {
    const asked = await askCarrier<ParseLabelOutputV1>(inMerchant, deps, shipment, 'fetchLabel', 'parseLabel')
    if (asked.kind === 'nothing') return writeOutcome(inMerchant, shipment, { status: 'labelled' })
    const { answer, bytes } = asked
    if (answer.outcome === 'failed') return fail(inMerchant, shipment, answer)
    const label = deps.port.labelOf(answer, bytes)
    if (!label || label.byteLength > LABEL_BYTES_MAX) {
      const message = label ? 'The label is too large.' : "There is no label where the plugin says it is in the carrier's answer."
      return fail(inMerchant, shipment, { code: 'label_missing', message, retry: false })
    }
    return writeOutcome(inMerchant, shipment, { status: 'labelled', label, labelType: answer.media_type })
  },
  cancelling: async (inMerchant: InMerchant, deps: ShipmentDeps, shipment: Shipment) => {
    if (shipment.carrierReference === null) return writeOutcome(inMerchant, shipment, { status: 'cancelled' })
    const asked = await askCarrier<ParseCancellationOutputV1>(inMerchant, deps, shipment, 'cancelShipment', 'parseCancellation')
    if (asked.kind === 'nothing') return writeOutcome(inMerchant, shipment, { status: 'cancelled' })
    if (asked.answer.outcome === 'failed') return fail(inMerchant, shipment, asked.answer)
    return writeOutcome(inMerchant, shipment, { status: 'cancelled' })
  },
} as const

/** The carrier will not have it, or not now: a `retry` throws, so that the job comes again later. */
async function fail(
  inMerchant: InMerchant,
  shipment: Shipment,
  { code, message, retry }: { code: string; message: string; retry: boolean },
): Promise<false> {
  if (retry) throw new Error(`the carrier asks to try again: ${code}`)
  return writeOutcome(inMerchant, shipment, { status: 'failed', failure: { code, message } })
}

/** Asks the carrier where the goods are. */
export async function trackShipment(inMerchant: InMerchant, deps: ShipmentDeps, { shipmentId }: { shipmentId: string }): Promise<void> {
  const shipment = await inMerchant.read((tx) => loadShipment(tx, shipmentId))
  if (shipment.status !== 'labelled' || OVER.has(shipment.trackingStatus)) return
  const asked = await askCarrier<ParseTrackingOutputV1>(inMerchant, deps, shipment, 'track', 'parseTracking')
  if (asked.kind === 'nothing') return
  if (asked.answer.outcome === 'failed') {
    if (asked.answer.retry) throw new Error(`the carrier asks to try again: ${asked.answer.code}`)
    return
  }
  const { status, events } = asked.answer
  await writeOutcome(inMerchant, shipment, { status: 'labelled', trackingStatus: status, trackingEvents: events })
}

/** The jobs that shipments should have by what their rows say; for the worker's round. */
export async function wakeShipments(inMerchant: InMerchant, now: Date): Promise<void> {
  await inMerchant(async (tx) => {
    const rows = await tx.sql<{ id: string; status: string }[]>`
      select id, status from shipment s
      where merchant_id = ${tx.merchantId} and status in ('requested', 'created', 'cancelling') and not exists (
        select 1 from dead_job d
        where d.merchant_id = s.merchant_id and d.task = 'perform_shipment' and d.payload ->> 'shipmentId' = s.id::text
      )
      order by updated_at limit 100`
    const tracked = await tx.sql<{ id: string }[]>`
      select id from shipment
      where merchant_id = ${tx.merchantId} and status = 'labelled' and carrier_reference is not null
        and (tracking_status is null or tracking_status not in ('delivered', 'returned'))
        and requested_at > ${new Date(now.getTime() - TRACKED_DAYS_MAX * DAY_MS)}
        and (tracked_at is null or tracked_at < ${new Date(now.getTime() - TRACK_EVERY_MS)})
      order by id limit 100`
    for (const { id } of rows) await enqueueUnlessQueued(tx, 'perform_shipment', { shipmentId: id }, { key: id })
    for (const { id } of tracked) await enqueueUnlessQueued(tx, 'track_shipment', { shipmentId: id }, { key: id })
  })
}
