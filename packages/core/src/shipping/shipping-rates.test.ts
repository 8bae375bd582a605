import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { CartFacts } from '../rules/fact-values.ts'
import { compileShipping, type ShippingQuestion, shippingRates } from './shipping-rates.ts'
import { type shippingMethodSchema, shippingTableSchema } from './shipping-table.ts'

type GivenMethod = z.input<typeof shippingMethodSchema>
type GivenRate = GivenMethod['rate']

const ZONES = [
  { id: 'world', name: 'World', places: [{ country: '*' }] },
  { id: 'eu', name: 'EU', places: [{ country: 'DE' }, { country: 'AT' }, { country: 'US' }] },
  { id: 'dach', name: 'DACH', places: [{ country: 'DE' }, { country: 'CH' }] },
  {
    id: 'alaska',
    name: 'Alaska',
    places: [
      { country: 'US', region: 'AK' },
      { country: 'US', region: 'HI' },
    ],
  },
  {
    id: 'islands',
    name: 'Islands',
    places: [
      { country: 'DE', postcode_from: '18565', postcode_to: '18565' },
      { country: 'DE', postcode_from: '25846', postcode_to: '25999' },
    ],
  },
]

function method(given: Partial<GivenMethod>): GivenMethod {
  return { code: 'post', name: 'Post', rate: { type: 'flat', amount: 490 }, ...given }
}

function ask(question: Partial<ShippingQuestion> = {}): ShippingQuestion {
  const facts = { 'cart.subtotal': question.subtotal ?? 0n, 'customer.groups': [] as string[], lines: [] } as unknown as CartFacts
  return { destination: { country: 'DE', region: null, postcode: '10115' }, facts, subtotal: 0n, grams: 0n, quantity: 1n, ...question }
}

function offers(methods: Partial<GivenMethod>[], question: Partial<ShippingQuestion> = {}) {
  const table = shippingTableSchema.parse({ currency: 'EUR', zones: ZONES, methods: methods.map(method) })
  return shippingRates(compileShipping(table), ask(question))
}

function offerOf(given: Partial<GivenMethod>, question: Partial<ShippingQuestion> = {}) {
  return offers([given], question)[0]!
}

function amount(rate: GivenRate, question: Partial<ShippingQuestion> = {}): bigint | string {
  const { available, amount, trace } = offerOf({ rate }, question)
  return available ? amount : trace.outcome
}

function at(country: string, postcode: string | null = null, region: string | null = null) {
  return { destination: { country, region, postcode } }
}

describe('zones', () => {
  const methods = ZONES.map(({ id }) => ({ code: id, zone_ids: [id] }))
  it.each([
    ['the zone of a country', at('AT'), ['eu']],
    ['all zones of a country', at('DE', '10115'), ['eu', 'dach']],
    ['the rest of the world, where no other zone is', at('JP'), ['world']],
    ['the zone of a region, which hides that of its country', at('US', null, 'AK'), ['alaska']],
    ['a region by its name', at('US', null, 'hawaii'), ['alaska']],
    ['the rest of that country', at('US', null, 'CA'), ['eu']],
    ['the zone of a postcode, which hides the others', at('DE', '18565'), ['islands']],
    ['the first postcode of a range', at('DE', '25846'), ['islands']],
    ['the last postcode of a range', at('DE', '25 999'), ['islands']],
    ['the postcode before it', at('DE', '25845'), ['eu', 'dach']],
    ['the postcode after it', at('DE', '26000'), ['eu', 'dach']],
  ])('%s', (_what, question, expected) => {
    const offered = offers(methods, question).filter((each) => each.available)
    expect(offered.map(({ code }) => code)).toEqual(expected)
  })

  it('need an address; a method for anywhere does not', () => {
    const [zoned, anywhere] = offers([{ code: 'a', zone_ids: ['eu'] }, { code: 'b' }], { destination: null })
    expect(zoned).toMatchObject({ available: false, amount: 0n, trace: { outcome: 'no_address', words: 'The address is not known yet.' } })
    expect(anywhere).toMatchObject({ available: true, amount: 490n })
    expect(offerOf({ zone_ids: ['alaska'] }).trace).toMatchObject({ outcome: 'other_zone', words: 'Not offered for DE.' })
  })
})

