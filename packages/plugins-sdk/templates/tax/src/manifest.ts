import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'my-plugin',
  version: '1.0.0',
  title: 'Sales tax',
  description: 'One rate for a country, a reduced one for a category.',
  sdk: '^1.0.0',
  contracts: { tax: '^1' },
  // The plugin gets these fields and no others. All of them: docs/plugins/reference.md.
  input: { 'tax@1': ['lines.id', 'lines.taxable', 'lines.tax_category', 'destination.country'] },
  // What a merchant sets; the shop draws a form from it and checks it.
  configuration: {
    type: 'object',
    properties: {
      country: { type: 'string', format: 'country', title: 'Country', default: 'CH' },
      standard: { type: 'string', format: 'percentage', title: 'Standard rate', default: '8.1' },
      reduced: { type: 'string', format: 'percentage', title: 'Rate of the category "reduced"', default: '2.6' },
      name: { type: 'string', title: 'Name on the invoice', default: 'MWST', minLength: 1, maxLength: 40 },
    },
  },
})
