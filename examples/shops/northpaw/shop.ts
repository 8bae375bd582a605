import type { Shop } from '../draw/product.ts'
import { home } from './home.ts'
import { people } from './people.ts'
import { walking } from './walking.ts'
import { wear } from './wear.ts'

export const northpaw: Shop = {
  slug: 'northpaw',
  prefix: 'NP',
  vendor: 'Northpaw',
  digits: 2,
  weightUnit: 'lb',
  backdrop: 'trail',
  beside: 'ball',
  products: [...wear, ...walking, ...home, ...people],
}
