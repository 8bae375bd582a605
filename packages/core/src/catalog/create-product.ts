import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { openLevels } from '../stock/open-levels.ts'
import { type CheckedProduct, checkProduct, type ProductInput, refuseFaults } from './check-product.ts'
import { getProduct, type Product } from './product.ts'
import { products } from './tables.ts'
import { insertVariants, refreshSnapshots, replaceImages } from './write-rows.ts'

export interface ByWhom {
  actor: Actor
  now: Date
}

/**
 * Writes a product with its variants, images, opening stock and event. Refuses `duplicate` when the handle asked for is
 * taken; a handle made from the title makes way to the one that was there first.
 */
export async function createProduct(tx: Tx, input: ProductInput, by: ByWhom): Promise<Product> {
  const { product, faults } = checkProduct(input)
  refuseFaults(faults)
  const id = newId(by.now)
  const handle = await takeHandle(tx, id, product, input.handle !== undefined, by.now)
  const variants = product.variants.map((variant, index) => ({ ...variant, id: newId(by.now), productId: id, position: index + 1 }))
  const levels = variants.map(({ id: variantId, productId, tracked, backorder, quantity }) => ({
    variantId,
    productId,
    tracked,
    backorder,
    onHand: BigInt(quantity),
  }))
  await Promise.all([
    insertVariants(tx, variants, by.now),
    ...replaceImages(tx, [{ productId: id, images: product.images }]),
    openLevels(tx, levels, { ...by, reason: 'adjustment', note: 'opening stock' }),
    refreshSnapshots(tx, [id]),
    recordEvent(tx, {
      type: 'product.created',
      aggregateType: 'product',
      aggregateId: id,
      data: { product_id: id, handle, title: product.title, variant_count: variants.length },
      ...by,
    }),
  ])
  return getProduct(tx, id)
}

export function handleTaken(handle: string): Refusal {
  return new Refusal('duplicate', {
    detail: `There is a product with the handle ${handle} already.`,
    errors: [{ pointer: '/handle', code: 'duplicate' }],
  })
}

/** Inserts the product's own row under the first free handle. */
async function takeHandle(tx: Tx, id: string, product: CheckedProduct, asked: boolean, now: Date): Promise<string> {
  const { images: _images, variants: _variants, ...row } = product
  const candidates = asked ? [row.handle] : [row.handle, `${row.handle}-2`, `${row.handle}-3`, `${row.handle}-${id.slice(-12)}`]
  for (const handle of candidates) {
    const inserted = await tx
      .insert(products)
      .values({ ...row, merchantId: tx.merchantId, id, handle, createdAt: now, updatedAt: now })
      .onConflictDoNothing({ target: [products.merchantId, products.handle] })
      .returning({ id: products.id })
    if (inserted.length > 0) return handle
  }
  throw handleTaken(row.handle)
}
