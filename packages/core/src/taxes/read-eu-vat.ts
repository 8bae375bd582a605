import { z } from 'zod'
import type { NewTaxRate } from './check-rate.ts'
import { badRate, dayBefore, ppmOf, type RateEntry, rateOf, readJsonFile } from './rate-file.ts'
import { daySchema, taxCategorySchema } from './tax-table.ts'

const fileSchema = z.object({ items: z.record(z.string().regex(/^[A-Z]{2}$/), z.array(z.unknown())) })

/** "0000-01-01" is how the file says: always. */
const beginningSchema = z.union([z.literal('0000-01-01').transform(() => null), daySchema])

const periodSchema = z.object({
  effective_from: beginningSchema,
  rates: z.record(taxCategorySchema, z.number()),
  exceptions: z.array(z.object({ name: z.string().min(1).max(80), postcode: z.string() }).catchall(z.number())).default([]),
})

type Period = z.output<typeof periodSchema>

/**
 * Reads VAT rates in the format of ibericode/vat-rates: per country periods with a first day, each with rates in percent by
 * category, and exceptions for postcodes, whose patterns are kept as they are. A period ends where the next one begins.
 * Refuses `import_invalid` for anything else.
 */
export function readEuVat(content: string): RateEntry[] {
  const { items } = readJsonFile(content, fileSchema, 'eu_vat_rates')
  return Object.entries(items).flatMap(([code, given]) => {
    // The European Commission's code for Greece, which no address uses.
    const country = code === 'EL' ? 'GR' : code
    const read = given.map((each) => periodSchema.safeParse(each))
    const wrong = read.flatMap((each, index): RateEntry[] =>
      each.success
        ? []
        : [{ key: `${country}/period ${index + 1}`, country, refused: { code: 'invalid_period', detail: 'The period cannot be read.' } }],
    )
    const periods = read.flatMap((each) => (each.success ? [each.data] : []))
    periods.sort((a, b) => ((a.effective_from ?? '') < (b.effective_from ?? '') ? -1 : 1))
    return [...wrong, ...periods.flatMap((period, index) => readPeriod(country, period, periods[index + 1]?.effective_from ?? null))]
  })
}

function readPeriod(country: string, period: Period, next: string | null): RateEntry[] {
  const valid = { valid_from: period.effective_from, valid_to: next === null ? null : dayBefore(next) }
  const at = `${country}/${period.effective_from ?? 'always'}`
  const general = Object.entries(period.rates).map(([category, percentage]) =>
    entry(`${at}/${category}`, percentage, { name: 'VAT', country, category, ...valid }),
  )
  const special = period.exceptions.flatMap(({ name, postcode, ...rates }) =>
    Object.entries(rates as Record<string, number>).map(([category, percentage]) =>
      entry(`${at}/${name}/${category}`, percentage, { name: `VAT (${name})`, country, category, postcode_pattern: postcode, ...valid }),
    ),
  )
  return [...general, ...special]
}

function entry(
  key: string,
  percentage: number,
  rate: Omit<Partial<NewTaxRate>, 'rate_ppm'> & { name: string; country: string },
): RateEntry {
  const rate_ppm = ppmOf(percentage, 100)
  return rate_ppm === undefined ? badRate(key, rate.country) : { key, country: rate.country, rate: rateOf({ ...rate, rate_ppm }) }
}
