import { definePlugin } from '@souk/plugins-sdk'
import { asObject, asText, failureOf, kapselRequest, readObject, statusOf } from './kapsel-api.ts'
import { manifest } from './manifest.ts'
import { lockerOf, lockerRates } from './rates.ts'

const EVENTS_MAX = 100
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

export const plugin = definePlugin(manifest, {
  'fulfillment@1': {
    rates({ grams, subtotal, destination, lines }, configuration) {
      const isBulky = lines.some(({ requires_shipping, tags }) => requires_shipping && tags.includes(configuration.excluded_tag))
      if (destination === null || destination.postcode === null || isBulky) return { rates: [] }
      return { rates: lockerRates({ grams, subtotal, country: destination.country, postcode: destination.postcode }, configuration) }
    },

    createShipment({ shipment }) {
      const locker = lockerOf(shipment.method)
      if (locker === undefined) return { nothing_to_do: 'This shipment goes to no locker of ours.' }
      const { name, email, phone } = shipment.recipient
      const body = {
        locker,
        reference: shipment.order_number,
        recipient: { name, email, phone },
        weight_grams: shipment.parcels.reduce((sum, { grams }) => sum + grams, 0),
      }
      return { request: kapselRequest('POST', '/parcels', body, shipment.id) }
    },

    parseShipment({ response }) {
      const parcel = asObject(readObject(response)?.parcel)
      const reference = asText(parcel?.id, 200)
      const code = asText(parcel?.code, 200)
      if (reference === undefined || code === undefined) return failureOf(response)
      const tracking_url = `https://kapsel.example/follow/${encodeURIComponent(code)}`
      return { outcome: 'created', carrier_reference: reference, tracking_number: code, tracking_url }
    },

    fetchLabel({ shipment }) {
      if (shipment.carrier_reference === null) return { nothing_to_do: 'The parcel is not announced yet.' }
      return { request: kapselRequest('GET', `/parcels/${encodeURIComponent(shipment.carrier_reference)}/label`) }
    },

    parseLabel({ response }) {
      if (asText(readObject(response)?.pdf_base64, 200_000) === undefined) return failureOf(response)
      return { outcome: 'ready', media_type: 'application/pdf', from: { base64_at: '/pdf_base64' } }
    },

    track({ shipment }) {
      if (shipment.tracking_number === null) return { nothing_to_do: 'The parcel has no code yet.' }
      return { request: kapselRequest('GET', `/follow/${encodeURIComponent(shipment.tracking_number)}`) }
    },

    parseTracking({ response }) {
      const found = readObject(response)
      if (found === undefined || asText(found.status, 100) === undefined) return failureOf(response)
      const scans = Array.isArray(found.scans) ? found.scans.slice(-EVENTS_MAX) : []
      const events = scans.flatMap((scan) => {
        const { at, status, text, place } = asObject(scan) ?? {}
        if (typeof at !== 'string' || !TIME.test(at)) return []
        return [{ at, status: statusOf(status), text: asText(text, 500) ?? String(status), place: asText(place, 200) ?? null }]
      })
      return { outcome: 'known', status: statusOf(found.status), events }
    },

    cancelShipment({ shipment }) {
      if (shipment.carrier_reference === null) return { nothing_to_do: 'The parcel was never announced.' }
      return { request: kapselRequest('DELETE', `/parcels/${encodeURIComponent(shipment.carrier_reference)}`) }
    },

    parseCancellation({ response }) {
      // Gone already is what was wanted.
      const isGone = (response.status >= 200 && response.status < 300) || response.status === 404 || response.status === 410
      return isGone ? { outcome: 'cancelled' } : failureOf(response)
    },
  },
})
