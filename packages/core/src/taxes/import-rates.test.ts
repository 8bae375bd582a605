import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { createRate, updateRate } from './change-rates.ts'
import { type ImportedRate, importRates, type RateFile } from './import-rates.ts'
import { taxTableQuery, toTaxTable } from './load-taxes.ts'
import { rateOf } from './rate-file.ts'
import { resolveTaxes } from './resolve-taxes.ts'
import type { TaxTable } from './tax-table.ts'
import { shown } from './testing/tax-tables.ts'

const DATA = new URL('../../../../../shared/data/', import.meta.url)
const BY = { actor: { kind: 'staff', id: newId() }, now: new Date('2026-03-02T12:00:00Z') } as const
let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

function take(merchant: TestMerchant, format: RateFile['format'], content: string | object, countries?: string[]) {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return merchant.inMerchant((tx) => importRates(tx, { format, content: text, countries }, BY))
}

async function tableOf(merchant: TestMerchant, country = 'DE'): Promise<TaxTable> {
  const rows = await merchant.inMerchant.read((tx) => taxTableQuery(tx))
  return { ...toTaxTable(rows, { country, taxRatePpm: 0n, timeZone: 'UTC' }), distance_sales: { mode: 'destination', from: null } }
}

function counted(results: readonly ImportedRate[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(results, ({ outcome }) => outcome)].map(([outcome, list]) => [outcome, list.length]))
}

function at(
  country: string,
  region: string | null = null,
  postcode: string | null = null,
  asOf = '2026-03-02T12:00:00Z',
  category: string | null = null,
) {
  return { asOf, destination: { country, region, postcode }, lines: [{ id: 'a', taxable: true, category, amount: 1000n }], customer: null }
}

async function writes(merchant: TestMerchant) {
  return merchant.inMerchant.read(async (tx) => {
    const [row] = await tx.sql`
      select pricing_revision, (select event_sequence from merchant_counter c where c.merchant_id = ${tx.merchantId}) as events,
        (select max(updated_at) from tax_rate r where r.merchant_id = ${tx.merchantId}) as latest
      from merchant_settings s where s.merchant_id = ${tx.merchantId}`
    return row
  })
}

// The format of ibericode/vat-rates (vat-rates.json, version 4).
const EU = {
  items: {
    FI: [
      { effective_from: '2024-09-01', rates: { reduced1: 10, standard: 25.5 } },
      { effective_from: '0000-01-01', rates: { reduced1: 10, reduced2: 14, standard: 24 } },
    ],
    EL: [{ effective_from: '0000-01-01', rates: { standard: 24 }, exceptions: [{ name: 'Nowhere', postcode: '63\\d{3}', standard: 17 }] }],
  },
}