describe('rates', () => {
  it('flat', () => {
    expect(amount({ type: 'flat', amount: 490 })).toBe(490n)
    expect(amount({ type: 'flat', amount: 0 })).toBe(0n)
  })

  it.each([
    [0, 'no_rate'],
    [99, 'no_rate'],
    [100, 300n],
    [999, 300n],
    [1000, 500n],
    [1001, 650n],
    [1500, 650n],
    [1501, 800n],
    [5000, 1700n],
  ])('by weight: %i g', (grams, expected) => {
    const steps = [
      { from_grams: 1000, amount: 500 },
      { from_grams: 100, amount: 300 },
    ]
    expect(amount({ type: 'by_weight', steps, beyond: { each_grams: 500, amount: 150 } }, { grams: BigInt(grams) })).toBe(expected)
    if (grams >= 1000) expect(amount({ type: 'by_weight', steps }, { grams: BigInt(grams) })).toBe(500n)
  })

  it.each([
    [999, 'no_rate'],
    [1000, 900n],
    [4999, 900n],
    [5000, 400n],
    [10000, 0n],
  ])('by order value: %i', (subtotal, expected) => {
    const steps = [
      { from: 1000, amount: 900 },
      { from: 5000, amount: 400 },
      { from: 10000, amount: 0 },
    ]
    expect(amount({ type: 'by_subtotal', steps }, { subtotal: BigInt(subtotal) })).toBe(expected)
  })

  it.each([
    [0, 0n],
    [1, 500n],
    [3, 700n],
    [4, 1200n],
    [10, 2600n],
  ])('by pieces, of which a parcel holds three: %i', (quantity, expected) => {
    expect(amount({ type: 'by_quantity', first: 500, additional: 100, per_parcel: 3 }, { quantity: BigInt(quantity) })).toBe(expected)
  })

  it.each([
    [0, 0n],
    [1, 500n],
    [2, 700n],
    [3, 900n],
    [4, 900n],
  ])('by pieces, of which three are charged: %i', (quantity, expected) => {
    expect(amount({ type: 'by_quantity', first: 500, additional: 200, quantity_max: 3 }, { quantity: BigInt(quantity) })).toBe(expected)
    if (quantity > 0)
      expect(amount({ type: 'by_quantity', first: 500, additional: 200 }, { quantity: BigInt(quantity) })).toBe(
        300n + 200n * BigInt(quantity),
      )
  })

  it.each([
    [0, 300n],
    [5999, 300n],
    [6010, 301n],
    [6009, 300n],
    [100000, 2000n],
  ])('a percentage with a least and a highest amount, rounded half up: 5 %% of %i', (subtotal, expected) => {
    expect(amount({ type: 'percentage', rate_ppm: 50_000, amount_min: 300, amount_max: 2000 }, { subtotal: BigInt(subtotal) })).toBe(
      expected,
    )
  })

  it('a table: the nearest place, then the highest step that is reached', () => {
    const rows = [
      { country: '*', from: 0, amount: 2500 },
      { country: 'US', from: 0, amount: 1500 },
      { country: 'US', from: 5000, amount: 1000 },
      { country: 'US', region: 'AK', from: 0, amount: 2000 },
      { country: 'US', region: 'AK', from: 5000, amount: 1800 },
      { country: 'US', postcode: '99', from: 0, amount: 3000 },
      { country: 'US', postcode: '995', from: 0, amount: 4000 },
      { country: 'DE', from: 100, amount: 700 },
    ]
    const of = (question: Partial<ShippingQuestion>) => amount({ type: 'table', by: 'subtotal', rows }, question)
    expect(of({ ...at('FR'), subtotal: 9999n })).toBe(2500n)
    expect(of({ ...at('US', '10001', 'NY'), subtotal: 4999n })).toBe(1500n)
    expect(of({ ...at('US', '10001', 'NY'), subtotal: 5000n })).toBe(1000n)
    expect(of({ ...at('US', null, 'Alaska'), subtotal: 5000n })).toBe(1800n)
    expect(of({ ...at('US', '99801', 'AK'), subtotal: 5000n })).toBe(3000n)
    expect(of({ ...at('US', '99501', 'AK'), subtotal: 5000n })).toBe(4000n)
    expect(of({ ...at('DE'), subtotal: 99n })).toBe(2500n)
    expect(of({ destination: null })).toBe('no_address')
    expect(amount({ type: 'table', by: 'weight', rows: [{ from: 1000, amount: 1 }] }, { grams: 999n })).toBe('no_rate')
    expect(amount({ type: 'table', by: 'quantity', rows: [{ from: 2, amount: 1 }] }, { quantity: 2n })).toBe(1n)
  })
})

