import type { Tx } from '@souk/tenant-router/tx.ts'
import { type Product, productsById, toProducts } from './product.ts'

export interface Page {
  limit: number
  /** The id after which the list goes on. */
  after?: string | undefined
}

/** The merchant's products in any state, whole, newest first; `next` is where the list goes on, null at its end. */
export async function listProducts(tx: Tx, page: Page): Promise<{ products: Product[]; next: string | null }> {
  const ids = await tx.sql<{ id: string }[]>`
    select id from product
    where merchant_id = ${tx.merchantId} and id < ${page.after ?? LAST_ID}
    order by id desc
    limit ${page.limit + 1}`
  const shown = ids.slice(0, page.limit).map((row) => row.id)
  const products = toProducts(await productsById(tx, shown)).reverse()
  return { products, next: ids.length > page.limit ? (shown.at(-1) ?? null) : null }
}

/** Above every id that is made: where a list begins that goes down. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