describe('VAT rates of the EU', () => {
  it('become rates with days and postcodes; the same file again writes nothing', async () => {
    const merchant = await shop.addMerchant()
    expect(counted(await take(merchant, 'eu_vat_rates', EU))).toEqual({ created: 7 })
    const before = await writes(merchant)
    expect(counted(await take(merchant, 'eu_vat_rates', EU))).toEqual({ unchanged: 7 })
    expect(await writes(merchant)).toEqual(before)
    const table = await tableOf(merchant)
    expect(shown(table, at('FI', null, null, '2024-08-31T12:00:00Z'))).toBe('destination: VAT 24')
    expect(shown(table, at('FI', null, null, '2024-09-01T00:00:00Z'))).toBe('destination: VAT 25.5')
    expect(shown(table, at('FI', null, null, '2024-08-31T12:00:00Z', 'reduced2'))).toBe('destination: VAT 14')
    // The second reduced rate ended with its period.
    expect(shown(table, at('FI', null, null, '2024-09-01T00:00:00Z', 'reduced2'))).toBe('destination: VAT 25.5')
    expect(shown(table, at('GR', null, '63 100'))).toBe('destination: VAT (Nowhere) 17')
    expect(shown(table, at('GR', null, '10431'))).toBe('destination: VAT 24')
  })

  it('change with a newer edition, which leaves what staff made of the names, and names what it has no longer', async () => {
    const merchant = await shop.addMerchant()
    const results = await take(merchant, 'eu_vat_rates', EU)
    const standard = results.find(({ key }) => key === 'FI/2024-09-01/standard')!
    await merchant.inMerchant((tx) => updateRate(tx, standard.tax_rate_id!, { name: 'ALV' }, BY))
    const newer = {
      items: {
        FI: [
          { effective_from: '2027-01-01', rates: { standard: 26 } },
          { effective_from: '2024-09-01', rates: { reduced1: 10, standard: 25.4 } },
          { effective_from: '0000-01-01', rates: { reduced1: 10, standard: 24 } },
        ],
      },
    }
    const second = await take(merchant, 'eu_vat_rates', newer, ['FI'])
    expect(Object.fromEntries(second.map(({ key, outcome }) => [key, outcome]))).toEqual({
      'FI/always/reduced1': 'unchanged',
      'FI/always/standard': 'unchanged',
      'FI/2024-09-01/reduced1': 'updated',
      'FI/2024-09-01/standard': 'updated',
      'FI/2027-01-01/standard': 'created',
      'FI/always/reduced2': 'not_in_file',
    })
    const table = await tableOf(merchant)
    expect(shown(table, at('FI'))).toBe('destination: ALV 25.4')
    expect(shown(table, at('FI', null, null, '2027-01-01T00:00:00Z'))).toBe('destination: VAT 26')
    expect(shown(table, at('GR'))).toBe('destination: VAT 24')
  })

  it('are refused one by one where they are wrong, and the others taken', async () => {
    const merchant = await shop.addMerchant()
    await merchant.inMerchant((tx) => createRate(tx, rateOf({ name: 'Mine', country: 'SE', rate_ppm: 250_000 }), BY))
    const results = await take(merchant, 'eu_vat_rates', {
      items: {
        SE: [{ effective_from: '0000-01-01', rates: { standard: 25, reduced: -1, high: 101, fine: 0.00001, 'A B': 1 } }],
        DK: [
          { effective_from: '0000-01-01', rates: { standard: 25 } },
          { effective_from: 'infinity', rates: {} },
        ],
        XX: [{ effective_from: '0000-01-01', rates: { standard: 25 } }],
        NO: [{ effective_from: '0000-01-01', rates: { standard: 25 }, exceptions: [{ name: 'Bad', postcode: '(1+)+', standard: 0 }] }],
      },
    })
    expect(Object.fromEntries(results.map(({ key, outcome, code }) => [key, code ?? outcome]))).toEqual({
      'SE/period 1': 'invalid_period',
      'DK/always/standard': 'created',
      'DK/period 2': 'invalid_period',
      'XX/always/standard': 'unknown_country',
      'NO/always/standard': 'created',
      'NO/always/Bad/standard': 'unsafe_pattern',
    })
    const numbers = await take(merchant, 'eu_vat_rates', {
      items: { SE: [{ effective_from: '0000-01-01', rates: { standard: 25, reduced: -1, high: 101, fine: 0.00001 } }] },
    })
    expect(numbers.map(({ code }) => code)).toEqual([
      'duplicate',
      'percentage_out_of_range',
      'percentage_out_of_range',
      'percentage_out_of_range',
      null,
      null,
    ])
  })

  it.each(['', 'not json', '[]', '{"items": 5}', '{"items": {"Finland": []}}', '{"__proto__": {"items": {}}}'])(
    'refuses a file that is none: %s',
    async (content) => {
      const merchant = await shop.addMerchant()
      await expect(take(merchant, 'eu_vat_rates', content)).rejects.toMatchObject({ code: 'import_invalid' })
    },
  )
})

