import { describe, expect, it } from 'vitest'
import { resolveTaxes, type TaxQuestion } from './resolve-taxes.ts'
import { rate, shown, table } from './testing/tax-tables.ts'

const NOON = '2026-03-02T12:00:00Z'

function ask(question: Partial<TaxQuestion> = {}): TaxQuestion {
  return { asOf: NOON, destination: null, lines: [line('a')], customer: null, ...question }
}

function line(id: string, category: string | null = null, taxable = true) {
  return { id, taxable, category, amount: 1000n }
}

function to(country: string, postcode: string | null = null, region: string | null = null) {
  return { destination: { country, region, postcode } }
}

function buyer(customer: Partial<NonNullable<TaxQuestion['customer']>>) {
  return { customer: { groups: [], taxExempt: false, vatId: null, ...customer } }
}

describe('with nothing configured', () => {
  const flat = table({ default_rate_ppm: 190_000 })

  it('charges the flat rate on everything taxable and on shipping, wherever it goes', () => {
    for (const place of [{ destination: null }, to('DE'), to('US', '94110', 'CA')]) {
      const taxes = resolveTaxes(flat, ask({ ...place, lines: [line('a'), line('b', null, false)] }))
      const rates = [{ code: 'tax', name: 'Tax', ratePpm: 190_000n, compound: false }]
      expect(taxes.lines).toEqual({ a: rates, b: [] })
      expect(taxes.home).toEqual({ a: rates, b: [] })
      expect([taxes.shipping, taxes.homeShipping]).toEqual([rates, rates])
    }
    expect(resolveTaxes(flat, ask(to('DE'))).treatment).toBe('domestic')
  })

  it('keeps the flat rate at home while rates are only for other countries', () => {
    const some = table({ default_rate_ppm: 190_000, rates: [rate({ country: 'CH', rate_ppm: 81_000 })] })
    expect(shown(some, ask(to('DE', '80331', 'BY')))).toBe('domestic: Tax 19')
    expect(shown(some, ask(to('CH')))).toBe('destination: VAT 8.1')
    expect(shown(some, ask(to('US')))).toBe('export: ')
  })
})

describe('which rate', () => {
  const rates = [
    rate({ id: 'world', country: '*', rate_ppm: 10_000 }),
    rate({ id: 'us', country: 'US', rate_ppm: 20_000 }),
    rate({ id: 'ca', country: 'US', region: 'CA', rate_ppm: 72_500 }),
    rate({ id: 'bay', country: 'US', postcode_from: '94000', postcode_to: '94999', rate_ppm: 85_000 }),
    rate({ id: 'sf', country: 'US', region: 'CA', postcode_from: '94110', postcode_to: '94110', rate_ppm: 86_250 }),
  ]
  const us = table({ seller_country: 'US', rates })

  it.each([
    ['a country that no rate names', to('JP'), 'world'],
    ['a state that no rate names', to('US', '97201', 'OR'), 'us'],
    ['a state by its code', to('US', '90001', 'CA'), 'ca'],
    ['a state by its name', to('US', '90001', 'California'), 'ca'],
    ['a state by its whole code', to('US', '90001', 'us-ca'), 'ca'],
    ['a postcode of a range', to('US', '94022', null), 'bay'],
    ['a postcode range rather than a state', to('US', '94022', 'CA'), 'bay'],
    ['the narrower range', to('US', '94110', 'CA'), 'sf'],
    ['a longer postcode by its first characters', to('US', '94110-1234', 'CA'), 'sf'],
    ['a postcode below a range', to('US', '93999', 'CA'), 'ca'],
    ['the last postcode of a range', to('US', '94999', 'CA'), 'bay'],
    ['a postcode above a range', to('US', '95000', 'CA'), 'ca'],
  ])('takes the most specific: %s', (_what, place, id) => {
    expect(resolveTaxes(us, ask(place)).lines.a!.map(({ code }) => code)).toEqual([id])
  })

  it('charges one rate of each priority together, a compound one on the amount with the others', () => {
    // Canada's GST and Quebec's QST: compound until the end of 2012 (Bill 5, 2012), beside each other since.
    const quebec = table({
      seller_country: 'CA',
      rates: [
        rate({ id: 'gst', name: 'GST', country: 'CA', rate_ppm: 50_000 }),
        rate({
          id: 'old',
          name: 'QST',
          country: 'CA',
          region: 'QC',
          rate_ppm: 95_000,
          priority: 2,
          compound: true,
          valid_to: '2012-12-31',
        }),
        rate({ id: 'qst', name: 'QST', country: 'CA', region: 'QC', rate_ppm: 99_750, priority: 2, valid_from: '2013-01-01' }),
      ],
    })
    expect(shown(quebec, ask(to('CA', 'H2X 1Y4', 'QC')))).toBe('domestic: GST 5 + QST 9.975')
    expect(shown(quebec, ask({ ...to('CA', null, 'QC'), asOf: '2012-06-01T12:00:00Z' }))).toBe('domestic: GST 5 + QST 9.5 compound')
    expect(shown(quebec, ask(to('CA', null, 'AB')))).toBe('domestic: GST 5')
  })

  it('reads postcodes without spaces, hyphens and case, and patterns over the whole of them', () => {
    const gb = table({
      seller_country: 'GB',
      rates: [
        rate({ id: 'gb', country: 'GB', rate_ppm: 200_000 }),
        rate({ id: 'b1', country: 'GB', postcode_pattern: 'B1\\d[A-Z]{2}', rate_ppm: 1 }),
      ],
    })
    const codeAt = (postcode: string) => resolveTaxes(gb, ask(to('GB', postcode))).lines.a![0]!.code
    expect(['b1 1aa', 'B1-1AA', 'B10 1AA', 'B11AA9', 'AB1 1AA'].map(codeAt)).toEqual(['b1', 'b1', 'gb', 'gb', 'gb'])
  })

  it('takes what is more special of two provinces and the region around them', () => {
    const es = table({
      seller_country: 'FR',
      rates: [
        rate({ id: 'cn', country: 'ES', region: 'CN', rate_ppm: 70_000 }),
        rate({ id: 'gc', country: 'ES', region: 'GC', rate_ppm: 30_000 }),
      ],
    })
    expect(resolveTaxes(es, ask(to('ES', null, 'Las Palmas'))).lines.a![0]!.code).toBe('gc')
    expect(resolveTaxes(es, ask(to('ES', null, 'Santa Cruz de Tenerife'))).lines.a![0]!.code).toBe('cn')
  })
})

