import { type CarrierRequestV1, type CarrierResponseV1, definePlugin } from '@souk/plugins-sdk'
import { manifest } from './manifest.ts'

const SMALL_GRAMS_MAX = 5_000
const LARGE_GRAMS_MAX = 30_000

export const plugin = definePlugin(manifest, {
  'fulfillment@1': {
    rates({ grams, destination }, { country, small, large }) {
      if (destination?.country !== country || grams > LARGE_GRAMS_MAX) return { rates: [] }
      const amount = grams <= SMALL_GRAMS_MAX ? small : large
      return { rates: [{ code: 'parcel', name: 'Parcel', amount, delivery_days: { min: 1, max: 3 } }] }
    },

    createShipment({ shipment }) {
      const { id, recipient, parcels } = shipment
      return { request: ask('POST', '/shipments', JSON.stringify({ reference: id, recipient, parcels })) }
    },

    parseShipment({ response }) {
      const created = read(response)
      if (created === undefined) return failed(response)
      const number = String(created.number)
      return { outcome: 'created', carrier_reference: number, tracking_number: number, tracking_url: null }
    },

    track({ shipment }) {
      if (shipment.tracking_number === null) return { nothing_to_do: 'The parcel has no number yet.' }
      return { request: ask('GET', `/shipments/${encodeURIComponent(shipment.tracking_number)}`, null) }
    },

    parseTracking({ response }) {
      const found = read(response)
      if (found === undefined) return failed(response)
      return { outcome: 'known', status: found.delivered === true ? 'delivered' : 'in_transit', events: [] }
    },
  },
})

function ask(method: 'GET' | 'POST', path: string, body: string | null): CarrierRequestV1 {
  const headers = { authorization: 'Bearer {{secrets.api_key}}', 'content-type': 'application/json' }
  return { host: 'api.carrier.example', method, path, headers, body, accepts: 'text' }
}

/** The carrier's answer, if it is a good one. A carrier can answer anything: nothing is taken for granted. */
function read({ status, body }: CarrierResponseV1): { number: unknown; delivered?: unknown } | undefined {
  if (status < 200 || status >= 300 || body === null) return undefined
  try {
    const json = JSON.parse(body)
    return json?.number === undefined ? undefined : json
  } catch {
    return undefined
  }
}

function failed({ status }: CarrierResponseV1) {
  const isWorthAnotherTry = status === 0 || status === 429 || status >= 500
  return { outcome: 'failed' as const, code: `http_${status}`, message: `The carrier answered ${status}.`, retry: isWorthAnotherTry }
}