// The format of the npm package sales-tax (res/sales_tax_rates.json).
const WORLD = {
  CA: {
    type: 'gst',
    currency: 'CAD',
    rate: 0.05,
    states: {
      QC: { rate: 0.09975, type: 'qst' },
      NS: { rate: 0.09, type: 'hst', before: { '2025-04-01T00:00:00.000Z': { type: 'hst', rate: 0.1 } } },
    },
  },
  CH: {
    type: 'vat',
    currency: 'CHF',
    rate: 0.081,
    before: { '2023-12-31T23:00:00.000Z': { type: 'vat', rate: 0.077 }, '2017-12-31T23:00:00.000Z': { type: 'vat', rate: 0.08 } },
    after: { '2027-12-31T23:00:00.000Z': { type: 'vat', rate: 0.085 } },
  },
  ES: { type: 'vat', currency: 'EUR', rate: 0.21, states: { GC: { rate: -0.14, type: 'igic' } } },
  US: { type: 'none', currency: 'USD', rate: 0, states: { CA: { rate: 0.0825, type: 'vat' } } },
}

describe('sales taxes of the world', () => {
  it('become rates: states on top of their country, before and after their days', async () => {
    const merchant = await shop.addMerchant()
    const results = await take(merchant, 'world_sales_tax', WORLD)
    expect(counted(results)).toEqual({ created: 11, skipped: 1 })
    const table = await tableOf(merchant, 'US')
    expect(shown(table, at('CA', 'QC'))).toBe('destination: GST 5 + QST 9.975')
    expect(shown(table, at('CA', 'NS', null, '2025-03-31T12:00:00Z'))).toBe('destination: GST 5 + HST 10')
    expect(shown(table, at('CA', 'NS', null, '2025-04-01T12:00:00Z'))).toBe('destination: GST 5 + HST 9')
    const swiss = (asOf: string) => shown(table, at('CH', null, null, asOf))
    expect(
      ['2017-12-31', '2018-01-01', '2023-12-31', '2024-01-01', '2027-12-31', '2028-01-01'].map((day) => swiss(`${day}T12:00:00Z`)),
    ).toEqual([8, 7.7, 7.7, 8.1, 8.1, 8.5].map((percentage) => `destination: VAT ${percentage}`))
    expect(shown(table, at('ES', 'Las Palmas', '35001'))).toBe('destination: IGIC 7')
    expect(shown(table, at('US', 'California'))).toBe('domestic: Sales tax 8.25')
    expect(shown(table, at('US', 'Oregon'))).toBe('none: ')
    expect(counted(await take(merchant, 'world_sales_tax', WORLD))).toEqual({ unchanged: 11, skipped: 1 })
  })

  it('are refused one by one where they are wrong', async () => {
    const merchant = await shop.addMerchant()
    const results = await take(merchant, 'world_sales_tax', {
      AT: { type: 'vat', rate: 1.5 },
      BE: { type: 'vat', rate: -0.2 },
      BG: 'twenty',
      US: { type: 'none', rate: 0, states: { ZZ: { type: 'vat', rate: 0.05 }, CA: null, NY: { type: 'vat', rate: -0.05 } } },
    })
    expect(results.map(({ key, code }) => [key, code])).toEqual([
      ['AT/always', 'percentage_out_of_range'],
      ['BE/always', 'percentage_out_of_range'],
      ['BG', 'invalid_entry'],
      ['US/always', null],
      ['US-ZZ/always', 'unknown_region'],
      ['US-CA', 'invalid_entry'],
      ['US-NY/always', 'percentage_out_of_range'],
    ])
  })
})

