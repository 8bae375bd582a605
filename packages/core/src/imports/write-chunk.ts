import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type Product, productsById, toProducts } from '../catalog/product.ts'
import { insertVariants, refreshSnapshots, replaceImages, updateVariants } from '../catalog/write-rows.ts'
import { fieldNames } from '../events/field-names.ts'
import type { NewEvent } from '../events/record.ts'
import { recordEvents } from '../events/record-many.ts'
import { lockPromises } from '../stock/lock-promises.ts'
import { openLevels } from '../stock/open-levels.ts'
import { setLevels } from '../stock/set-levels.ts'
import { type Plan, planChange, planNew } from './plan-product.ts'
import type { Problem } from './problem.ts'
import type { ImportedProduct } from './read-product.ts'
import type { StockMode } from './tables.ts'

export interface ChunkOutcome {
  created: number
  updated: number
  unchanged: number
  failed: number
  problems: Problem[]
}

interface Planned {
  imported: ImportedProduct
  plan: Plan
  productId: string
}

export const IMPORT_ACTOR: Actor = { kind: 'job', task: 'run_import' }

/**
 * Brings the products of a chunk in agreement with the file, in a number of statements that does not grow with them.
 * Products that are so already are not written at all. A handle may be there once in a chunk.
 */
export async function writeChunk(
  tx: Tx,
  imported: readonly ImportedProduct[],
  options: { stockMode: StockMode; now: Date },
): Promise<ChunkOutcome> {
  const { stockMode, now } = options
  const existing = await lockExisting(tx, imported)
  const planned: Planned[] = []
  for (const product of imported) {
    const before = existing.get(product.handle)
    const plan = before ? planChange(product, before, stockMode, now) : planNew(product, now)
    if (plan) planned.push({ imported: product, plan, productId: before?.id ?? '' })
  }
  const kept = await withoutPromisedRemovals(tx, planned)
  await insertProducts(
    tx,
    kept.filter(({ plan }) => plan.outcome === 'created'),
    now,
  )
  await writeDifferences(tx, kept, now)
  const count = (outcome: Plan['outcome']) => kept.filter(({ plan }) => plan.outcome === outcome).length
  return {
    created: count('created'),
    updated: count('updated'),
    unchanged: count('unchanged'),
    failed: imported.length - kept.length,
    problems: imported.flatMap((product) => product.problems.list),
  }
}

/** The products of the chunk that exist, by handle, kept as they are until the transaction ends. */
async function lockExisting(tx: Tx, imported: readonly ImportedProduct[]): Promise<Map<string, Product>> {
  const handles = imported.filter(({ problems }) => !problems.fatal).map(({ handle }) => handle)
  const locked = await tx.sql<{ id: string }[]>`
    select id from product where merchant_id = ${tx.merchantId} and handle = any(${handles}::text[]) order by id for update`
  if (locked.length === 0) return new Map()
  const products = toProducts(
    await productsById(
      tx,
      locked.map((row) => row.id),
    ),
  )
  return new Map(products.map((product) => [product.handle, product]))
}

/** A variant that is promised to a buyer cannot be removed: its product is left out. */
async function withoutPromisedRemovals(tx: Tx, planned: readonly Planned[]): Promise<Planned[]> {
  const removed = planned.flatMap(({ plan }) => plan.removedVariantIds)
  if (removed.length === 0) return [...planned]
  const promised = new Set(await lockPromises(tx, removed))
  return planned.filter(({ imported, plan }) => {
    if (!plan.removedVariantIds.some((variantId) => promised.has(variantId))) return true
    imported.problems.error(
      imported.line,
      'option1Name',
      'variant_promised',
      'The new options would remove a variant that is promised to a buyer.',
    )
    return false
  })
}

/** The rows of new products come first: their ids are the database's, so that they follow the order of the file. */
async function insertProducts(tx: Tx, created: readonly Planned[], now: Date): Promise<void> {
  if (created.length === 0) return
  const rows = created.map(({ imported, plan }) => productJson(imported.handle, plan))
  const inserted = await tx.sql<{ id: string; handle: string }[]>`
    insert into product (merchant_id, handle, title, body_html, vendor, product_type, tags, option_names, status, published, created_at, updated_at)
    select ${tx.merchantId}, handle, title, body_html, vendor, product_type, tags, option_names, status, published, ${now}::timestamptz, ${now}::timestamptz
    from rows from (jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as (handle text, title text, body_html text, vendor text,
      product_type text, tags text[], option_names text[], status text, published boolean)) with ordinality
    order by ordinality
    on conflict (merchant_id, handle) do nothing
    returning id, handle`
  const ids = new Map(inserted.map((row) => [row.handle, row.id]))
  for (const product of created) {
    const id = ids.get(product.imported.handle)
    // The chunk is rolled back and done again, with that product before its eyes.
    if (id === undefined) throw new HandleRaced(product.imported.handle)
    product.productId = id
    for (const variant of product.plan.newVariants) variant.productId = id
    for (const level of product.plan.openings) level.productId = id
  }
}

