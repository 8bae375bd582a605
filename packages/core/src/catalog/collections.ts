import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { makeHandle, normalHandle } from './handle.ts'
import { COLLECTIONS_MAX, COLLECTIONS_PER_PRODUCT_MAX, TITLE_GRAPHEMES_MAX } from './limits.ts'
import { LAST_ID, type Page } from './list-products.ts'
import { noProduct, type Product, productsById, toProducts } from './product.ts'
import { collections } from './tables.ts'

/** Products that belong together. */
export interface Collection {
  id: string
  /** What rules and storefronts call it. Never changes. */
  handle: string
  title: string
  productCount: number
  createdAt: Date
  updatedAt: Date
}

interface ByWhom {
  actor: Actor
  now: Date
}

/** The merchant's collections by handle: there are at most COLLECTIONS_MAX. */
export async function listCollections(tx: Tx): Promise<Collection[]> {
  return tx.sql<Collection[]>`${select(tx)} where c.merchant_id = ${tx.merchantId} order by c.handle`
}

/** A collection. Refuses `not_found`. */
export async function getCollection(tx: Tx, collectionId: string): Promise<Collection> {
  const [collection] = await tx.sql<Collection[]>`${select(tx)} where c.merchant_id = ${tx.merchantId} and c.id = ${collectionId}`
  if (!collection) throw noCollection()
  return collection
}

/** Makes a collection; its handle is made from the title if it is not given, and stays. Refuses `duplicate` and `too_many`. */
export async function createCollection(tx: Tx, input: { title: string; handle?: string | undefined }, by: ByWhom): Promise<Collection> {
  const title = requireName('/title', input.title, TITLE_GRAPHEMES_MAX)
  const handle = input.handle === undefined ? makeHandle(title) : normalHandle(input.handle)
  if (handle === undefined) {
    const detail = 'A handle has letters, digits, hyphens and underscores.'
    throw new Refusal('invalid_text', { detail, errors: [{ pointer: '/handle', code: 'invalid_handle', detail }] })
  }
  const id = newId(by.now)
  const [made] = await tx.sql<{ count: bigint }[]>`
    with inserted as (
      insert into collection (merchant_id, id, handle, title, created_at, updated_at)
      values (${tx.merchantId}, ${id}, ${handle}, ${title}, ${by.now}, ${by.now})
      on conflict (merchant_id, handle) do nothing
      returning id
    )
    select (select count(*) from collection where merchant_id = ${tx.merchantId}) as count from inserted`
  if (!made) {
    const detail = `There is a collection with the handle ${handle} already.`
    throw new Refusal('duplicate', { detail, errors: [{ pointer: '/handle', code: 'duplicate' }] })
  }
  if (made.count >= COLLECTIONS_MAX) throw new Refusal('too_many', { detail: `There may be ${COLLECTIONS_MAX} collections.` })
  await collectionEvent(tx, 'collection.created', { id, handle }, {}, by)
  return getCollection(tx, id)
}

/** Gives a collection another title. */
export async function renameCollection(tx: Tx, collectionId: string, newTitle: string, by: ByWhom): Promise<Collection> {
  const title = requireName('/title', newTitle, TITLE_GRAPHEMES_MAX)
  const renamed = await tx.sql`
    update collection set title = ${title}, updated_at = ${by.now} where merchant_id = ${tx.merchantId} and id = ${collectionId} returning id`
  if (renamed.length === 0) throw noCollection()
  const collection = await getCollection(tx, collectionId)
  await collectionEvent(tx, 'collection.updated', collection, {}, by)
  return collection
}

/** Deletes a collection; its products stay. */
export async function deleteCollection(tx: Tx, collectionId: string, by: ByWhom): Promise<void> {
  // Held first, so that nothing is put into it in the meantime.
  await tx.sql`select 1 from collection where merchant_id = ${tx.merchantId} and id = ${collectionId} for update`
  const members = await tx.sql<{ id: string }[]>`
    select p.id from collection_product m join product p on p.merchant_id = ${tx.merchantId} and p.id = m.product_id
    where m.merchant_id = ${tx.merchantId} and m.collection_id = ${collectionId} order by p.id for no key update of p`
  const [deleted] = await tx
    .delete(collections)
    .where(and(mine(tx, collections), eq(collections.id, collectionId)))
    .returning({ id: collections.id, handle: collections.handle })
  if (!deleted) throw noCollection()
  await refreshCollections(
    tx,
    members.map(({ id }) => id),
  )
  await collectionEvent(tx, 'collection.deleted', deleted, {}, by)
}

