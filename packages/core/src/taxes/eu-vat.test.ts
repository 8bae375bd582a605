import { describe, expect, it } from 'vitest'
import { resolveTaxes, type TaxQuestion } from './resolve-taxes.ts'
import { EU_MEMBERS } from './tax-place.ts'
import type { TaxTable } from './tax-table.ts'
import { rate, shown, table } from './testing/tax-tables.ts'
import { readVatId } from './vat-id.ts'

const RATES = [
  rate({ country: 'DE', name: 'DE', rate_ppm: 190_000 }),
  rate({ country: 'FR', name: 'FR', rate_ppm: 200_000 }),
  rate({ country: 'ES', name: 'ES', rate_ppm: 210_000 }),
  rate({ country: 'GR', name: 'GR', rate_ppm: 240_000 }),
  rate({ country: 'PT', name: 'PT', rate_ppm: 230_000 }),
  rate({ country: 'PT', name: 'Madeira', postcode_pattern: '9[0-4]\\d{2,}', rate_ppm: 220_000 }),
  rate({ country: 'GB', name: 'GB', rate_ppm: 200_000 }),
]
const OSS = table({ distance_sales: { mode: 'destination', from: null }, reverse_charge: true, rates: RATES })
const FRENCH_ID = { country: 'FR', number: 'FR83404833048', valid: true }

function ask(country: string, postcode: string | null = null, more: Partial<TaxQuestion> = {}): TaxQuestion {
  const lines = [{ id: 'a', taxable: true, category: null, amount: 1000n }]
  return { asOf: '2026-03-02T12:00:00Z', destination: { country, region: null, postcode }, lines, customer: null, ...more }
}

function business(vatId: { country: string; number: string; valid: boolean }): Pick<TaxQuestion, 'customer'> {
  return { customer: { groups: [], taxExempt: false, vatId } }
}

describe('sales to consumers in other member states', () => {
  it("bear the seller's own tax below the threshold of EUR 10,000 (Art. 59c)", () => {
    const small = { ...OSS, distance_sales: { mode: 'origin', from: null } } as const
    const taxes = resolveTaxes(small, ask('FR', '75001'))
    expect(shown(small, ask('FR', '75001'))).toBe('domestic: DE 19')
    expect(taxes.note).toBe('Distance sale to FR below the threshold: taxed in DE (Art. 59c of Directive 2006/112/EC).')
  })

  it("bear the buyer's country's tax above it (Art. 33(a)), while the catalogue's prices keep the seller's", () => {
    const taxes = resolveTaxes(OSS, ask('FR', '75001'))
    expect(shown(OSS, ask('FR', '75001'))).toBe('destination: FR 20')
    expect(taxes.home.a).toMatchObject([{ ratePpm: 190_000n }])
    expect(taxes.homeShipping).toMatchObject([{ ratePpm: 190_000n }])
    expect(taxes.note).toBe('Distance sale: taxed in FR (Art. 33(a) of Directive 2006/112/EC).')
  })

  it('change over on the day the seller names, at midnight of the seller', () => {
    const passing = { ...OSS, distance_sales: { mode: 'destination', from: '2026-07-01' } } as const
    const at = (asOf: string) => shown(passing, ask('FR', null, { asOf }))
    expect(at('2026-06-30T21:59:59Z')).toBe('domestic: DE 19')
    expect(at('2026-06-30T22:00:00Z')).toBe('destination: FR 20')
  })

  it('bear the tax of a country in which the seller is registered, below the threshold too', () => {
    const registrations = [{ country: 'FR', region: null, number: 'FR83404833048', valid_from: '2026-01-01', valid_to: null }]
    const small = { ...OSS, distance_sales: { mode: 'origin', from: null }, registrations } as const
    expect(shown(small, ask('FR'))).toBe('destination: FR 20')
    expect(shown(small, ask('FR', null, { asOf: '2025-12-31T12:00:00Z' }))).toBe('domestic: DE 19')
    expect(shown(small, ask('ES'))).toBe('domestic: DE 19')
  })

  it('are never free of tax for want of a rate', () => {
    expect(shown(OSS, ask('SE'))).toBe('domestic: DE 19')
    expect(resolveTaxes(OSS, ask('SE')).note).toBe('There is no rate for SE: taxed in DE instead.')
  })

  it('need no registration in each country: one stop shop', () => {
    expect(shown({ ...OSS, collects: 'registrations' }, ask('FR'))).toBe('destination: FR 20')
    expect(shown({ ...OSS, collects: 'registrations' }, ask('GB', 'SW1A 1AA'))).toBe('export: ')
  })
})

