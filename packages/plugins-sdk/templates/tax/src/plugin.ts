import { definePlugin } from '@souk/plugins-sdk'
import { manifest } from './manifest.ts'

export const plugin = definePlugin(manifest, {
  'tax@1': {
    run({ lines, destination }, { country, standard, reduced, name }) {
      // Until there is an address, the merchant's own country is the best guess.
      const isTaxed = (destination?.country ?? country) === country
      return {
        lines: lines.map((line) => {
          const rate = line.tax_category === 'reduced' ? reduced : standard
          const rates = isTaxed && line.taxable && line.tax_category !== 'zero' ? [{ name: `${name} ${rate} %`, rate }] : []
          return { line_id: line.id, due: { rates } }
        }),
        shipping: null,
        note: isTaxed ? null : 'Export, free of tax',
      }
    },
  },
})
