import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Bundle, buildBundle, callPlugin, sampleInput } from '@souk/plugins-sdk/testing'

let bundle: Bundle
before(async () => {
  bundle = await buildBundle()
})

test('a merchant sets quantity and percentage', async () => {
  const input = sampleInput('discount@1', 'run', { lines: [{ quantity: 3 }, { quantity: 2 }] })
  const answer = await callPlugin(bundle, 'discount@1', 'run', input, { quantity: 3, percent: '12.5' })
  assert.deepEqual(answer.ok && answer.output, {
    operations: [{ type: 'line', line_id: 'line_1', value: { percentage: '12.5' }, message: '12.5 % off from 3 units' }],
  })
})

test('an empty cart has no discounts', async () => {
  const answer = await callPlugin(bundle, 'discount@1', 'run', sampleInput('discount@1', 'run', { lines: [] }))
  assert.deepEqual(answer.ok && answer.output, { operations: [] })
})
