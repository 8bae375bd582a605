import type { ReadDoor } from '@souk/tenant-router/door.ts'
import type { Query } from '@souk/tenant-router/tx.ts'

/** A product as a list shows it. Amounts in minor units of the merchant's currency: AMOUNT_MAX keeps them exact as doubles. */
export interface ListedProduct {
  id: string
  handle: string
  title: string
  vendor: string
  product_type: string
  price_min: number
  price_max: number
  compare_at_price: number | null
  image_url: string | null
  image_alt: string | null
  available: boolean
  currency: string
}

/**
 * The statement behind a page of what a shop sells, newest first. It walks the index product_listing, and asks for each
 * product whether anything of it can be bought, which ends at the first unit found. One row more than the limit says that
 * there is a next page.
 */
export function listedProducts(door: ReadDoor, page: { limit: number; after: string }): Query {
  // The page is cut out first, and stock asked for by a lateral that ends at its first row: with a plan for any limit the
  // planner would otherwise hash all levels rather than look twenty up.
  return door.sql`
    with door as materialized (${door.entered})
    select p.*, s.currency, coalesce(k.available, false) as available
    from door
      cross join lateral (select currency from merchant_settings where merchant_id = door.merchant_id limit 1) s
      cross join lateral (
        select id, handle, title, vendor, product_type, price_min::float8, price_max::float8, compare_at_price::float8,
          image_url, image_alt
        from product
        where merchant_id = door.merchant_id and status = 'active' and published and id < ${page.after}
        order by id desc
        limit ${page.limit + 1}
      ) p
      left join lateral (
        select true as available from stock_level l
        where l.merchant_id = door.merchant_id and l.product_id = p.id
          and app.sellable(l) > 0
        limit 1
      ) k on true
    order by p.id desc`
}

/**
 * The same of one collection, by its handle; nothing for one that is not there. It walks the collection's own index and leaves out
 * what is not for sale.
 */
export function listedInCollection(door: ReadDoor, page: { collection: string; limit: number; after: string }): Query {
  return door.sql`
    with door as materialized (${door.entered})
    select p.*, s.currency, coalesce(k.available, false) as available
    from door
      cross join lateral (select currency from merchant_settings where merchant_id = door.merchant_id limit 1) s
      cross join lateral (select id from collection where merchant_id = door.merchant_id and handle = ${page.collection} limit 1) c
      cross join lateral (
        select p.id, p.handle, p.title, p.vendor, p.product_type, p.price_min::float8, p.price_max::float8, p.compare_at_price::float8,
          p.image_url, p.image_alt
        from collection_product m
          join product p on p.merchant_id = m.merchant_id and p.id = m.product_id and p.status = 'active' and p.published
        where m.merchant_id = door.merchant_id and m.collection_id = c.id and m.product_id < ${page.after}
        order by m.product_id desc
        limit ${page.limit + 1}
      ) p
      left join lateral (
        select true as available from stock_level l
        where l.merchant_id = door.merchant_id and l.product_id = p.id
          and app.sellable(l) > 0
        limit 1
      ) k on true
    order by p.id desc`
}

/** The rows of `listedProducts` or `listedInCollection` as a page; `next` is the id the list goes on after, null at its end. */
export function toPage(rows: unknown[], limit: number): { products: ListedProduct[]; next: string | null } {
  const products = (rows as ListedProduct[]).slice(0, limit)
  return { products, next: rows.length > limit ? (products.at(-1)?.id ?? null) : null }
}

/** Above every id that is made: where the list begins. */
export const FIRST_PAGE = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