describe('categories', () => {
  const eu = table({
    distance_sales: { mode: 'destination', from: null },
    categories: [
      { code: 'books', name: 'Books', countries: [{ country: 'FR', category: 'reduced1' }], otherwise: 'reduced' },
      { code: 'stamps', name: 'Stamps', countries: [], otherwise: 'zero' },
    ],
    rates: [
      rate({ country: 'DE', rate_ppm: 190_000 }),
      rate({ country: 'DE', category: 'reduced', rate_ppm: 70_000 }),
      rate({ country: 'FR', rate_ppm: 200_000 }),
      rate({ country: 'FR', category: 'reduced1', rate_ppm: 55_000 }),
      rate({ country: 'DK', rate_ppm: 250_000 }),
      rate({ country: 'IE', rate_ppm: 230_000 }),
      rate({ country: 'IE', category: 'books', rate_ppm: 0 }),
    ],
  })

  it.each([
    ['of its own', 'DE', 'reduced', 'domestic: VAT 7'],
    ['that the shop maps in a country', 'FR', 'books', 'destination: VAT 5.5'],
    ['that the shop maps elsewhere', 'DE', 'books', 'domestic: VAT 7'],
    ['falls back to standard where a country has none', 'DK', 'books', 'destination: VAT 25'],
    ['with a rate under its own name, even of zero', 'IE', 'books', 'destination: VAT 0'],
    ['nobody ever named', 'DE', 'anything', 'domestic: VAT 19'],
    ['zero, which falls back to nothing', 'DE', 'zero', 'domestic: '],
    ['that the shop maps to zero', 'FR', 'stamps', 'destination: '],
  ])('a category %s', (_what, country, category, expected) => {
    expect(shown(eu, ask({ ...to(country), lines: [line('a', category)] }))).toBe(expected)
  })
})

