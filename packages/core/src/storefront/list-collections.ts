import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/** A collection as a shop's menu shows it. */
export interface ListedCollection {
  handle: string
  title: string
}

/** The statement behind the list of a shop's collections that have something for sale, by title. */
export function listedCollections(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select c.handle, c.title from collection c
    where c.merchant_id = ${tx.merchantId} and exists (
      select from collection_product m
        join product p on p.merchant_id = m.merchant_id and p.id = m.product_id and p.status = 'active' and p.published
      where m.merchant_id = ${tx.merchantId} and m.collection_id = c.id)
    order by c.title, c.handle`
}
