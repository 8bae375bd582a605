import type { TaxTable } from './tax-table.ts'

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

/** Which taxes are due on a cart's lines and its shipping, and why. Pure. */
export function resolveTaxes(table: TaxTable, question: TaxQuestion): ResolvedTaxes {
  const flat = [{ code: 'tax', name: table.default_name, ratePpm: BigInt(table.default_rate_ppm), compound: false }]
  const lines = Object.fromEntries(question.lines.map((line) => [line.id, line.taxable ? flat : []]))
  return { treatment: 'domestic', note: '', lines, home: lines, shipping: flat, homeShipping: flat }
}
