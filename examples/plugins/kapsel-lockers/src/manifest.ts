import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'kapsel-lockers',
  version: '1.0.0',
  title: 'Kapsel parcel lockers',
  description: 'Delivery to the parcel lockers of Kapsel in Germany and Austria, with labels and tracking.',
  author: 'Souk examples',
  sdk: '^1.0.0',
  contracts: { fulfillment: '^1' },
  input: {
    'fulfillment@1': [
      'grams',
      'subtotal',
      'destination.country',
      'destination.postcode',
      'lines.tags',
      'lines.requires_shipping',
      'shipment.id',
      'shipment.order_number',
      'shipment.method',
      'shipment.recipient.name',
      'shipment.recipient.email',
      'shipment.recipient.phone',
      'shipment.parcels.grams',
      'shipment.carrier_reference',
      'shipment.tracking_number',
    ],
  },
  configuration: {
    type: 'object',
    properties: {
      small: { type: 'integer', format: 'amount', title: 'Price up to 5 kg', default: 390 },
      medium: { type: 'integer', format: 'amount', title: 'Price up to 15 kg', default: 590 },
      large: { type: 'integer', format: 'amount', title: 'Price up to 25 kg', default: 890 },
      abroad: { type: 'integer', format: 'amount', title: 'Surcharge outside the home country', default: 400 },
      home: { type: 'string', format: 'country', title: 'Home country', default: 'DE' },
      free_from: { type: 'integer', format: 'amount', title: 'Free from an order of (0: never)', default: 0 },
      lockers: { type: 'integer', title: 'How many lockers to offer', minimum: 1, maximum: 10, default: 3 },
      excluded_tag: { type: 'string', format: 'tag', title: 'Not for carts with this tag', default: 'bulky' },
    },
  },
  secrets: {
    api_key: { title: 'Kapsel API key', description: 'From the business portal, under "Integrations".', hosts: ['api.kapsel.example'] },
  },
  hosts: [
    { host: 'api.kapsel.example', methods: ['GET', 'POST', 'DELETE'], description: 'Announces parcels, fetches labels, follows parcels.' },
  ],
})
