import { createProduct } from '../catalog/create-product.ts'
import type { Product } from '../catalog/product.ts'
import type { TestMerchant } from './merchant.ts'

const ACTOR = { kind: 'job', task: 'test' } as const

/** Products for sale with one tracked variant each, holding the quantities given. */
export async function addProducts(merchant: TestMerchant, ...quantities: number[]): Promise<Product[]> {
  const created: Product[] = []
  for (const quantity of quantities) {
    const input = { title: 'Thing', variants: [{ price: 1000n, tracked: true, quantity, sku: `THING-${created.length + 1}` }] }
    created.push(await merchant.inMerchant((tx) => createProduct(tx, input, { actor: ACTOR, now: new Date() })))
  }
  return created
}

/** The levels whose counters are not the sums of their movements: never any. */
export async function levelsOffTheirMovements(merchant: TestMerchant): Promise<unknown[]> {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select l.variant_id, l.on_hand, l.reserved, l.allocated, m.*
    from stock_level l
      cross join lateral (
        select coalesce(sum(on_hand_change), 0) as moved, coalesce(sum(reserved_change), 0) as moved_reserved,
          coalesce(sum(allocated_change), 0) as moved_allocated
        from stock_movement where merchant_id = ${tx.merchantId} and variant_id = l.variant_id and location_id = l.location_id
      ) m
    where l.merchant_id = ${tx.merchantId} and (l.on_hand, l.reserved, l.allocated) is distinct from (moved, moved_reserved, moved_allocated)`,
  )
  return [...rows]
}
