import type { Shop } from '../draw/product.ts'
import { desk } from './desk.ts'
import { inks } from './inks.ts'
import { papers } from './papers.ts'
import { pens } from './pens.ts'

export const hibiki: Shop = {
  slug: 'hibiki',
  prefix: 'HB',
  vendor: 'Hibiki 響',
  digits: 0,
  taxCodes: { Tea: 'food' },
  weightUnit: 'g',
  backdrop: 'desk',
  beside: 'eraser',
  products: [...pens, ...inks, ...papers, ...desk],
}