/** Somebody created a product of the chunk after it had looked for it. */
export class HandleRaced extends Error {
  constructor(handle: string) {
    super(`a product with the handle ${handle} was created meanwhile`)
  }
}

/** All that is left, in one flight. Levels come after variants, snapshots after both, events last. */
async function writeDifferences(tx: Tx, planned: readonly Planned[], now: Date): Promise<void> {
  const changed = planned.filter(({ plan }) => plan.outcome !== 'unchanged')
  const rows = changed.filter(({ plan }) => plan.outcome === 'updated' && plan.changed.length > 0)
  const withImages = changed.filter(({ plan }) => plan.images).map(({ plan, productId }) => ({ productId, images: plan.images! }))
  const [removed, created, updated, openings, levels] = [
    changed.flatMap(({ plan }) => plan.removedVariantIds),
    changed.flatMap(({ plan }) => plan.newVariants),
    changed.flatMap(({ plan }) => plan.changedVariants),
    changed.flatMap(({ plan }) => plan.openings),
    changed.flatMap(({ plan }) => plan.levels),
  ]
  const events = changed.flatMap(eventOf)
  const change = { reason: 'import', note: '', actor: IMPORT_ACTOR, now } as const
  const flight: Query[] = []
  if (rows.length > 0) flight.push(updateProducts(tx, rows, now))
  if (withImages.length > 0) flight.push(...replaceImages(tx, withImages))
  if (removed.length > 0) flight.push(tx.sql`delete from variant where merchant_id = ${tx.merchantId} and id = any(${removed}::uuid[])`)
  if (created.length > 0) flight.push(insertVariants(tx, created, now), openLevels(tx, openings, change))
  if (updated.length > 0) flight.push(updateVariants(tx, updated, now))
  const settled = levels.length > 0 ? setLevels(tx, levels, change) : undefined
  if (settled) flight.push(settled)
  if (events.length > 0)
    flight.push(
      refreshSnapshots(
        tx,
        changed.map(({ productId }) => productId),
      ),
      recordEvents(tx, events, { actor: IMPORT_ACTOR, now }),
    )
  await Promise.all(flight)
  if (settled) warnOfPromised(changed, new Set((await settled).map((row) => row.variant_id as string)))
}

function updateProducts(tx: Tx, planned: readonly Planned[], now: Date): Query {
  const rows = planned.map(({ imported, plan, productId }) => ({ id: productId, ...productJson(imported.handle, plan) }))
  return tx.sql`
    update product p set title = r.title, body_html = r.body_html, vendor = r.vendor, product_type = r.product_type, tags = r.tags,
      option_names = r.option_names, status = r.status, published = r.published, updated_at = ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (id uuid, title text, body_html text, vendor text, product_type text,
      tags text[], option_names text[], status text, published boolean)
    where p.merchant_id = ${tx.merchantId} and p.id = r.id`
}

function productJson(handle: string, { row }: Plan) {
  const { title, vendor, tags, status, published } = row
  return {
    handle,
    title,
    body_html: row.bodyHtml,
    vendor,
    product_type: row.productType,
    tags,
    option_names: row.optionNames,
    status,
    published,
  }
}

function eventOf({ imported, plan, productId }: Planned): Omit<NewEvent, 'actor' | 'now'>[] {
  const about = { aggregateType: 'product', aggregateId: productId }
  const { handle } = imported
  if (plan.outcome === 'created') {
    const data = { product_id: productId, handle, title: plan.row.title, variant_count: plan.newVariants.length }
    return [{ type: 'product.created', ...about, data }]
  }
  // Counted stock alone is told by its movements.
  return plan.changed.length > 0
    ? [{ type: 'product.updated', ...about, data: { product_id: productId, handle, changed: fieldNames(plan.changed) } }]
    : []
}

function warnOfPromised(planned: readonly Planned[], refused: ReadonlySet<string>): void {
  if (refused.size === 0) return
  for (const { imported, plan } of planned) {
    for (const { variantId } of plan.levels.filter((level) => refused.has(level.variantId))) {
      imported.problems.warning(
        imported.line,
        'quantity',
        'stock_promised',
        `More is promised to buyers than the file counts: stock of variant ${variantId} stays.`,
      )
    }
  }
}