describe('reverse charge', () => {
  it('takes the tax off for a business with a valid VAT id of another member state, and names the law', () => {
    const taxes = resolveTaxes(OSS, ask('FR', '75001', business(FRENCH_ID)))
    expect(taxes).toMatchObject({ treatment: 'reverse_charge', lines: { a: [] }, shipping: [], home: { a: [{ ratePpm: 190_000n }] } })
    expect(taxes.note).toBe('Reverse charge: VAT id FR83404833048, Art. 138 (goods) and Art. 196 (services) of Directive 2006/112/EC.')
  })

  const off: TaxTable = { ...OSS, reverse_charge: false }
  const swiss: TaxTable = { ...OSS, seller_country: 'CH' }
  it.each([
    ['the id is of a third member state', OSS, 'FR', null, { country: 'ES', number: 'ESB58378431', valid: true }, 'reverse_charge: '],
    ['the id is Greek and says EL', OSS, 'GR', null, { country: 'EL', number: '094259216', valid: true }, 'reverse_charge: '],
    ['the id is of Northern Ireland', OSS, 'GB', 'BT1 5GS', { country: 'XI', number: 'XI980780684', valid: true }, 'reverse_charge: '],
    ['the id is not valid', OSS, 'FR', null, { ...FRENCH_ID, valid: false }, 'destination: FR 20'],
    ["the id is of the seller's own country", OSS, 'FR', null, { country: 'DE', number: 'DE136695976', valid: true }, 'destination: FR 20'],
    ['the id is of no member state', OSS, 'FR', null, { country: 'GB', number: 'GB980780684', valid: true }, 'destination: FR 20'],
    ['the goods stay in the country', OSS, 'DE', null, FRENCH_ID, 'domestic: DE 19'],
    ['the goods leave the EU', OSS, 'US', null, FRENCH_ID, 'export: '],
    ['the goods go to Great Britain', OSS, 'GB', 'SW1A 1AA', { country: 'XI', number: 'XI980780684', valid: true }, 'destination: GB 20'],
    ['the shop does not offer it', off, 'FR', null, FRENCH_ID, 'destination: FR 20'],
    ['the seller is not in the EU', swiss, 'FR', null, FRENCH_ID, 'destination: FR 20'],
  ])('depends on both countries: %s', (_what, of, country, postcode, vatId, expected) => {
    expect(shown(of, ask(country, postcode, business(vatId)))).toBe(expected)
  })

  it('waits for the address', () => {
    const taxes = resolveTaxes(OSS, { ...ask('FR'), destination: null, ...business(FRENCH_ID) })
    expect(taxes).toMatchObject({ treatment: 'domestic', note: 'No address yet: taxed as in DE.' })
  })

  it('holds between all pairs of member states, and between none that is not one', () => {
    for (const seller of [...EU_MEMBERS, 'CH', 'GB', 'US']) {
      for (const buyer of [...EU_MEMBERS, 'CH', 'GB', 'US']) {
        const of = table({ seller_country: seller, reverse_charge: true, default_rate_ppm: 200_000, default_name: seller })
        const { treatment } = resolveTaxes(of, ask(buyer, null, business({ country: buyer, number: '1', valid: true })))
        const between = EU_MEMBERS.has(seller) && EU_MEMBERS.has(buyer) && seller !== buyer
        expect([seller, buyer, treatment === 'reverse_charge']).toEqual([seller, buyer, between])
      }
    }
  })
})

