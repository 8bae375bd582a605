import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'my-plugin',
  version: '1.0.0',
  title: 'Parcel carrier',
  description: 'A rate by weight, and shipments announced to the carrier.',
  sdk: '^1.0.0',
  contracts: { fulfillment: '^1' },
  // The plugin gets these fields and no others. All of them: docs/plugins/reference.md.
  input: {
    'fulfillment@1': [
      'grams',
      'destination.country',
      'shipment.id',
      'shipment.recipient.name',
      'shipment.recipient.line1',
      'shipment.recipient.postcode',
      'shipment.recipient.city',
      'shipment.recipient.country',
      'shipment.parcels.grams',
      'shipment.tracking_number',
    ],
  },
  // What a merchant sets; the shop draws a form from it and checks it.
  configuration: {
    type: 'object',
    properties: {
      country: { type: 'string', format: 'country', title: 'Delivers in', default: 'DE' },
      small: { type: 'integer', format: 'amount', title: 'Price up to 5 kg', default: 490 },
      large: { type: 'integer', format: 'amount', title: 'Price up to 30 kg', default: 990 },
    },
  },
  // A merchant enters it once; the plugin only ever writes {{secrets.api_key}}.
  secrets: { api_key: { title: 'API key of the carrier', hosts: ['api.carrier.example'] } },
  hosts: [{ host: 'api.carrier.example', methods: ['GET', 'POST'], description: 'Announces shipments and follows them' }],
})