describe('days', () => {
  // Germany lowered its rate from 1 July to 31 December 2020 (Zweites Corona-Steuerhilfegesetz).
  const rates = [rate({ rate_ppm: 190_000 }), rate({ rate_ppm: 160_000, valid_from: '2020-07-01', valid_to: '2020-12-31' })]

  it.each([
    ['2020-06-30T21:59:59.999Z', 'Europe/Berlin', 19],
    ['2020-06-30T22:00:00.000Z', 'Europe/Berlin', 16],
    ['2020-12-31T22:59:59.999Z', 'Europe/Berlin', 16],
    ['2020-12-31T23:00:00.000Z', 'Europe/Berlin', 19],
    ['2020-06-30T23:59:59.999Z', 'UTC', 19],
    ['2020-07-01T00:00:00.000Z', 'UTC', 16],
    ['2020-06-30T09:59:59.999Z', 'Pacific/Kiritimati', 19],
    ['2020-06-30T10:00:00.000Z', 'Pacific/Kiritimati', 16],
    ['2020-07-01T10:59:59.999Z', 'Pacific/Pago_Pago', 19],
    ['2020-07-01T11:00:00.000Z', 'Pacific/Pago_Pago', 16],
  ])('begin at midnight of the seller: %s in %s is %i %%', (asOf, timeZone, percentage) => {
    expect(shown(table({ time_zone: timeZone, rates }), ask({ asOf }))).toBe(`domestic: VAT ${percentage}`)
  })

  it('need no end: of two rates for the same place the one that began later counts', () => {
    const fi = table({
      seller_country: 'FI',
      rates: [rate({ country: 'FI', rate_ppm: 240_000 }), rate({ country: 'FI', rate_ppm: 255_000, valid_from: '2024-09-01' })],
    })
    expect(shown(fi, ask({ asOf: '2024-08-31T12:00:00Z' }))).toBe('domestic: VAT 24')
    expect(shown(fi, ask({ asOf: '2024-09-01T12:00:00Z' }))).toBe('domestic: VAT 25.5')
  })
})

describe('where the seller collects', () => {
  const rates = ['CA', 'NY', 'TX'].map((region) => rate({ name: region, country: 'US', region, rate_ppm: 60_000 }))
  const nexus = { collects: 'registrations', seller_country: 'US', seller_region: 'CA', rates } as const

  it('is its own country, unless its registrations name regions of it', () => {
    const none = table({ ...nexus, registrations: [] })
    expect(shown(none, ask(to('US', null, 'NY')))).toBe('domestic: NY 6')
    const some = table({ ...nexus, registrations: [registered('US', 'CA'), registered('US', 'TX', '2026-03-01')] })
    expect(shown(some, ask(to('US', null, 'CA')))).toBe('domestic: CA 6')
    expect(shown(some, ask(to('US', null, 'NY')))).toBe('none: ')
    expect(shown(some, ask(to('US', null, 'TX')))).toBe('domestic: TX 6')
    expect(shown(some, ask({ ...to('US', null, 'TX'), asOf: '2026-02-28T12:00:00Z' }))).toBe('none: ')
  })

  it('is abroad only where it is registered', () => {
    const world = { ...nexus, rates: [...rates, rate({ country: 'AU', rate_ppm: 100_000 })] }
    expect(shown(table(world), ask(to('AU')))).toBe('export: ')
    expect(shown(table({ ...world, registrations: [registered('AU')] }), ask(to('AU')))).toBe('destination: VAT 10')
    expect(shown(table({ ...world, collects: 'rates' }), ask(to('AU')))).toBe('destination: VAT 10')
  })

  function registered(country: string, region: string | null = null, from: string | null = null) {
    return { country, region, number: null, valid_from: from, valid_to: null }
  }
})

