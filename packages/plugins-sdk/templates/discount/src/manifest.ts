import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'my-plugin',
  version: '1.0.0',
  title: 'Quantity discount',
  description: 'A percentage off every line of at least so many units.',
  sdk: '^1.0.0',
  contracts: { discount: '^1' },
  // The plugin gets these fields and no others. All of them: docs/plugins/reference.md.
  input: { 'discount@1': ['lines.id', 'lines.quantity'] },
  // What a merchant sets; the shop draws a form from it and checks it.
  configuration: {
    type: 'object',
    properties: {
      quantity: { type: 'integer', title: 'From this quantity', minimum: 1, maximum: 10_000, default: 10 },
      percent: { type: 'string', format: 'percentage', title: 'Percent off', default: '5' },
    },
  },
})
