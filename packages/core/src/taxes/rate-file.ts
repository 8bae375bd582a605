import type { z } from 'zod'
import { Refusal } from '../refusal.ts'
import type { NewTaxRate } from './check-rate.ts'
import { PPM_WHOLE, STANDARD_CATEGORY } from './tax-table.ts'

/**
 * What a file says about one rate: the rate, or why there is none. `key` names the entry within its file, the same in every
 * edition of it. `skipped` entries are none to be charged; `refused` ones are wrong.
 */
export type RateEntry = { key: string; country: string } & (
  | { rate: NewTaxRate }
  | { skipped: string }
  | { refused: { code: string; detail: string } }
)

/** A rate with what most entries of a file do not say. */
export function rateOf(given: Pick<NewTaxRate, 'name' | 'country' | 'rate_ppm'> & Partial<NewTaxRate>): NewTaxRate {
  return {
    region: null,
    postcode_from: null,
    postcode_to: null,
    postcode_pattern: null,
    category: STANDARD_CATEGORY,
    valid_from: null,
    valid_to: null,
    compound: false,
    priority: 1,
    ...given,
  }
}

/** Reads JSON that has the form of a schema. Refuses `import_invalid`. */
export function readJsonFile<Schema extends z.ZodType>(content: string, schema: Schema, kind: string): z.output<Schema> {
  let json: unknown
  try {
    json = JSON.parse(content)
  } catch {
    throw notSuchAFile(kind, 'it is not JSON')
  }
  const read = schema.safeParse(json)
  if (!read.success) throw notSuchAFile(kind, `${read.error.issues[0]!.path.map(String).join('/') || 'it'} does not fit`)
  return read.data
}

export function notSuchAFile(kind: string, why: string): Refusal {
  return new Refusal('import_invalid', { detail: `This is no file of the kind ${kind}: ${why}.` })
}

/** Parts per million of a number of units: (0.09975, 1) and (9.975, 100) -> 99750. Undefined for finer steps and for what is no rate. */
export function ppmOf(value: number, whole: 1 | 100): number | undefined {
  const ppm = (value * PPM_WHOLE) / whole
  const rounded = Math.round(ppm)
  // The files write decimals, which are not exact in binary: a hundredth of a millionth is far above that error.
  return Number.isFinite(ppm) && Math.abs(ppm - rounded) < 0.01 && Math.abs(rounded) <= PPM_WHOLE ? rounded : undefined
}

/** The day before a day, both as 2026-03-01. */
export function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10)
}

export function badRate(key: string, country: string): RateEntry {
  return {
    key,
    country,
    refused: { code: 'percentage_out_of_range', detail: 'A rate is between 0 and 100 percent, with at most four decimals.' },
  }
}
