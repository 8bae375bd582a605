import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'japan-consumption-tax',
  version: '1.0.0',
  title: 'Consumption tax of Japan (消費税)',
  description: 'Two rates, each rounded once for the whole invoice, as a qualified invoice (適格請求書) must be.',
  author: 'Souk examples',
  sdk: '^1.0.0',
  contracts: { tax: '^1' },
  input: {
    'tax@1': [
      'prices_include_tax',
      'lines.id',
      'lines.amount',
      'lines.taxable',
      'lines.tax_category',
      'shipping.amount',
      'destination.country',
    ],
  },
  configuration: {
    type: 'object',
    properties: {
      standard: { type: 'string', format: 'percentage', title: 'Standard rate (標準税率)', default: '10' },
      reduced: { type: 'string', format: 'percentage', title: 'Reduced rate (軽減税率)', default: '8' },
      reduced_categories: {
        type: 'array',
        title: 'Tax categories at the reduced rate',
        description: 'Food and drink without alcohol, newspapers by subscription.',
        items: { type: 'string', minLength: 1, maxLength: 100 },
        maxItems: 50,
        uniqueItems: true,
        default: ['reduced', 'food'],
      },
      rounding: {
        type: 'string',
        title: 'Fractions of a yen (端数処理)',
        description: 'The law leaves it to the seller. down: 切捨て, half_up: 四捨五入, up: 切上げ.',
        enum: ['down', 'half_up', 'up'],
        default: 'down',
      },
    },
  },
})
