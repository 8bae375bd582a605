import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Bundle, buildBundle, callPlugin, sampleInput } from '@souk/plugins-sdk/testing'

let bundle: Bundle
before(async () => {
  bundle = await buildBundle()
})

test('a parcel that leaves the country is not taxed', async () => {
  const input = sampleInput('tax@1', 'run', { destination: { country: 'DE', region: null, postcode: '10115', city: 'Berlin' } })
  const answer = await callPlugin(bundle, 'tax@1', 'run', input)
  assert.deepEqual(answer.ok && answer.output, {
    lines: [{ line_id: 'line_1', due: { rates: [] } }],
    shipping: null,
    note: 'Export, free of tax',
  })
})

test('a merchant sets the rates', async () => {
  const input = sampleInput('tax@1', 'run', { lines: [{ tax_category: 'reduced' }] })
  const answer = await callPlugin(bundle, 'tax@1', 'run', input, { reduced: '3' })
  assert.deepEqual(answer.ok && answer.output, {
    lines: [{ line_id: 'line_1', due: { rates: [{ name: 'MWST 3 %', rate: '3' }] } }],
    shipping: null,
    note: null,
  })
})
