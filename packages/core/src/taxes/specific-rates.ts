import { isInForce } from './local-day.ts'
import { compilePostcodePattern, inPostcodeRange, postcodeRangeWidth } from './postcode.ts'
import type { TaxPlace } from './tax-place.ts'
import { STANDARD_CATEGORY, type TaxRateRow, type TaxTable } from './tax-table.ts'

/** Goods on which there is no tax unless a rate says so: this category falls back to no other. */
export const ZERO_CATEGORY = 'zero'

interface IndexedRate {
  row: TaxRateRow
  pattern: ((postcode: string) => boolean) | null
  /** How many postcodes it covers; a pattern says less than any range, and none says least. */
  width: number
}

/** A table's rates by country, with what it takes to compare them. */
export interface TaxIndex {
  byCountry: ReadonlyMap<string, readonly IndexedRate[]>
}

/** A rate that fits a place on a day, with how near its country and region are. */
interface Candidate extends IndexedRate {
  country: number
  region: number
}

const indexes = new WeakMap<TaxTable, TaxIndex>()

/** The index of a table; made once and kept for as long as the table is. */
export function indexOf(table: TaxTable): TaxIndex {
  const known = indexes.get(table)
  if (known) return known
  const byCountry = Map.groupBy(table.rates.map(indexed), ({ row }) => row.country)
  const index = { byCountry }
  indexes.set(table, index)
  return index
}

/** Every rate that fits a place on a day (2026-03-01), of whatever category. */
export function ratesFitting(index: TaxIndex, place: TaxPlace, day: string): Candidate[] {
  const countries = [...place.countries, { code: '*', whole: true }]
  return countries.flatMap(({ code, whole }, country) =>
    (index.byCountry.get(code) ?? []).flatMap((rate) => {
      const { row } = rate
      if (!isInForce(day, row)) return []
      if (!whole && row.region === null && rate.width === Number.POSITIVE_INFINITY) return []
      const region = row.region === null ? Number.POSITIVE_INFINITY : place.regions.indexOf(row.region)
      return region >= 0 && fitsPostcode(rate, place.postcode) ? [{ ...rate, country, region }] : []
    }),
  )
}

/**
 * The rates to charge on goods of a category, in charging order: of each priority the most specific rate, compound ones
 * last. The category's own rates come before those it falls back to.
 */
export function mostSpecific(candidates: readonly Candidate[], categories: readonly string[]): TaxRateRow[] {
  const byPriority = new Map<number, Candidate>()
  for (const candidate of candidates) {
    const { priority, category } = candidate.row
    if (!categories.includes(category)) continue
    const best = byPriority.get(priority)
    if (!best || compare(candidate, best, categories) < 0) byPriority.set(priority, candidate)
  }
  const rows = [...byPriority.values()].map(({ row }) => row)
  return rows.sort((a, b) => Number(a.compound) - Number(b.compound) || a.priority - b.priority)
}

/** A category of goods with the ones it falls back to in a place, in this order. */
export function categoriesIn(table: TaxTable, category: string, place: TaxPlace): string[] {
  const rule = table.categories.find(({ code }) => code === category)
  const listed = rule?.countries.find(({ country }) => place.countries.some(({ code }) => code === country))
  const chain = [category, listed?.category ?? rule?.otherwise ?? STANDARD_CATEGORY]
  if (!chain.includes(ZERO_CATEGORY)) chain.push(STANDARD_CATEGORY)
  return category === ZERO_CATEGORY ? [ZERO_CATEGORY] : [...new Set(chain)]
}

function indexed(row: TaxRateRow): IndexedRate {
  const { postcode_from: from, postcode_to: to, postcode_pattern: text } = row
  if (from !== null && to !== null) return { row, pattern: null, width: postcodeRangeWidth(from, to) }
  if (text === null) return { row, pattern: null, width: Number.POSITIVE_INFINITY }
  // A pattern that cannot be read was refused when it was saved; should one be there all the same, it fits nothing.
  return { row, pattern: compilePostcodePattern(text) ?? (() => false), width: Number.MAX_VALUE }
}

function fitsPostcode({ row, pattern }: IndexedRate, postcode: string): boolean {
  if (pattern) return pattern(postcode)
  return row.postcode_from === null || row.postcode_to === null || inPostcodeRange(postcode, row.postcode_from, row.postcode_to)
}

/** Negative when `a` says more than `b`. Of two that say the same, the one that began later, and at last the smaller id. */
function compare(a: Candidate, b: Candidate, categories: readonly string[]): number {
  return (
    categories.indexOf(a.row.category) - categories.indexOf(b.row.category) ||
    a.country - b.country ||
    order(a.width, b.width) ||
    order(a.region, b.region) ||
    -order(a.row.valid_from ?? '', b.row.valid_from ?? '') ||
    order(a.row.id, b.row.id)
  )
}

function order<Value extends number | string>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0
}