/** Puts products into a collection; those in it already stay. Refuses `not_found`, and `too_many` where one is in too many. */
export async function addToCollection(
  tx: Tx,
  given: { collectionId: string; productIds: readonly string[] },
  by: ByWhom,
): Promise<Collection> {
  await tx.sql`select 1 from collection where merchant_id = ${tx.merchantId} and id = ${given.collectionId} for key share`
  const { handle } = await getCollection(tx, given.collectionId)
  const productIds = [...new Set(given.productIds)].sort()
  // Held, so that two collections are counted together.
  const found = await tx.sql<{ id: string }[]>`
    select id from product where merchant_id = ${tx.merchantId} and id = any(${productIds}::uuid[]) order by id for no key update`
  if (found.length < productIds.length) {
    const known = new Set(found.map((row) => row.id))
    const errors = given.productIds.flatMap((id, index) => (known.has(id) ? [] : [{ pointer: `/product_ids/${index}`, code: 'not_found' }]))
    throw new Refusal('not_found', { detail: 'There is no such product.', errors })
  }
  await tx.sql`
    insert into collection_product (merchant_id, collection_id, product_id, added_at)
    select ${tx.merchantId}, ${given.collectionId}, id, ${by.now} from unnest(${productIds}::uuid[]) as wanted (id) on conflict do nothing`
  const [crowded] = await tx.sql`
    select product_id from collection_product where merchant_id = ${tx.merchantId} and product_id = any(${productIds}::uuid[])
    group by product_id having count(*) > ${COLLECTIONS_PER_PRODUCT_MAX} limit 1`
  await refreshCollections(tx, productIds)
  if (crowded) throw new Refusal('too_many', { detail: `A product may be in ${COLLECTIONS_PER_PRODUCT_MAX} collections.` })
  await collectionEvent(tx, 'collection.updated', { id: given.collectionId, handle }, { added: productIds.length }, by)
  return getCollection(tx, given.collectionId)
}

/** Takes a product out of a collection. Refuses `not_found` for one that is not in it. */
export async function removeFromCollection(tx: Tx, given: { collectionId: string; productId: string }, by: ByWhom): Promise<void> {
  const { handle } = await getCollection(tx, given.collectionId)
  await tx.sql`select 1 from product where merchant_id = ${tx.merchantId} and id = ${given.productId} for no key update`
  const removed = await tx.sql`
    delete from collection_product
    where merchant_id = ${tx.merchantId} and collection_id = ${given.collectionId} and product_id = ${given.productId} returning product_id`
  if (removed.length === 0) throw noProduct()
  await refreshCollections(tx, [given.productId])
  await collectionEvent(tx, 'collection.updated', { id: given.collectionId, handle }, { removed: 1 }, by)
}

/** One page of a collection's products in any state, whole, newest first. */
export async function listInCollection(tx: Tx, collectionId: string, page: Page): Promise<{ products: Product[]; next: string | null }> {
  await getCollection(tx, collectionId)
  const ids = await tx.sql<{ id: string }[]>`
    select product_id as id from collection_product
    where merchant_id = ${tx.merchantId} and collection_id = ${collectionId} and product_id < ${page.after ?? LAST_ID}
    order by product_id desc
    limit ${page.limit + 1}`
  const shown = ids.slice(0, page.limit).map((row) => row.id)
  const products = toProducts(await productsById(tx, shown)).reverse()
  return { products, next: ids.length > page.limit ? (shown.at(-1) ?? null) : null }
}

/** Brings the snapshot of products that are held in agreement with the collections they are in. */
function refreshCollections(tx: Tx, productIds: readonly string[]) {
  return tx.sql`
    update product p set collections = array(
      select c.handle from collection_product m join collection c on c.merchant_id = ${tx.merchantId} and c.id = m.collection_id
      where m.merchant_id = ${tx.merchantId} and m.product_id = p.id order by c.handle)
    where p.merchant_id = ${tx.merchantId} and p.id = any(${productIds as string[]}::uuid[])`
}

function select(tx: Pick<Tx, 'merchantId' | 'sql'>) {
  return tx.sql`
    select c.id, c.handle, c.title, c.created_at as "createdAt", c.updated_at as "updatedAt", (
      select count(*)::int from collection_product m where m.merchant_id = ${tx.merchantId} and m.collection_id = c.id) as "productCount"
    from collection c`
}

function noCollection(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such collection.' })
}

function collectionEvent(tx: Tx, type: string, { id, handle }: { id: string; handle: string }, data: Record<string, unknown>, by: ByWhom) {
  return recordEvent(tx, { type, aggregateType: 'collection', aggregateId: id, data: { collection_id: id, handle, ...data }, ...by })
}
