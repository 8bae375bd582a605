import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { openLevels } from '../stock/open-levels.ts'
import { setLevels } from '../stock/set-levels.ts'
import { checkVariant, refuseFaults, type VariantInput } from './check-product.ts'
import type { ByWhom } from './create-product.ts'
import { assertNothingPromised } from './delete-product.ts'
import { VARIANTS_MAX } from './limits.ts'
import { getProduct, type Product, type Variant } from './product.ts'
import { variants } from './tables.ts'
import { lockProduct, productUpdated } from './update-product.ts'
import { insertVariants, refreshSnapshots, updateVariants } from './write-rows.ts'

/** What is absent stays. Stock on hand is changed by adjustments. */
export type VariantChanges = { [Key in keyof Omit<VariantInput, 'quantity'>]?: VariantInput[Key] | undefined }

/** Adds a variant to a product that has options, after the others. Refuses `duplicate` for options that are taken. */
export async function addVariant(
  tx: Tx,
  productId: string,
  input: VariantInput,
  by: ByWhom,
): Promise<{ variant: Variant; product: Product }> {
  const product = await lockProduct(tx, productId)
  const faults: FieldProblem[] = []
  const variant = checkVariant(faults, '', input, product.optionNames)
  if (product.variants.length >= VARIANTS_MAX)
    faults.push({ pointer: '', code: 'too_many', detail: `A product has at most ${VARIANTS_MAX} variants.` })
  refuseFaults(faults)
  assertFree(product, variant.optionValues)
  const id = newId(by.now)
  const position = 1 + Math.max(0, ...product.variants.map((other) => other.position))
  const level = { variantId: id, productId, tracked: variant.tracked, backorder: variant.backorder, onHand: BigInt(variant.quantity) }
  await Promise.all([
    insertVariants(tx, [{ ...variant, id, productId, position }], by.now),
    openLevels(tx, [level], { ...by, reason: 'adjustment', note: 'opening stock' }),
    ...variantsChanged(tx, product, by),
  ])
  return variantOf(await getProduct(tx, productId), id)
}

/**
 * Changes a variant; writes nothing when nothing differs. Refuses `insufficient_stock` when it were to be tracked with
 * less on hand than is promised to buyers.
 */
export async function updateVariant(
  tx: Tx,
  variantId: string,
  changes: VariantChanges,
  by: ByWhom,
): Promise<{ variant: Variant; product: Product }> {
  const product = await lockProduct(tx, await productIdOf(tx, variantId))
  const { variant: before } = variantOf(product, variantId)
  const faults: FieldProblem[] = []
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const after = checkVariant(faults, '', { ...before, ...given }, product.optionNames)
  refuseFaults(faults)
  assertFree(product, after.optionValues, variantId)
  const { quantity: _quantity, ...fields } = after
  const changed = Object.entries(fields).some(([field, value]) => !isDeepStrictEqual(value, before[field as keyof Variant]))
  if (!changed) return { variant: before, product }
  const level = { variantId, tracked: after.tracked, backorder: after.backorder, onHand: null }
  const [refused] = await Promise.all([
    setLevels(tx, [level], { ...by, reason: 'adjustment', note: '' }),
    updateVariants(tx, [{ ...after, id: variantId, productId: product.id, position: before.position }], by.now),
    ...variantsChanged(tx, product, by),
  ])
  if (refused.length > 0)
    throw new Refusal('insufficient_stock', { detail: 'More is promised to buyers than is on hand: adjust the stock first.' })
  return variantOf(await getProduct(tx, product.id), variantId)
}

/** Deletes a variant. Refuses `invalid_state` for the last one of its product, and while stock of it is promised to a buyer. */
export async function deleteVariant(tx: Tx, variantId: string, by: ByWhom): Promise<void> {
  const product = await lockProduct(tx, await productIdOf(tx, variantId))
  variantOf(product, variantId)
  if (product.variants.length === 1) {
    throw new Refusal('invalid_state', { detail: 'A product keeps at least one variant.', extra: { current_state: 'last_variant' } })
  }
  await assertNothingPromised(tx, [variantId])
  await tx.delete(variants).where(and(mine(tx, variants), eq(variants.id, variantId)))
  await Promise.all(variantsChanged(tx, product, by))
}

function variantsChanged(tx: Tx, product: Product, by: ByWhom) {
  return [
    tx.sql`update product set updated_at = ${by.now}::timestamptz where merchant_id = ${tx.merchantId} and id = ${product.id}`,
    refreshSnapshots(tx, [product.id]),
    productUpdated(tx, product.handle, product.id, ['variants'], by),
  ]
}

async function productIdOf(tx: Tx, variantId: string): Promise<string> {
  const [row] = await tx
    .select({ productId: variants.productId })
    .from(variants)
    .where(and(mine(tx, variants), eq(variants.id, variantId)))
  if (!row) throw noVariant()
  return row.productId
}

function variantOf(product: Product, variantId: string): { variant: Variant; product: Product } {
  const variant = product.variants.find((candidate) => candidate.id === variantId)
  if (!variant) throw noVariant()
  return { variant, product }
}

function noVariant(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such variant.' })
}

/** Every writer of variants holds the product's row, so this look cannot be overtaken. */
function assertFree(product: Product, optionValues: readonly string[], exceptId?: string): void {
  const taken = product.variants.some((other) => other.id !== exceptId && isDeepStrictEqual(other.optionValues, optionValues))
  if (!taken) return
  throw new Refusal('duplicate', {
    detail: 'There is a variant with these options already.',
    errors: [{ pointer: '/options', code: 'duplicate' }],
  })
}
