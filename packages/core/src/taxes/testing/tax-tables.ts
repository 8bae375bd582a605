import type { z } from 'zod'
import { percent } from '../../pricing/percent.ts'
import { resolveTaxes, type TaxQuestion } from '../resolve-taxes.ts'
import { type TaxRateRow, type TaxTable, taxRateSchema, taxTableSchema } from '../tax-table.ts'

let rates = 0

/** A table of a German seller, but for what is given. */
export function table(given: Partial<z.input<typeof taxTableSchema>>): TaxTable {
  return taxTableSchema.parse({ seller_country: 'DE', time_zone: 'Europe/Berlin', ...given })
}

/** A German rate named VAT, but for what is given. */
export function rate(given: Partial<z.input<typeof taxRateSchema>> & { rate_ppm: number }): TaxRateRow {
  rates += 1
  return taxRateSchema.parse({ id: `rate-${String(rates).padStart(4, '0')}`, name: 'VAT', country: 'DE', ...given })
}

/** What becomes of the first line: 'domestic: GST 5 + QST 9.975'. */
export function shown(table: TaxTable, question: TaxQuestion): string {
  const { treatment, lines } = resolveTaxes(table, question)
  const charged = lines[question.lines[0]!.id]!.map(
    ({ name, ratePpm, compound }) => `${name} ${percent(ratePpm)}${compound ? ' compound' : ''}`,
  )
  return `${treatment}: ${charged.join(' + ')}`
}