describe('what is not what its country is (Art. 6 and 7 of Directive 2006/112/EC, Windsor Framework)', () => {
  it.each([
    ['Gran Canaria', 'ES', '35001', "Export: goods to the Canary Islands leave the EU's VAT area (Art. 6(1) of Directive 2006/112/EC)."],
    ['Ceuta', 'ES', '51001', "Export: goods to Ceuta leave the EU's VAT area (Art. 6(2) of Directive 2006/112/EC)."],
    [
      'Åland by its own code',
      'AX',
      '22100',
      "Export: goods to the Åland Islands leave the EU's VAT area (Art. 6(1) of Directive 2006/112/EC).",
    ],
    ['Réunion by its own code', 'RE', '97400', "Export: goods to Réunion leave the EU's VAT area (Art. 6(1) of Directive 2006/112/EC)."],
    [
      'Saint Barthélemy among the postcodes of Guadeloupe',
      'FR',
      '97133',
      "Export: goods to Saint Barthélemy leave the EU's VAT area (Art. 6(1) of Directive 2006/112/EC).",
    ],
    ['the United States', 'US', '10001', 'Export to US: exempt from VAT (Art. 146 of Directive 2006/112/EC).'],
  ])('%s is an export', (_what, country, postcode, note) => {
    expect(resolveTaxes(OSS, ask(country, postcode))).toMatchObject({ treatment: 'export', note, lines: { a: [] }, shipping: [] })
  })

  it.each([
    ['the Spanish mainland beside them', 'ES', '34001', 'destination: ES 21'],
    ['Monaco like France', 'MC', '98000', 'destination: FR 20'],
    ['Madeira at its own rate', 'PT', '9000-082', 'destination: Madeira 22'],
    ['Portugal beside it', 'PT', '1000-001', 'destination: PT 23'],
    ['Heligoland, which is at home and yet is not', 'DE', '27498', 'export: '],
    ['Northern Ireland like a member state', 'GB', 'bt1 5gs', 'destination: GB 20'],
  ])('%s', (_what, country, postcode, expected) => {
    expect(shown(OSS, ask(country, postcode))).toBe(expected)
  })

  it("keeps a country's rates out of its territories, but not the rates for those themselves", () => {
    const rates = [
      ...RATES,
      rate({ country: 'ES', category: 'books', rate_ppm: 40_000 }),
      rate({ country: 'ES', name: 'IGIC', region: 'GC', rate_ppm: 70_000 }),
    ]
    const of = (category: string | null, region: string | null) =>
      shown(
        { ...OSS, rates },
        {
          ...ask('ES', '35001'),
          destination: { country: 'ES', region, postcode: '35001' },
          lines: [{ id: 'a', taxable: true, category, amount: 1n }],
        },
      )
    expect(of('books', null)).toBe('export: ')
    expect(of('books', 'GC')).toBe('destination: IGIC 7')
  })

  it('treats a seller in Northern Ireland as in a member state, for goods that cross into another', () => {
    const belfast = table({ ...OSS, seller_country: 'GB', seller_postcode: 'BT15GS' })
    expect(shown(belfast, ask('FR', null, business(FRENCH_ID)))).toBe('reverse_charge: ')
    expect(shown(belfast, ask('GB', 'SW1A 1AA'))).toBe('domestic: GB 20')
    expect(shown({ ...belfast, seller_postcode: 'SW1A1AA' }, ask('FR', null, business(FRENCH_ID)))).toBe('destination: FR 20')
  })
})

describe('VAT ids', () => {
  // Numbers published by companies about themselves (imprints), or by the algorithms' descriptions; each with one digit changed beside it.
  it.each([
    ['FR83404833048', 'FR', true],
    ['FR 83 404.833-048', 'FR', true],
    ['FR84404833048', 'FR', false],
    ['DE136695976', 'DE', true],
    ['DE136695977', 'DE', false],
    ['IT00743110157', 'IT', true],
    ['IT00743110158', 'IT', false],
    ['ATU13585627', 'AT', true],
    ['ATU13585626', 'AT', false],
    ['NL004495445B01', 'NL', true],
    ['EL094259216', 'GR', true],
    ['EL094259217', 'GR', false],
    ['GR094259216', 'GR', false],
    ['XI980780684', 'XI', true],
    ['GB980780684', 'GB', true],
    ['ie6433435f', 'IE', true],
    ['FR', undefined, false],
    ['12345', undefined, false],
    ['ZZ123456789', 'ZZ', false],
    ["DE136695976' or '1'='1", undefined, false],
    [`FR${'1'.repeat(100_000)}`, undefined, false],
  ])('%.40s: form and check digits', (text, country, valid) => {
    const id = readVatId(text)
    expect(id?.country).toBe(country)
    expect(id?.valid ?? false).toBe(valid)
  })
})