describe("Magento's rates", () => {
  const SAMPLE = 'code,tax_country_id,tax_region_name,tax_postcode,rate\n"US-MI-*-Rate 1",US,Michigan,*,8.25\n'
  const EXPORT = `Code,Country,State,Zip/Post Code,Rate,Zip/Post is Range,Range From,Range To,default
US-CA-*-Rate 1,US,CA,*,8.2500,,,,
US-NY-*-Rate 1,USA,NY,10*,8.3750,,,,
US-TX,US,TX,73301-73399,6.25,1,73301,73399,
Odd,US,*,,nothing,,,,
Elsewhere,QQ,*,,1,,,,
US-CA-*-Rate 1,US,CA,*,9,,,,
`

  it('in the form of its sample data and of its own export', async () => {
    const merchant = await shop.addMerchant()
    expect(counted(await take(merchant, 'magento_tax_rates', SAMPLE))).toEqual({ created: 1 })
    const results = await take(merchant, 'magento_tax_rates', EXPORT)
    expect(results.map(({ key, outcome, code }) => [key, code ?? outcome])).toEqual([
      ['US-CA-*-Rate 1', 'created'],
      ['US-NY-*-Rate 1', 'created'],
      ['US-TX', 'created'],
      ['Odd', 'percentage_out_of_range'],
      ['Elsewhere', 'unknown_country'],
      ['US-CA-*-Rate 1', 'duplicate'],
      ['US-MI-*-Rate 1', 'not_in_file'],
    ])
    const table = await tableOf(merchant, 'US')
    expect(shown(table, at('US', 'MI'))).toBe('domestic: US-MI-*-Rate 1 8.25')
    expect(shown(table, at('US', 'New York', '10001'))).toBe('domestic: US-NY-*-Rate 1 8.375')
    expect(shown(table, at('US', 'NY', '11001'))).toBe('none: ')
    expect(shown(table, at('US', 'TX', '73399-0001'))).toBe('domestic: US-TX 6.25')
    expect(counted(await take(merchant, 'magento_tax_rates', SAMPLE))).toEqual({ unchanged: 1, not_in_file: 3 })
  })

  it.each(['', 'code,rate\nx,1\n'])('refuses a file that is none: %s', async (content) => {
    await expect(take(await shop.addMerchant(), 'magento_tax_rates', content)).rejects.toMatchObject({ code: 'import_invalid' })
  })
})

