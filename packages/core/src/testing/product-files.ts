import { type CatalogImportProblem, importById, listProblems } from '../imports/list-imports.ts'
import { type RunOptions, runImport } from '../imports/run-import.ts'
import type { StockMode } from '../imports/tables.ts'
import { appendPart, openImport, PART_BYTES_MAX, sealImport } from '../imports/upload.ts'
import type { TestMerchant } from './merchant.ts'

/** Uploads a product file, as the API does, up to where the worker takes over. */
export async function uploadFile({ inMerchant }: TestMerchant, file: string | Uint8Array, stockMode: StockMode = 'keep'): Promise<string> {
  const bytes = Buffer.from(file)
  const { id } = await inMerchant((tx) => openImport(tx, { fileName: 'products.csv', stockMode, now: new Date() }))
  for (let position = 0; position * PART_BYTES_MAX < bytes.length; position++) {
    const part = bytes.subarray(position * PART_BYTES_MAX, (position + 1) * PART_BYTES_MAX)
    await inMerchant((tx) => appendPart(tx, id, position, part))
  }
  await inMerchant((tx) => sealImport(tx, id))
  return id
}

/** Uploads a file and imports it, and answers how it went. */
export async function importFile(
  merchant: TestMerchant,
  file: string | Uint8Array,
  stockMode: StockMode = 'keep',
  options: RunOptions = {},
) {
  const importId = await uploadFile(merchant, file, stockMode)
  await runImport(merchant.inMerchant, { importId }, options)
  return merchant.inMerchant.read((tx) => importById(tx, importId))
}

/** A catalogue without ids and times: equal for two merchants with the same goods. */
export async function catalogueOf({ inMerchant }: TestMerchant): Promise<unknown[]> {
  const rows = await inMerchant.read(
    (tx) => tx.sql`
    select p.handle, p.title, p.body_html, p.vendor, p.product_type, p.tags, p.option_names, p.status, p.published, p.price_min, p.price_max,
      p.compare_at_price, p.image_url, p.image_alt,
      (select json_agg(json_build_object('position', v.position, 'title', v.title, 'sku', v.sku, 'options', v.option_values, 'price', v.price,
          'compare', v.compare_at_price, 'grams', v.grams, 'shipped', v.requires_shipping, 'taxable', v.taxable, 'image', v.image_url,
          'tracked', l.tracked, 'backorder', l.backorder, 'on_hand', l.on_hand, 'moved',
          (select sum(on_hand_change) from stock_movement m where m.merchant_id = v.merchant_id and m.variant_id = v.id)) order by v.position)
        from variant v join stock_level l on l.merchant_id = v.merchant_id and l.variant_id = v.id
        where v.merchant_id = p.merchant_id and v.product_id = p.id) as variants,
      (select json_agg(json_build_object('position', i.position, 'url', i.url, 'alt', i.alt) order by i.position)
        from product_image i where i.merchant_id = p.merchant_id and i.product_id = p.id) as images
    from product p where p.merchant_id = ${tx.merchantId} order by p.id`,
  )
  return [...rows]
}

/** What a write leaves behind: the row versions of the whole catalogue, and how many movements and events there are. */
export async function footprintOf({ inMerchant }: TestMerchant): Promise<unknown> {
  const [row] = await inMerchant.read(
    (tx) => tx.sql`
    select
      (select md5(string_agg(xmin::text || id || updated_at, ',' order by id)) from product where merchant_id = ${tx.merchantId}) as products,
      (select md5(string_agg(xmin::text || id || updated_at, ',' order by id)) from variant where merchant_id = ${tx.merchantId}) as variants,
      (select md5(string_agg(xmin::text || id, ',' order by id)) from product_image where merchant_id = ${tx.merchantId}) as images,
      (select md5(string_agg(xmin::text || variant_id, ',' order by variant_id)) from stock_level where merchant_id = ${tx.merchantId}) as levels,
      (select count(*) from stock_movement where merchant_id = ${tx.merchantId}) as movements,
      (select count(*) from event where merchant_id = ${tx.merchantId} and type <> 'import.finished') as events`,
  )
  return { ...row }
}

export const HEADER =
  'Handle,Title,Body (HTML),Vendor,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image'

/** A file with these rows. */
export function productFile(...rows: string[]): string {
  return [HEADER, ...rows, ''].join('\n')
}

/** A row of such a file. */
export function productRow(cells: {
  handle: string
  title: string
  option?: string
  value?: string
  tracker?: string
  quantity?: string
  price?: string
  image?: string
}): string {
  const { handle, title, option = '', value = '', tracker = '', quantity = '', price = '', image = '' } = cells
  return `${handle},${title},,,,true,${option},${value},,,,,${tracker},${quantity},deny,${price},,${image},,,`
}

/** The row report. */
export async function problemsOf(merchant: TestMerchant, importId: string, limit = 100): Promise<CatalogImportProblem[]> {
  const { problems } = await merchant.inMerchant.read((tx) => listProblems(tx, importId, { limit }))
  return problems
}

/** The types of all events, in their order. */
export async function eventTypesOf(merchant: TestMerchant): Promise<string[]> {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql<{ type: string }[]>`
    select type from event where merchant_id = ${tx.merchantId} order by sequence`,
  )
  return rows.map((event) => event.type)
}

/** How many rows there are. */
export async function countsOf(merchant: TestMerchant) {
  const [found] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select (select count(*) from product where merchant_id = ${tx.merchantId}) as products,
      (select count(*) from variant where merchant_id = ${tx.merchantId}) as variants,
      (select count(*) from stock_level where merchant_id = ${tx.merchantId}) as levels,
      (select count(*) from catalog_import where merchant_id = ${tx.merchantId}) as imports,
      (select count(*) from catalog_import_part where merchant_id = ${tx.merchantId}) as parts`,
  )
  return { ...found }
}
