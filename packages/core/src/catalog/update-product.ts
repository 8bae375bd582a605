import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { fieldNames } from '../events/field-names.ts'
import { recordEvent } from '../events/record.ts'
import { mine } from '../mine.ts'
import type { FieldProblem } from '../refusal.ts'
import { checkProduct, type ProductInput, refuseFaults } from './check-product.ts'
import { type ByWhom, handleTaken } from './create-product.ts'
import { getProduct, noProduct, type Product } from './product.ts'
import { products } from './tables.ts'
import { refreshSnapshots, replaceImages } from './write-rows.ts'

/** What is absent stays. Images are replaced as a whole; options can be renamed, not added or taken away. */
export type ProductChanges = { [Key in keyof Omit<ProductInput, 'variants'>]?: ProductInput[Key] | undefined }

const FIELDS = ['title', 'handle', 'bodyHtml', 'vendor', 'productType', 'tags', 'optionNames', 'status', 'published'] as const

/** Changes a product and says so in an event, which names the fields; writes nothing when nothing differs. */
export async function updateProduct(tx: Tx, productId: string, changes: ProductChanges, by: ByWhom): Promise<Product> {
  const before = await lockProduct(tx, productId)
  const { product: after, faults } = checkProduct({ ...before, ...present(changes), variants: before.variants })
  refuseFaults([...faults.filter((fault) => !fault.pointer.startsWith('/variants')), ...optionFaults(before, after)])

  const changed = FIELDS.filter((field) => !isDeepStrictEqual(after[field], before[field]))
  const imagesChanged = !isDeepStrictEqual(after.images, before.images)
  if (changed.length === 0 && !imagesChanged) return before
  if (changed.includes('handle')) await assertHandleFree(tx, after.handle)
  await saveRow(tx, productId, Object.fromEntries(changed.map((field) => [field, after[field]])), after.handle, by.now)
  await Promise.all([
    ...(imagesChanged ? replaceImages(tx, [{ productId, images: after.images }]) : []),
    refreshSnapshots(tx, [productId]),
    productUpdated(tx, after.handle, productId, [...changed, ...(imagesChanged ? ['images'] : [])], by),
  ])
  return getProduct(tx, productId)
}

/** Reads a product and keeps it as it is until the transaction ends. Whoever changes a product or its variants begins here. */
export async function lockProduct(tx: Tx, productId: string): Promise<Product> {
  const [locked] = await tx.sql`select 1 from product where merchant_id = ${tx.merchantId} and id = ${productId} for update`
  if (!locked) throw noProduct()
  return getProduct(tx, productId)
}

export function productUpdated(tx: Tx, handle: string, productId: string, changed: readonly string[], by: ByWhom) {
  return recordEvent(tx, {
    type: 'product.updated',
    aggregateType: 'product',
    aggregateId: productId,
    data: { product_id: productId, handle, changed: fieldNames(changed) },
    ...by,
  })
}

function present(changes: ProductChanges): { [Key in keyof ProductChanges]: Exclude<ProductChanges[Key], undefined> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

function optionFaults(before: Product, after: { optionNames: readonly string[] }): FieldProblem[] {
  if (after.optionNames.length === before.optionNames.length) return []
  return [{ pointer: '/options', code: 'options_mismatch', detail: 'Options can be renamed; their number belongs to the variants.' }]
}

async function assertHandleFree(tx: Tx, handle: string): Promise<void> {
  const [taken] = await tx.sql`select 1 from product where merchant_id = ${tx.merchantId} and handle = ${handle}`
  if (taken) throw handleTaken(handle)
}

async function saveRow(tx: Tx, productId: string, changed: Record<string, unknown>, handle: string, now: Date): Promise<void> {
  try {
    await tx
      .update(products)
      .set({ ...changed, updatedAt: now })
      .where(and(mine(tx, products), eq(products.id, productId)))
  } catch (error) {
    // Two products given the same free handle at the same moment. An update has no `on conflict`; the transaction is
    // spoilt either way, and a refusal ends it.
    if ((error as { cause?: { code?: string } }).cause?.code === '23505') throw handleTaken(handle)
    throw error
  }
}