describe('limits and conditions', () => {
  const limited = { subtotal_min: 1000, subtotal_max: 5000, grams_min: 100, grams_max: 2000 }
  it.each([
    [1000, 100, 'available', 'Flat rate: 4.90 EUR.'],
    [5000, 2000, 'available', 'Flat rate: 4.90 EUR.'],
    [999, 100, 'below_minimum', 'Offered from 10.00 EUR on: 0.01 EUR are missing.'],
    [5001, 100, 'above_maximum', 'Offered up to 50.00 EUR.'],
    [1000, 99, 'below_minimum', 'Offered from 100 g on; this weighs 99 g.'],
    [1000, 2001, 'above_maximum', 'Offered up to 2000 g; this weighs 2001 g.'],
  ])('both ends belong to a limit: %i minor units, %i g: %s', (subtotal, grams, outcome, words) => {
    const { trace, available } = offerOf(limited, { subtotal: BigInt(subtotal), grams: BigInt(grams) })
    expect(trace).toMatchObject({ outcome, words })
    expect(available).toBe(outcome === 'available')
  })

  it('costs nothing from an order value on, and says how much is missing', () => {
    expect(offerOf({ free_from: 5000 }, { subtotal: 4690n })).toMatchObject({ amount: 490n, trace: { untilFree: 310n } })
    expect(offerOf({ free_from: 5000 }, { subtotal: 5000n })).toMatchObject({
      amount: 0n,
      available: true,
      trace: { untilFree: null, words: 'Free from 50.00 EUR on.' },
    })
    expect(offerOf({}, { subtotal: 5000n }).trace.untilFree).toBeNull()
    expect(offerOf({ free_from: 5000, zone_ids: ['alaska'] }).trace.untilFree).toBeNull()
  })

  it('is offered when its conditions hold, and shows how they came out', () => {
    const conditions = { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 }] }
    const failed = offerOf({ conditions } as Partial<GivenMethod>, { subtotal: 4000n })
    expect(failed).toMatchObject({ available: false, trace: { outcome: 'conditions_failed', words: 'Its conditions do not hold.' } })
    expect(failed.trace.conditions).toMatchObject({
      group: 'all',
      result: 'failed',
      of: [{ fact: 'cart.subtotal', actual: 4000, result: 'failed' }],
    })
    expect(offerOf({ conditions } as Partial<GivenMethod>, { subtotal: 5000n })).toMatchObject({
      available: true,
      trace: { conditions: { result: 'held' } },
    })
  })
})

describe('for any parcel', () => {
  const steps = fc.uniqueArray(fc.record({ from_grams: fc.nat(10_000), amount: fc.nat(100_000) }), {
    selector: (step) => step.from_grams,
    minLength: 1,
    maxLength: 8,
  })

  it('the order of steps and rows does not matter, and one is charged that is reached', () => {
    fc.assert(
      fc.property(steps, fc.nat(12_000), (given, grams) => {
        const forward = amount({ type: 'by_weight', steps: given }, { grams: BigInt(grams) })
        expect(amount({ type: 'by_weight', steps: given.toReversed() }, { grams: BigInt(grams) })).toBe(forward)
        const rows = given.map(({ from_grams, amount }) => ({ from: from_grams, amount }))
        expect(amount({ type: 'table', by: 'weight', rows: rows.toReversed() }, { grams: BigInt(grams) })).toBe(forward)
        const reached = given.filter((step) => step.from_grams <= grams).sort((a, b) => b.from_grams - a.from_grams)
        expect(forward).toBe(reached.length === 0 ? 'no_rate' : BigInt(reached[0]!.amount))
      }),
    )
  })
})
