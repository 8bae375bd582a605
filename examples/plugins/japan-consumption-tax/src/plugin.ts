import { allocate, definePlugin, percentOf, type TaxesDueV1, taxWithin } from '@souk/plugins-sdk'
import { manifest } from './manifest.ts'

// Since October 2023 the tax on a qualified invoice is rounded once for each rate, over the invoice as a whole; rounding line by line and
// adding up is not allowed. How fractions are rounded is the seller's choice. (National Tax Agency, Q&A on the invoice system, "rounding of
// consumption tax on a qualified invoice"; Enforcement Order of the Consumption Tax Act, article 70-10.)

/** What is taxed at one rate: each line's part, and shipping's. */
interface Part {
  /** The line's id; null is shipping. */
  id: string | null
  amount: number
}

export const plugin = definePlugin(manifest, {
  'tax@1': {
    run({ prices_include_tax, lines, shipping, destination }, { standard, reduced, reduced_categories, rounding }) {
      const isExport = destination !== null && destination.country !== 'JP'
      const due = new Map<string | null, TaxesDueV1>()
      if (!isExport) {
        const taxed = lines.filter(({ taxable, tax_category }) => taxable && tax_category !== 'zero')
        const isReduced = (category: string | null) => category !== null && reduced_categories.includes(category)
        const carriage: Part[] = shipping === null ? [] : [{ id: null, amount: shipping.amount }]
        const groups = [
          { rate: standard, name: `消費税 ${standard}%`, parts: [...taxed.filter((line) => !isReduced(line.tax_category)), ...carriage] },
          { rate: reduced, name: `消費税 ${reduced}% (軽減税率)`, parts: taxed.filter((line) => isReduced(line.tax_category)) },
        ]
        for (const { rate, name, parts } of groups) {
          const amounts = parts.map(({ amount }: Part) => amount)
          const sum = amounts.reduce((total, amount) => total + amount, 0)
          const tax = prices_include_tax ? taxWithin(sum, rate, rounding) : percentOf(sum, rate, rounding)
          for (const [index, share] of allocate(tax, amounts).entries()) {
            due.set(parts[index]!.id, { taxes: [{ name, amount: share }] })
          }
        }
      }
      return {
        lines: lines.map(({ id }) => ({ line_id: id, due: due.get(id) ?? { taxes: [] } })),
        shipping: shipping === null ? null : (due.get(null) ?? { taxes: [] }),
        note: isExport ? '輸出免税' : null,
      }
    },
  },
})
