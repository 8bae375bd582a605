import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crosses } from './check-rate.ts'
import { resolveTaxes } from './resolve-taxes.ts'
import { type TaxRateRow, taxRateSchema, taxTableSchema } from './tax-table.ts'

const COUNTRIES = ['US', 'CA'] as const
const REGIONS = { US: ['NY', 'TX'], CA: ['ON', 'QC'] } as const
const DAYS = ['2026-01-01', '2026-03-01', '2026-03-02', '2026-03-03']

const place = fc.constantFrom(...COUNTRIES).chain((country) =>
  fc.record({
    country: fc.constant(country),
    region: fc.option(fc.constantFrom(...REGIONS[country])),
    postcode: fc.option(fc.nat(29).map(String)),
  }),
)
const range = fc.oneof(
  fc.constant(null),
  fc.tuple(fc.integer({ min: 10, max: 29 }), fc.nat(9)).map(([from, width]) => [String(from), String(Math.min(29, from + width))] as const),
  fc.constantFrom(['1', '1'] as const, ['2', '2'] as const),
)
const rates = fc
  .array(
    fc.record({
      place,
      anywhere: fc.nat(9),
      range,
      category: fc.constantFrom('standard', 'books'),
      priority: fc.integer({ min: 1, max: 2 }),
      from: fc.option(fc.constantFrom(...DAYS)),
      to: fc.option(fc.constantFrom(...DAYS)),
    }),
    { maxLength: 25 },
  )
  .map((drawn) => {
    const rows = drawn.map(({ place: { country, region }, anywhere, range, category, priority, from, to }, index) =>
      taxRateSchema.parse({
        id: `r${index}`,
        name: 'Tax',
        country: anywhere === 0 ? '*' : country,
        region: anywhere === 0 ? null : region,
        postcode_from: anywhere === 0 ? null : (range?.[0] ?? null),
        postcode_to: anywhere === 0 ? null : (range?.[1] ?? null),
        category,
        rate_ppm: 1000 + index,
        priority,
        valid_from: from,
        valid_to: from !== null && to !== null && to < from ? from : to,
      }),
    )
    // What the store refuses: two that say things at once.
    return rows.filter(
      (row, index) => !rows.slice(0, index).some((other) => sameGoods(row, other) && (sameScope(row, other) || crosses(row, other))),
    )
  })

function sameGoods(a: TaxRateRow, b: TaxRateRow): boolean {
  return a.country === b.country && a.region === b.region && a.category === b.category && a.priority === b.priority
}

function sameScope(a: TaxRateRow, b: TaxRateRow): boolean {
  return a.postcode_from === b.postcode_from && a.postcode_to === b.postcode_to && a.valid_from === b.valid_from
}

function fits(row: TaxRateRow, to: { country: string; region: string | null; postcode: string | null }, day: string): boolean {
  if (row.country !== '*' && row.country !== to.country) return false
  if (row.region !== null && row.region !== to.region) return false
  if ((row.valid_from ?? '0') > day || (row.valid_to ?? '9') < day) return false
  if (row.postcode_from === null) return true
  if (to.postcode === null || to.postcode.length < row.postcode_from.length) return false
  const start = Number(to.postcode.slice(0, row.postcode_from.length))
  return start >= Number(row.postcode_from) && start <= Number(row.postcode_to)
}

/** Whether a says no less than b in every way, and more in one, of the ways that rates are compared in. */
function saysMore(a: TaxRateRow, b: TaxRateRow, category: string): boolean {
  const own = Number(a.category === category) - Number(b.category === category)
  if (own !== 0) return own > 0
  const country = Number(a.country !== '*') - Number(b.country !== '*')
  if (country !== 0) return country > 0
  const [widthA, widthB] = [width(a), width(b)]
  if (widthA !== widthB) return widthA < widthB
  const region = Number(a.region !== null) - Number(b.region !== null)
  if (region !== 0) return region > 0
  return (a.valid_from ?? '') > (b.valid_from ?? '')
}

/** In hundredths of what two characters cover, so that a beginning of one character is wider than any range of two. */
function width({ postcode_from, postcode_to }: TaxRateRow): number {
  if (postcode_from === null || postcode_to === null) return Number.POSITIVE_INFINITY
  return (Number.parseInt(postcode_to, 36) - Number.parseInt(postcode_from, 36) + 1) * 36 ** (2 - postcode_from.length)
}

describe('for any rates and any place', () => {
  it('each priority charges one rate that fits and that none says more than; the order of the table does not matter', () => {
    fc.assert(
      fc.property(rates, place, fc.constantFrom('standard', 'books'), fc.constantFrom(...DAYS), (rows, to, category, day) => {
        const ask = { asOf: `${day}T12:00:00Z`, destination: to, lines: [{ id: 'a', taxable: true, category, amount: 1n }], customer: null }
        const table = taxTableSchema.parse({ seller_country: 'NZ', rates: rows })
        if (rows.length === 0) return
        const charged = resolveTaxes(table, ask).lines.a!.map(({ code }) => rows.find(({ id }) => id === code)!)
        expect(resolveTaxes({ ...table, rates: rows.toReversed() }, ask).lines.a!.map(({ code }) => code)).toEqual(
          charged.map(({ id }) => id),
        )
        const usable = rows.filter((row) => fits(row, to, day) && ['standard', category].includes(row.category))
        expect(charged.map(({ priority }) => priority)).toEqual([...new Set(usable.map(({ priority }) => priority))].sort())
        for (const rate of charged) {
          expect(usable).toContain(rate)
          const rivals = usable.filter((row) => row !== rate && row.priority === rate.priority)
          expect(rivals.filter((rival) => saysMore(rival, rate, category))).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
  })
})
