import { isDeepStrictEqual } from 'node:util'
import type { CheckedVariant } from '../catalog/check-product.ts'
import { variantTitle } from '../catalog/check-product.ts'
import type { Image, Product, Variant } from '../catalog/product.ts'
import type { NewVariant } from '../catalog/write-rows.ts'
import { newId } from '../ids.ts'
import type { OpeningLevel } from '../stock/open-levels.ts'
import type { LevelSettings } from '../stock/set-levels.ts'
import type { GivenVariant, ImportedProduct } from './read-product.ts'
import type { StockMode } from './tables.ts'

export type ProductRow = Pick<Product, 'title' | 'bodyHtml' | 'vendor' | 'productType' | 'tags' | 'optionNames' | 'status' | 'published'>

/** What an imported product changes. Only differences are in it: a plan without any writes nothing. */
export interface Plan {
  outcome: 'created' | 'updated' | 'unchanged'
  /** Names of what differs, for the event. */
  changed: string[]
  row: ProductRow
  images: Image[] | undefined
  /** Without a product id when the product is new. */
  newVariants: NewVariant[]
  changedVariants: NewVariant[]
  removedVariantIds: string[]
  openings: OpeningLevel[]
  levels: LevelSettings[]
}

const VARIANT_FIELDS = [
  ...(['position', 'sku', 'barcode', 'price', 'compareAtPrice', 'grams', 'requiresShipping', 'taxable', 'taxCategory'] as const),
  'imageUrl',
] as const
const ROW_FIELDS = ['title', 'bodyHtml', 'vendor', 'productType', 'tags', 'optionNames', 'status', 'published'] as const

/** A new product, exactly as the file has it. Undefined when the file does not say enough: a problem was noted. */
export function planNew(imported: ImportedProduct, now: Date): Plan | undefined {
  const { checked, variants, problems } = imported
  for (const variant of variants) notePrice(variant, imported)
  if (problems.fatal) return undefined
  const newVariants = checked.variants.map((variant, index) => ({ ...variant, id: newId(now), productId: '', position: index + 1 }))
  const { title, bodyHtml, vendor, productType, tags, optionNames, status, published, images } = checked
  return {
    outcome: 'created',
    changed: [],
    row: { title, bodyHtml, vendor, productType, tags, optionNames, status, published },
    images: images.length > 0 ? images : undefined,
    newVariants,
    changedVariants: [],
    removedVariantIds: [],
    openings: newVariants.map(opening),
    levels: [],
  }
}

/**
 * What of an existing product differs from the file. A column the file does not have changes nothing, nor do images when
 * it names none. Variants are found again by their option values; one that the file does not name stays, unless the file
 * gives the product other options. Stock on hand is changed only if `stockMode` says so.
 */
export function planChange(imported: ImportedProduct, existing: Product, stockMode: StockMode, now: Date): Plan | undefined {
  const { given, checked, images, problems } = imported
  const row = Object.fromEntries(
    ROW_FIELDS.map((field) => [field, given[field] === undefined ? existing[field] : checked[field]]),
  ) as unknown as ProductRow
  const changed: string[] = ROW_FIELDS.filter((field) => !isDeepStrictEqual(row[field], existing[field]))
  const differentImages = images !== undefined && !isDeepStrictEqual(images, existing.images) ? images : undefined
  if (differentImages) changed.push('images')

  const variants = planVariants(imported, existing, stockMode, now)
  if (problems.fatal) return undefined
  const flagsDiffer = variants.levels.some(({ variantId, tracked, backorder }) =>
    existing.variants.some((variant) => variant.id === variantId && (variant.tracked !== tracked || variant.backorder !== backorder)),
  )
  const { newVariants, changedVariants, removedVariantIds, levels } = variants
  if (flagsDiffer || newVariants.length + changedVariants.length + removedVariantIds.length > 0) changed.push('variants')
  const outcome = changed.length > 0 || levels.length > 0 ? 'updated' : 'unchanged'
  return { outcome, changed, row, images: differentImages, ...variants }
}

function planVariants(imported: ImportedProduct, existing: Product, stockMode: StockMode, now: Date) {
  const known = new Map(existing.variants.map((variant) => [JSON.stringify(variant.optionValues), variant]))
  const planned = {
    newVariants: [] as NewVariant[],
    changedVariants: [] as NewVariant[],
    removedVariantIds: [] as string[],
    openings: [] as OpeningLevel[],
    levels: [] as LevelSettings[],
  }
  for (const [index, checked] of imported.checked.variants.entries()) {
    const given = imported.variants[index]!
    const key = JSON.stringify(checked.optionValues)
    const variant = known.get(key)
    known.delete(key)
    const position = index + 1
    if (!variant) {
      notePrice(given, imported)
      const created = { ...checked, id: newId(now), productId: existing.id, position }
      planned.newVariants.push(created)
      planned.openings.push(opening(created))
      continue
    }
    const merged = merge(given, checked, variant, position)
    if (differs(merged, variant)) planned.changedVariants.push(merged)
    const level = levelOf(given, merged, stockMode)
    if (
      variant.tracked !== level.tracked ||
      variant.backorder !== level.backorder ||
      (level.onHand ?? BigInt(variant.onHand)) !== BigInt(variant.onHand)
    ) {
      planned.levels.push(level)
    }
  }
  const keep = isDeepStrictEqual(imported.checked.optionNames, existing.optionNames)
  let position = imported.checked.variants.length
  for (const variant of known.values()) {
    position += 1
    if (!keep) planned.removedVariantIds.push(variant.id)
    else if (variant.position !== position) planned.changedVariants.push({ ...asNew(variant), position })
  }
  return planned
}

/** The file's value where it gives one, else what is there. */
function merge(given: GivenVariant, checked: CheckedVariant, existing: Variant, position: number): NewVariant {
  const kept = asNew(existing)
  const taken = Object.entries(checked).filter(([field]) => given[field as keyof GivenVariant] !== undefined)
  return { ...kept, ...(Object.fromEntries(taken) as Partial<CheckedVariant>), position }
}

function asNew(variant: Variant): NewVariant {
  const { onHand: _onHand, available: _available, title: _title, ...rest } = variant
  return { ...rest, quantity: 0 }
}

function differs(merged: NewVariant, existing: Variant): boolean {
  return existing.title !== variantTitle(merged.optionValues) || VARIANT_FIELDS.some((field) => merged[field] !== existing[field])
}

function levelOf(given: GivenVariant, merged: NewVariant, stockMode: StockMode): LevelSettings {
  const counted = stockMode === 'set' && merged.tracked && given.quantity !== undefined
  return { variantId: merged.id, tracked: merged.tracked, backorder: merged.backorder, onHand: counted ? BigInt(merged.quantity) : null }
}

function opening(variant: NewVariant): OpeningLevel {
  const { id, productId, tracked, backorder, quantity } = variant
  return { variantId: id, productId, tracked, backorder, onHand: BigInt(quantity) }
}

/** A new variant needs a price: given away by an empty cell is never meant. */
function notePrice(variant: GivenVariant, { problems }: ImportedProduct): void {
  if (variant.price === undefined && !problems.fatal) problems.error(variant.line, 'price', 'price_missing', 'A new variant needs a price.')
}
