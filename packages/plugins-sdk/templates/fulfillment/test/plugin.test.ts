import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { askCarrier, type Bundle, buildBundle, type Carrier, sampleInput } from '@souk/plugins-sdk/testing'

let bundle: Bundle
before(async () => {
  bundle = await buildBundle()
})

const secrets = { api_key: 'test-key' }
const carrier: Carrier = ({ headers, body }) => {
  assert.equal(headers.authorization, 'Bearer test-key')
  assert.equal(JSON.parse(body ?? '').recipient.city, 'Berlin')
  return { status: 201, body: '{"number":"TRK1"}' }
}

test('a shipment is announced, and gets its number', async () => {
  const { request, output } = await askCarrier(
    bundle,
    'createShipment',
    sampleInput('fulfillment@1', 'createShipment'),
    {},
    { secrets, carrier },
  )
  assert.equal(request?.url, 'https://api.carrier.example/shipments')
  assert.deepEqual(output, { outcome: 'created', carrier_reference: 'TRK1', tracking_number: 'TRK1', tracking_url: null })
})

test('a carrier that does not answer is asked again later', async () => {
  const silent: Carrier = () => {
    throw new Error('no route')
  }
  const input = sampleInput('fulfillment@1', 'track', { shipment: { tracking_number: 'TRK1' } })
  const { output } = await askCarrier(bundle, 'track', input, {}, { secrets, carrier: silent })
  assert.deepEqual(output, { outcome: 'failed', code: 'http_0', message: 'The carrier answered 0.', retry: true })
})
