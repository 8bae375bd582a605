import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type Bundle, buildBundle, callPlugin, sampleInput } from '@souk/plugins-sdk/testing'

interface Answer {
  discounts: { target: { lines: { line_id: string }[] }; value: { percentage: string }; message: string; combines: boolean }[]
}

const tiers = [
  { from: 50, percent: '15' },
  { from: 10, percent: '5' },
]
const programs = [{ group: 'trade', tiers }, { tiers: [{ from: 100, percent: '3' }] }]
const trade = { groups: ['trade', 'newsletter'], orders_count: 4, total_spent: 90_000, first_order: false }

let bundle: Bundle
before(async () => {
  bundle = await buildBundle()
})

async function discountsFor(input: Parameters<typeof sampleInput>[2], configuration: object = {}): Promise<Answer['discounts']> {
  const answer = await callPlugin(bundle, 'discount@2', 'run', sampleInput('discount@2', 'run', input), { programs, ...configuration })
  assert.ok(answer.ok, answer.ok ? '' : answer.detail)
  return (answer.output as Answer).discounts
}

describe('a tier', () => {
  for (const [quantity, percent] of [
    [9, undefined],
    [10, '5'],
    [49, '5'],
    [50, '15'],
    [5_000, '15'],
  ] as const) {
    test(`for ${quantity} units is ${percent ?? 'none'}`, async () => {
      const [discount] = await discountsFor({ lines: [{ quantity }], customer: trade })
      assert.equal(discount?.value.percentage, percent)
    })
  }

  test('counts the variants of a product together', async () => {
    const lines = [
      { quantity: 6, product_id: 'shirt' },
      { quantity: 4, product_id: 'shirt' },
      { quantity: 9, product_id: 'hat' },
    ]
    const discounts = await discountsFor({ lines, customer: trade })
    assert.deepEqual(discounts, [
      {
        target: { lines: [{ line_id: 'line_1' }, { line_id: 'line_2' }] },
        value: { percentage: '5' },
        message: '5 % off from 10 units',
        combines: false,
      },
    ])
  })

  test('counts each line by itself if the merchant says so', async () => {
    const lines = [
      { quantity: 6, product_id: 'shirt' },
      { quantity: 4, product_id: 'shirt' },
    ]
    assert.deepEqual(await discountsFor({ lines, customer: trade }, { count: 'line' }), [])
  })
})

describe('a customer', () => {
  test('in the group gets the tiers of the group, and not those for everybody', async () => {
    const [discount] = await discountsFor({ lines: [{ quantity: 100 }], customer: trade })
    assert.equal(discount?.value.percentage, '15')
  })

  test('who is a guest gets the tiers for everybody', async () => {
    const [discount] = await discountsFor({ lines: [{ quantity: 100 }], customer: null })
    assert.equal(discount?.value.percentage, '3')
  })

  test('in no group gets nothing where there are no tiers for everybody', async () => {
    assert.deepEqual(await discountsFor({ lines: [{ quantity: 100 }], customer: null }, { programs: [programs[0]] }), [])
  })
})

test('goods with the excluded tag neither earn nor count', async () => {
  const lines = [
    { quantity: 6, product_id: 'shirt' },
    { quantity: 6, product_id: 'shirt', tags: ['no-volume-discount'] },
  ]
  assert.deepEqual(await discountsFor({ lines, customer: trade }), [])
})

test('the shop is told to leave out reduced lines, unless the merchant wants both', async () => {
  const input = { lines: [{ quantity: 10 }], customer: trade }
  assert.equal((await discountsFor(input))[0]?.combines, false)
  assert.equal((await discountsFor(input, { on_reduced: true }))[0]?.combines, true)
})
