import type { ReadDoor } from '@souk/tenant-router/door.ts'
import type { Query } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'

/** Amounts in minor units of the product's currency. They come as JSON, and AMOUNT_MAX keeps them exact. */
export interface StoreVariant {
  id: string
  title: string
  sku: string
  option_values: string[]
  price: number
  compare_at_price: number | null
  image_url: string | null
  /** Can always be bought: not tracked, or sold without a limit before it is there. */
  unlimited: boolean
  /** How many can be bought, if it is not unlimited: what others have reserved is not among it. */
  quantity: number
  /** Whether what can be bought is there already. */
  in_stock: boolean
  /** The day until which it is sold on preorder. */
  available_from: string | null
}

/** A product as its own page shows it. */
export interface StoreProduct {
  id: string
  handle: string
  title: string
  body_html: string
  vendor: string
  product_type: string
  tags: string[]
  option_names: string[]
  currency: string
  images: { url: string; alt: string }[]
  variants: StoreVariant[]
}

/** The statement behind a product's page: the product, its images and variants, and what can be bought of them. Only what is for sale is found. */
export function productByHandle(door: ReadDoor, handle: string): Query {
  // json and not jsonb: nothing looks inside before it is sent, and building jsonb costs the statement a sixth more.
  return door.sql`
    with door as materialized (${door.entered})
    select p.*, s.currency, coalesce(i.images, '[]') as images, coalesce(v.variants, '[]') as variants
    from door
      cross join lateral (select currency from merchant_settings where merchant_id = door.merchant_id limit 1) s
      cross join lateral (
        select id, handle, title, body_html, vendor, product_type, tags, option_names from product
        where merchant_id = door.merchant_id and handle = ${handle} and status = 'active' and published
        limit 1
      ) p
      left join lateral (
        select json_agg(json_build_object('url', url, 'alt', alt) order by position) as images from product_image
        where merchant_id = door.merchant_id and product_id = p.id
      ) i on true
      left join lateral (
        select json_agg(row order by row.position, row.id) as variants
        from (
          select v.id, v.position, v.title, v.sku, v.option_values, v.price, v.compare_at_price, v.image_url,
            app.unlimited(k.quantity) as unlimited, k.quantity, k.in_stock, k.available_from
          from variant v
            left join lateral (
              select coalesce(sum(app.sellable(l)), 0)::bigint as quantity,
                coalesce(bool_or(not l.tracked or l.bundle or l.on_hand > l.reserved + l.allocated), false) as in_stock,
                min(l.available_from) filter (where l.available_from > (now() at time zone 'utc')::date) as available_from
              from stock_level l where l.merchant_id = door.merchant_id and l.variant_id = v.id and l.active
            ) k on true
          where v.merchant_id = door.merchant_id and v.product_id = p.id
        ) row
      ) v on true`
}

/** The answer of `productByHandle`. Refuses `not_found` when there is none for sale. */
export function toStoreProduct([row]: readonly unknown[]): StoreProduct {
  if (!row) throw new Refusal('not_found', { detail: 'There is no such product.' })
  return row as StoreProduct
}
