import { localDay } from './local-day.ts'
import { categoriesIn, indexOf, mostSpecific, ratesFitting } from './specific-rates.ts'
import { decideTax, isAbroad, notTaxed, type TaxDecision } from './tax-decision.ts'
import { exemptionsOf } from './tax-exemption.ts'
import { placeOf, type TaxPlace } from './tax-place.ts'
import { PPM_WHOLE, STANDARD_CATEGORY, type TaxTable } from './tax-table.ts'

/** Where the goods go. `region` is an ISO 3166-2 code with or without its country, or a region's name. */
export interface TaxDestination {
  country: string
  region: string | null
  postcode: string | null
}

/** What the tax of a cart is asked for. `asOf` is an ISO instant; amounts in minor units. */
export interface TaxQuestion {
  asOf: string
  /** Null while the buyer has not said where to: taxed as at home. */
  destination: TaxDestination | null
  lines: readonly { id: string; taxable: boolean; category: string | null; amount: bigint }[]
  customer: {
    /** For exemption certificates of single customers. */
    id?: string | null
    groups: readonly string[]
    taxExempt: boolean
    vatId: { country: string; number: string; valid: boolean } | null
  } | null
  /** The category that the chosen shipping method says it has; absent or null: as the table says for shipping. */
  shippingCategory?: string | null
}

/** A rate to charge. `code` is the rate's id in the table, `tax` for the flat rate of the settings. */
export interface TaxRate {
  code: string
  name: string
  ratePpm: bigint
  compound: boolean
}

export type TaxTreatment = 'domestic' | 'destination' | 'reverse_charge' | 'exempt' | 'export' | 'none'

/** Rates in the order in which they are charged: a compound rate on the amount and all taxes before it. */
export interface ResolvedTaxes {
  treatment: TaxTreatment
  /** Why, in words, with the law where one decides. */
  note: string
  lines: Record<string, TaxRate[]>
  /** What is charged on the same goods at the seller's own place: what catalogue prices include. */
  home: Record<string, TaxRate[]>
  /** `by_lines`: the amount is split over the lines, each part taxed like its line. */
  shipping: TaxRate[] | 'by_lines'
  homeShipping: TaxRate[] | 'by_lines'
}

/** The rates on goods of a category, and whether the place has any rate at all. */
interface RatesAt {
  of(category: string): TaxRate[]
  /** Whether the place has any rate, and whether one of them is above zero. */
  any: boolean
  charged: boolean
}

const NOTHING: RatesAt = { of: () => [], any: false, charged: false }

/**
 * Which taxes are due on a cart's lines and its shipping, and why. Pure. Of the rates that fit a line's place, category and
 * day, the most specific of each priority is charged; docs/taxes.md says how that is decided, and what the EU's rules do.
 */
export function resolveTaxes(table: TaxTable, question: TaxQuestion): ResolvedTaxes {
  const day = localDay(question.asOf, table.time_zone)
  const home = placeOf({ country: table.seller_country, region: table.seller_region, postcode: table.seller_postcode })
  const to = question.destination && placeOf(question.destination)
  const atHome = ratesAt(table, home, day, home)
  const decided = decideTax({ table, home, to, customer: question.customer, day })
  const { decision, due } = withRates(decided, { table, home, atHome, to, day })

  const exempt = exemptionsOf(table, question.customer, to ?? home, day)
  const taxable = question.lines.filter((line) => line.taxable).map((line) => line.category ?? STANDARD_CATEGORY)
  const reasons = (taxable.length > 0 ? taxable : [STANDARD_CATEGORY]).map(exempt)
  const wholly = reasons.every((reason) => reason !== undefined)
  const rates = (category: string): TaxRate[] => (exempt(category) === undefined ? due.of(category) : [])
  return {
    ...described(
      decision,
      reasons.find((reason) => reason !== undefined),
      wholly,
    ),
    lines: byLine(question, rates),
    home: byLine(question, atHome.of),
    shipping: decision.at === null || wholly ? [] : shippingRates(table, question, due.of, taxable.map(rates)),
    homeShipping: shippingRates(table, question, atHome.of, taxable.map(atHome.of)),
  }
}

