import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { recordEvent } from '../events/record.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { lockPromises } from '../stock/lock-promises.ts'
import type { ByWhom } from './create-product.ts'
import { products } from './tables.ts'
import { lockProduct } from './update-product.ts'

/**
 * Deletes a product with its variants, images and levels. Orders and movements keep what they say of it. Refuses
 * `invalid_state` while stock of it is promised to a buyer, or a bundle needs it; such a product can be archived.
 */
export async function deleteProduct(tx: Tx, productId: string, by: ByWhom): Promise<void> {
  const product = await lockProduct(tx, productId)
  await assertNothingPromised(
    tx,
    product.variants.map((variant) => variant.id),
  )
  await tx.delete(products).where(and(mine(tx, products), eq(products.id, productId)))
  await recordEvent(tx, {
    type: 'product.deleted',
    aggregateType: 'product',
    aggregateId: productId,
    data: { product_id: productId, handle: product.handle, title: product.title },
    ...by,
  })
}

/** Refuses when stock of a variant is reserved or allocated, or it is part of a bundle, and keeps that so until the transaction ends. */
export async function assertNothingPromised(tx: Tx, variantIds: readonly string[]): Promise<void> {
  const promised = await lockPromises(tx, variantIds)
  if (promised.length === 0) return
  throw new Refusal('invalid_state', {
    detail: 'Stock of it is promised to a buyer, or it is part of a bundle.',
    extra: { current_state: 'promised' },
  })
}