describe('exemptions', () => {
  const rates = [
    rate({ country: 'US', region: 'CA', name: 'Sales tax', rate_ppm: 72_500 }),
    rate({ country: 'US', region: 'NY', name: 'Sales tax', rate_ppm: 40_000 }),
  ]
  const certificate = {
    id: 'e',
    customer_id: null,
    customer_group: null,
    certificate: 'R-1234',
    country: 'US',
    region: null,
    category: null,
    valid_from: null,
    valid_to: null,
  }
  const us = (exemption: object) =>
    table({ seller_country: 'US', rates, exemptions: [{ ...certificate, ...exemption }], exempt_groups: ['diplomats'] })
  const toCalifornia = to('US', null, 'CA')

  it('of the customer, and of a group', () => {
    for (const customer of [{ taxExempt: true }, { groups: ['friends', 'diplomats'] }]) {
      const taxes = resolveTaxes(us({}), ask({ ...toCalifornia, ...buyer(customer) }))
      expect(taxes).toMatchObject({ treatment: 'exempt', lines: { a: [] }, shipping: [] })
      expect(taxes.home).toEqual({ a: [] })
    }
    expect(resolveTaxes(us({}), ask({ ...toCalifornia, ...buyer({ groups: ['diplomats'] }) })).note).toBe(
      'Exempt from tax: customers of the group diplomats are exempt.',
    )
    expect(shown(us({}), ask({ ...toCalifornia, ...buyer({ groups: ['friends'] }) }))).toBe('domestic: Sales tax 7.25')
  })

  it.each([
    ['of this customer', { customer_id: 'c1' }, {}, 'exempt: '],
    ['of another customer', { customer_id: 'c2' }, {}, 'domestic: Sales tax 7.25'],
    ['of a group', { customer_group: 'resellers' }, {}, 'exempt: '],
    ['of another group', { customer_group: 'schools' }, {}, 'domestic: Sales tax 7.25'],
    ['of this state', { customer_id: 'c1', region: 'CA' }, {}, 'exempt: '],
    ['of another state', { customer_id: 'c1', region: 'NY' }, {}, 'domestic: Sales tax 7.25'],
    ['of anywhere', { customer_id: 'c1', country: '*' }, {}, 'exempt: '],
    ['that has run out', { customer_id: 'c1', valid_to: '2026-03-01' }, {}, 'domestic: Sales tax 7.25'],
    ['on its last day', { customer_id: 'c1', valid_to: '2026-03-02' }, {}, 'exempt: '],
    ['that holds from tomorrow on', { customer_id: 'c1', valid_from: '2026-03-03' }, {}, 'domestic: Sales tax 7.25'],
    ['for other goods', { customer_id: 'c1', category: 'machines' }, {}, 'domestic: Sales tax 7.25'],
  ])('by a certificate %s', (_what, exemption, question, expected) => {
    const customer = buyer({ id: 'c1', groups: ['resellers'] })
    expect(shown(us(exemption), ask({ ...toCalifornia, ...customer, ...question }))).toBe(expected)
  })

  it('of some goods leave the others and the shipping taxed, and the note says so', () => {
    const taxes = resolveTaxes(
      us({ customer_id: 'c1', category: 'machines' }),
      ask({ ...toCalifornia, ...buyer({ id: 'c1' }), lines: [line('a'), line('b', 'machines')] }),
    )
    expect(taxes.treatment).toBe('domestic')
    expect(taxes.lines.a).toHaveLength(1)
    expect(taxes.lines.b).toEqual([])
    expect(taxes.shipping).toHaveLength(1)
    expect(taxes.note).toBe('Taxed in US-CA. Partly exempt: certificate R-1234.')
  })
})

describe('shipping', () => {
  const rates = [rate({ rate_ppm: 190_000 }), rate({ category: 'reduced', rate_ppm: 70_000 })]
  const lines = [line('a', 'reduced'), line('b', 'zero'), line('c', null, false)]
  const shippingOf = (mode: 'none' | 'category' | 'highest' | 'weighted', category = 'standard', question: Partial<TaxQuestion> = {}) => {
    const { shipping } = resolveTaxes(table({ rates, shipping: { mode, category } }), ask({ lines, ...to('DE'), ...question }))
    return shipping === 'by_lines' ? shipping : shipping.map(({ ratePpm }) => Number(ratePpm))
  }

  it('is taxed as the shop says: not at all, as a category, as the line with the highest tax, or as its lines', () => {
    expect(shippingOf('none')).toEqual([])
    expect(shippingOf('category')).toEqual([190_000])
    expect(shippingOf('category', 'reduced')).toEqual([70_000])
    expect(shippingOf('highest')).toEqual([70_000])
    expect(shippingOf('highest', 'standard', { lines: [...lines, line('d')] })).toEqual([190_000])
    expect(shippingOf('highest', 'standard', { lines: [line('c', null, false)] })).toEqual([])
    expect(shippingOf('weighted')).toBe('by_lines')
  })

  it('is taxed as its method says, if it says anything', () => {
    expect(shippingOf('none', 'standard', { shippingCategory: 'reduced' })).toEqual([70_000])
    expect(shippingOf('category', 'reduced', { shippingCategory: null })).toEqual([70_000])
  })

  it('is free of tax where the goods are', () => {
    expect(shippingOf('weighted', 'standard', to('US'))).toEqual([])
    expect(shippingOf('category', 'standard', { ...buyer({ taxExempt: true }) })).toEqual([])
    expect(shippingOf('category', 'standard', { ...buyer({ taxExempt: true }), lines: [line('c', null, false)] })).toEqual([])
  })
})
