import { z } from 'zod'
import { badRate, dayBefore, ppmOf, type RateEntry, rateOf, readJsonFile } from './rate-file.ts'

const changesSchema = z.record(z.iso.datetime(), z.object({ type: z.string(), rate: z.number() })).default({})
const taxSchema = z.object({ type: z.string(), rate: z.number(), before: changesSchema, after: changesSchema })
const countrySchema = taxSchema.extend({ states: z.record(z.string(), z.unknown()).default({}) })
const fileSchema = z.record(z.string().regex(/^[A-Z]{2}$/), z.unknown())

type Tax = z.output<typeof taxSchema>

/** A tax over a span of days. */
interface Period {
  type: string
  rate: number
  valid_from: string | null
  valid_to: string | null
}

/** The level of what a state charges beside its country. */
const STATE_PRIORITY = 2

/**
 * Reads rates in the format of the npm package sales-tax: per country a rate as a fraction of one, what it was `before` and will
 * be `after` certain moments, and what its states charge. A state's rate comes on top of its country's; a negative one is taken off
 * it, and becomes a rate of that state in place of the country's. Countries without a tax are skipped.
 * Refuses `import_invalid` for anything else.
 */
export function readWorldTax(content: string): RateEntry[] {
  const file = readJsonFile(content, fileSchema, 'world_sales_tax')
  return Object.entries(file).flatMap(([country, given]) => {
    const read = countrySchema.safeParse(given)
    if (!read.success) return [unreadable(country, country)]
    const states = Object.entries(read.data.states).flatMap(([state, each]) => readState(country, read.data, state, each))
    return [...readCountry(country, read.data), ...states]
  })
}

function readCountry(country: string, tax: Tax): RateEntry[] {
  return periodsOf(tax).map((period): RateEntry => {
    const key = `${country}/${period.valid_from ?? 'always'}`
    const rate_ppm = ppmOf(period.rate, 1)
    if (rate_ppm === undefined || rate_ppm < 0) return badRate(key, country)
    if (rate_ppm === 0) return { key, country, skipped: 'No tax is charged here.' }
    const { valid_from, valid_to } = period
    return { key, country, rate: rateOf({ name: nameOf(country, period.type), country, rate_ppm, valid_from, valid_to }) }
  })
}

function readState(country: string, whole: Tax, region: string, given: unknown): RateEntry[] {
  const read = taxSchema.safeParse(given)
  if (!read.success) return [unreadable(`${country}-${region}`, country)]
  return periodsOf(read.data).map((period): RateEntry => {
    const key = `${country}-${region}/${period.valid_from ?? 'always'}`
    const [own, ofCountry] = [ppmOf(period.rate, 1), ppmOf(whole.rate, 1)]
    if (own === undefined || ofCountry === undefined || own + ofCountry < 0) return badRate(key, country)
    if (own === 0) return { key, country, skipped: 'No tax is charged here beside that of the country.' }
    const { valid_from, valid_to } = period
    const name = nameOf(country, period.type)
    const level = own < 0 ? { rate_ppm: own + ofCountry, priority: 1 } : { rate_ppm: own, priority: STATE_PRIORITY }
    return { key, country, rate: rateOf({ name, country, region, valid_from, valid_to, ...level }) }
  })
}

/** From the first to the last, each up to the day before the next one. */
function periodsOf({ type, rate, before, after }: Tax): Period[] {
  const earlier = changesOf(before)
  const later = changesOf(after)
  const taxes = [...earlier.map(([, tax]) => tax), { type, rate }, ...later.map(([, tax]) => tax)]
  const days = [...earlier.map(([day]) => day), ...later.map(([day]) => day)]
  return taxes.map((tax, index) => ({
    type: tax.type,
    rate: tax.rate,
    valid_from: index === 0 ? null : days[index - 1]!,
    valid_to: index === days.length ? null : dayBefore(days[index]!),
  }))
}

function changesOf(changes: Tax['before']): [string, { type: string; rate: number }][] {
  return Object.entries(changes)
    .map(([moment, tax]): [string, { type: string; rate: number }] => [nearestDay(moment), tax])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The file gives midnights as moments in UTC, most of them of countries to the east of it: 22:00 the evening before. */
function nearestDay(moment: string): string {
  return new Date(Date.parse(moment) + 43_200_000).toISOString().slice(0, 10)
}

/** What buyers read. The file calls the sales taxes of the United States "vat". */
function nameOf(country: string, type: string): string {
  return country === 'US' ? 'Sales tax' : type.toUpperCase().slice(0, 20) || 'Tax'
}

function unreadable(key: string, country: string): RateEntry {
  return { key, country, refused: { code: 'invalid_entry', detail: 'The entry cannot be read.' } }
}