/** The decision once the rates are looked at, with those that are due: a place that has none cannot be taxed at. */
function withRates(
  decision: TaxDecision,
  where: { table: TaxTable; home: TaxPlace; atHome: RatesAt; to: TaxPlace | null; day: string },
): { decision: TaxDecision; due: RatesAt } {
  const { table, home, atHome, to, day } = where
  if (decision.at === null) return { decision, due: NOTHING }
  if (to === null || decision.at !== to) return { decision, due: atHome }
  const due = ratesAt(table, to, day, home)
  if (decision.elseHome) return due.any ? { decision, due } : { decision: atHomeInstead(home, to), due: atHome }
  const taxed = due.charged || (due.any && !isAbroad(home, to))
  return taxed ? { decision, due } : { decision: notTaxed(home, to), due: NOTHING }
}

function byLine({ lines }: TaxQuestion, rates: (category: string) => TaxRate[]): Record<string, TaxRate[]> {
  return Object.fromEntries(lines.map(({ id, taxable, category }) => [id, taxable ? rates(category ?? STANDARD_CATEGORY) : []]))
}

/** The rates of the table for a place and day; the flat rate where the table leaves room for it. */
function ratesAt(table: TaxTable, place: TaxPlace, day: string, home: TaxPlace): RatesAt {
  if (isFlat(table, place, home)) {
    const flat = [{ code: 'tax', name: table.default_name, ratePpm: BigInt(table.default_rate_ppm), compound: false }]
    const of = (category: string) => (categoriesIn(table, category, place).includes(STANDARD_CATEGORY) ? flat : [])
    return { of, any: true, charged: table.default_rate_ppm > 0 }
  }
  const fitting = ratesFitting(indexOf(table), place, day)
  const found = new Map<string, TaxRate[]>()
  const of = (category: string): TaxRate[] => {
    const rows = found.get(category) ?? mostSpecific(fitting, categoriesIn(table, category, place)).map(toRate)
    found.set(category, rows)
    return rows
  }
  return { of, any: fitting.length > 0, charged: fitting.some(({ row }) => row.rate_ppm > 0) }
}

/** Without any rates the flat rate holds everywhere; with some, at home until one of them is for the seller's country. */
function isFlat(table: TaxTable, place: TaxPlace, home: TaxPlace): boolean {
  if (table.rates.length === 0) return true
  const { byCountry } = indexOf(table)
  return !isAbroad(home, place) && !byCountry.has('*') && !home.countries.some(({ code }) => byCountry.has(code))
}

function toRate({ id, name, rate_ppm, compound }: TaxTable['rates'][number]): TaxRate {
  return { code: id, name, ratePpm: BigInt(rate_ppm), compound }
}

/** Between member states something is always due: a missing rate must not make a sale free of tax. */
function atHomeInstead(home: TaxPlace, to: TaxPlace): TaxDecision {
  return { treatment: 'domestic', note: `There is no rate for ${to.name}: taxed in ${home.name} instead.`, at: home, elseHome: false }
}

function described(
  { treatment, note, at }: TaxDecision,
  exemption: string | undefined,
  wholly: boolean,
): Pick<ResolvedTaxes, 'treatment' | 'note'> {
  if (at === null || exemption === undefined) return { treatment, note }
  return wholly
    ? { treatment: 'exempt', note: `Exempt from tax: ${exemption}.` }
    : { treatment, note: `${note} Partly exempt: ${exemption}.` }
}

function shippingRates(
  table: TaxTable,
  question: TaxQuestion,
  ratesOf: (category: string) => TaxRate[],
  lines: readonly TaxRate[][],
): TaxRate[] | 'by_lines' {
  const { mode, category } = table.shipping
  const own = question.shippingCategory ?? null
  if (own !== null) return ratesOf(own)
  if (mode === 'none') return []
  if (mode === 'category') return ratesOf(category)
  if (mode === 'weighted') return 'by_lines'
  return lines.reduce((highest, rates) => (together(rates) > together(highest) ? rates : highest), [])
}

/** What several rates come to, in parts per million of parts per million, for comparing. */
function together(rates: readonly TaxRate[]): bigint {
  const whole = BigInt(PPM_WHOLE)
  return rates.reduce((sum, { ratePpm, compound }) => sum + (compound ? (ratePpm * (whole * whole + sum)) / whole : ratePpm * whole), 0n)
}