describe.skipIf(!existsSync(DATA))('the published tables (skipped where ../shared/data is missing)', () => {
  const read = (path: string) => readFileSync(new URL(path, DATA), 'utf8')
  const EU_MEMBERS = (JSON.parse(existsSync(DATA) ? read('tax/region_countries.json') : '{}') as Record<string, string[]>).EU ?? []

  it('of the EU: every rate of every country and period is charged on its days', async () => {
    const merchant = await shop.addMerchant()
    const content = read('tax/eu_vat_rates.json')
    const results = await take(merchant, 'eu_vat_rates', content)
    expect(results.filter(({ outcome }) => outcome !== 'created')).toEqual([])
    expect(counted(await take(merchant, 'eu_vat_rates', content))).toEqual({ unchanged: results.length })
    const table = { ...(await tableOf(merchant, 'US')), collects: 'rates' as const }
    const { items } = JSON.parse(content) as { items: Record<string, { effective_from: string; rates: Record<string, number> }[]> }
    expect(EU_MEMBERS.filter((country) => !items[country])).toEqual([])
    let checked = 0
    for (const [country, periods] of Object.entries(items)) {
      for (const [index, { effective_from, rates }] of periods.entries()) {
        const first = effective_from === '0000-01-01' ? '1990-01-01' : effective_from
        const next = periods
          .map((period) => period.effective_from)
          .filter((from) => from > effective_from)
          .sort()[0]
        const last = next === undefined ? '2090-01-01' : new Date(Date.parse(next) - 1).toISOString().slice(0, 10)
        for (const [category, percentage] of Object.entries(rates)) {
          for (const day of [first, last]) {
            const [rate] = resolveTaxes(table, at(country, null, null, `${day}T12:00:00Z`, category)).lines.a!
            expect([country, index, category, day, Number(rate?.ratePpm)]).toEqual([
              country,
              index,
              category,
              day,
              Math.round(percentage * 10_000),
            ])
            checked += 1
          }
        }
      }
    }
    expect(checked).toBeGreaterThan(250)
  })

  it.each([
    // VAT (Madeira) and the others: the names of the file's own exceptions.
    ['PT', '9000-082', 'destination: VAT (Madeira) 22'],
    ['PT', '9500-150', 'destination: VAT (Azores) 18'],
    ['PT', '1000-001', 'destination: VAT 23'],
    ['AT', '6691', 'destination: VAT (Jungholz) 19'],
    ['AT', '6992', 'destination: VAT (Mittelberg) 19'],
    ['AT', '6994', 'destination: VAT 20'],
    ['ES', '35100', 'export: '],
    ['ES', '51001', 'export: '],
    ['ES', '28001', 'destination: VAT 21'],
    ['IT', '23041', 'export: '],
    ['IT', '20121', 'destination: VAT 22'],
    ['DE', '78266', 'export: '],
    ['GR', '63086', 'export: '],
    ['GP', '97100', 'destination: VAT (Guadeloupe) 8.5'],
    ['FR', '97100', 'destination: VAT (Guadeloupe) 8.5'],
    ['YT', '97600', 'export: '],
    ['MC', '98000', 'destination: VAT 20'],
  ])('of the EU: %s %s is %s', async (country, postcode, expected) => {
    const merchant = await shop.addMerchant()
    await take(merchant, 'eu_vat_rates', read('tax/eu_vat_rates.json'), [country, 'FR', 'NL'])
    expect(shown(await tableOf(merchant, 'NL'), at(country, null, postcode))).toBe(expected)
  })

  it('of the world: every country and every state is charged what the table says', async () => {
    const merchant = await shop.addMerchant()
    const content = read('tax/world_sales_tax_rates.json')
    const results = await take(merchant, 'world_sales_tax', content)
    expect(results.filter(({ outcome }) => outcome === 'refused')).toEqual([])
    expect(counted(await take(merchant, 'world_sales_tax', content)).created).toBeUndefined()
    const table = await tableOf(merchant, 'ZW')
    const world = JSON.parse(content) as Record<string, { rate: number; states?: Record<string, { rate: number }> }>
    const charged = (country: string, region: string | null) =>
      resolveTaxes(table, at(country, region)).lines.a!.reduce((sum, { ratePpm }) => sum + Number(ratePpm), 0)
    for (const [country, { rate, states = {} }] of Object.entries(world)) {
      expect([country, charged(country, null)]).toEqual([country, Math.round(rate * 1_000_000)])
      for (const [state, own] of Object.entries(states))
        expect([country, state, charged(country, state)]).toEqual([country, state, Math.round((rate + own.rate) * 1_000_000)])
    }
    expect(Object.keys(world.US!.states!)).toHaveLength(46)
    expect(Object.keys(world.CA!.states!)).toHaveLength(9)
  })

  it('of both: the second is refused where the first says something already, entry by entry', async () => {
    const merchant = await shop.addMerchant()
    await take(merchant, 'eu_vat_rates', read('tax/eu_vat_rates.json'), ['DE'])
    const results = await take(merchant, 'world_sales_tax', read('tax/world_sales_tax_rates.json'), ['DE', 'CH'])
    expect(results.filter(({ outcome }) => outcome === 'refused').map(({ key, code }) => [key, code])).toEqual([
      ['DE/always', 'duplicate'],
      ['DE/2020-07-01', 'duplicate'],
      ['DE/2021-01-01', 'duplicate'],
    ])
    expect(results.filter(({ outcome }) => outcome === 'created')).toHaveLength(2)
  })

  it("of Magento's sample shop", async () => {
    const merchant = await shop.addMerchant()
    await take(merchant, 'magento_tax_rates', read('catalogs/magento/tax_rate.csv'))
    expect(shown(await tableOf(merchant, 'US'), at('US', 'Michigan', '48201'))).toBe('domestic: US-MI-*-Rate 1 8.25')
  })
})
