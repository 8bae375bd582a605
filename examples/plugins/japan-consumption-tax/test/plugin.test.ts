import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { TaxOutputV1 } from '@souk/plugins-sdk'
import { type Bundle, buildBundle, callPlugin, sampleInput } from '@souk/plugins-sdk/testing'

const yen = { currency: 'JPY', currency_digits: 0, seller_country: 'JP' }
const inJapan = { country: 'JP', region: '13', postcode: '100-0001', city: '千代田区' }

let bundle: Bundle
before(async () => {
  bundle = await buildBundle()
})

async function taxOn(input: Parameters<typeof sampleInput>[2], configuration: object = {}): Promise<TaxOutputV1> {
  const given = { ...yen, destination: inJapan, ...input }
  const answer = await callPlugin(bundle, 'tax@1', 'run', sampleInput('tax@1', 'run', given), configuration)
  assert.ok(answer.ok, answer.ok ? '' : answer.detail)
  return answer.output as TaxOutputV1
}

function amounts({ lines, shipping }: TaxOutputV1): number[] {
  return [...lines.map(({ due }) => due), shipping ?? { taxes: [] }].map((due) =>
    'taxes' in due ? due.taxes.reduce((sum, { amount }) => sum + amount, 0) : Number.NaN,
  )
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
const prices = (unit_prices: number[], tax_category: string | null = null) =>
  unit_prices.map((unit_price) => ({ unit_price, tax_category }))

test('fractions are dropped once for the invoice, not once for each line', async () => {
  // By line: 9 + 9 + 9 = 27. By invoice: 10 % of 297 is 29.7.
  assert.equal(sum(amounts(await taxOn({ prices_include_tax: false, lines: prices([99, 99, 99]) }))), 29)
})

test('each rate is rounded by itself', async () => {
  const lines = [...prices([99, 99, 99]), ...prices([99, 99], 'food')]
  // 29.7 -> 29 and 8 % of 198 = 15.84 -> 15.
  assert.equal(sum(amounts(await taxOn({ prices_include_tax: false, lines }))), 29 + 15)
})

test('shipping is taxed at the standard rate, within the same sum', async () => {
  const answer = await taxOn({ prices_include_tax: false, lines: prices([99]), shipping: { method: 'yamato', amount: 506 } })
  // 10 % of 605 = 60.5 -> 60; by line it would have been 9 + 50.
  assert.equal(sum(amounts(answer)), 60)
  assert.equal(amounts(answer)[1], 50)
})

test('a price that contains the tax gives up 10/110 and 8/108 of it', async () => {
  assert.deepEqual(amounts(await taxOn({ lines: prices([1_100, 11_000]) })), [100, 1_000, 0])
  assert.deepEqual(amounts(await taxOn({ lines: prices([1_080], 'food') })), [80, 0])
})

for (const [rounding, expected] of [
  ['down', 60],
  ['half_up', 61],
  ['up', 61],
] as const) {
  test(`a merchant may round ${rounding}`, async () => {
    assert.equal(sum(amounts(await taxOn({ prices_include_tax: false, lines: prices([605]) }, { rounding }))), expected)
  })
}

test('goods that leave Japan are free of tax, and the invoice says why', async () => {
  const answer = await taxOn({ lines: prices([1_100]), destination: { ...inJapan, country: 'US' } })
  assert.deepEqual(answer, { lines: [{ line_id: 'line_1', due: { taxes: [] } }], shipping: null, note: '輸出免税' })
})

test('what is not taxable is left out of the sum', async () => {
  const lines = [{ unit_price: 99 }, { unit_price: 99, taxable: false }, { unit_price: 99, tax_category: 'zero' }]
  assert.deepEqual(amounts(await taxOn({ prices_include_tax: false, lines })), [9, 0, 0, 0])
})
