import type { Shop } from '../draw/product.ts'
import { bundles } from './bundles.ts'
import { coffees } from './coffee.ts'
import { cups } from './cups.ts'
import { gear } from './gear.ts'

export const kaffa: Shop = {
  slug: 'kaffa',
  prefix: 'KA',
  vendor: 'Kaffa Rösterei',
  digits: 2,
  taxCodes: { Coffee: 'food', Pantry: 'food' },
  weightUnit: 'g',
  backdrop: 'table',
  beside: 'cup',
  products: [...coffees, ...gear, ...cups, ...bundles],
}
