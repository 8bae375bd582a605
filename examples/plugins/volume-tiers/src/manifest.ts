import { defineManifest } from '@souk/plugins-sdk'

export const manifest = defineManifest({
  name: 'volume-tiers',
  version: '1.0.0',
  title: 'Volume tiers by customer group',
  description: 'The more of a product a customer orders, the less a unit costs; each customer group has tiers of its own.',
  author: 'Souk examples',
  sdk: '^1.0.0',
  contracts: { discount: '^2' },
  input: {
    'discount@2': ['lines.id', 'lines.product_id', 'lines.quantity', 'lines.unit_price', 'lines.tags', 'customer.groups'],
  },
  configuration: {
    type: 'object',
    properties: {
      programs: {
        type: 'array',
        title: 'Price lists',
        description: 'A customer gets the first list whose group it is in.',
        minItems: 1,
        maxItems: 20,
        items: {
          type: 'object',
          properties: {
            group: {
              type: 'string',
              format: 'customer_group',
              title: 'Customer group',
              description: 'Left empty: everybody, guests too.',
              default: '',
            },
            tiers: {
              type: 'array',
              title: 'Tiers',
              minItems: 1,
              maxItems: 10,
              items: {
                type: 'object',
                properties: {
                  from: { type: 'integer', title: 'From this quantity', minimum: 2, maximum: 100_000 },
                  percent: { type: 'string', format: 'percentage', title: 'Percent off each unit' },
                },
                required: ['from', 'percent'],
              },
            },
          },
          required: ['tiers'],
        },
      },
      count: {
        type: 'string',
        title: 'Count together',
        description: 'product: all variants of a product, so that ten shirts in five sizes are ten. line: each variant by itself.',
        enum: ['product', 'line'],
        default: 'product',
      },
      excluded_tag: { type: 'string', format: 'tag', title: 'Not for products with this tag', default: 'no-volume-discount' },
      on_reduced: { type: 'boolean', title: 'Also on lines that a promotion has reduced already', default: false },
    },
    required: ['programs'],
  },
})
