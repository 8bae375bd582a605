import { Refusal } from '../refusal.ts'

/** What the import reads of a product file, and the names it has in Shopify's files: of the exports, and of the newer template. */
export const COLUMNS = {
  handle: ['Handle', 'URL handle'],
  title: ['Title'],
  bodyHtml: ['Body (HTML)', 'Description'],
  vendor: ['Vendor'],
  productType: ['Type'],
  tags: ['Tags'],
  published: ['Published', 'Published on online store'],
  status: ['Status'],
  option1Name: ['Option1 Name'],
  option1Value: ['Option1 Value'],
  option2Name: ['Option2 Name'],
  option2Value: ['Option2 Value'],
  option3Name: ['Option3 Name'],
  option3Value: ['Option3 Value'],
  sku: ['Variant SKU', 'SKU'],
  grams: ['Variant Grams', 'Weight value (grams)'],
  tracker: ['Variant Inventory Tracker', 'Inventory tracker'],
  quantity: ['Variant Inventory Qty', 'Variant Inventory Quantity', 'Inventory quantity'],
  policy: ['Variant Inventory Policy', 'Continue selling when out of stock'],
  price: ['Variant Price', 'Price'],
  compareAtPrice: ['Variant Compare At Price', 'Compare-at price'],
  requiresShipping: ['Variant Requires Shipping', 'Requires shipping'],
  taxable: ['Variant Taxable', 'Charge tax'],
  taxCategory: ['Variant Tax Code', 'Tax code'],
  barcode: ['Variant Barcode', 'Barcode'],
  imageUrl: ['Image Src', 'Product image URL'],
  imagePosition: ['Image Position'],
  imageAlt: ['Image Alt Text'],
  variantImage: ['Variant Image', 'Variant image URL'],
} as const satisfies Record<string, readonly string[]>

export type Column = keyof typeof COLUMNS

/** A row by column: undefined where the file has no such column, else the text, trimmed but for the description. */
export interface ImportRow {
  line: number
  cells: Partial<Record<Column, string>>
}

const BY_NAME = new Map(Object.entries(COLUMNS).flatMap(([column, names]) => names.map((name) => [name.toLowerCase(), column as Column])))
// Names that would reach into an object's prototype where a row becomes an object: no honest file has them.
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Where each known column is. Order and letter case do not matter, unknown columns are ignored. Throws `csv_header` for
 * a name that is there twice or is forbidden, and when handle or title is missing.
 */
export function readHeader(fields: readonly string[]): Map<Column, number> {
  const places = new Map<Column, number>()
  const seen = new Set<string>()
  for (const [index, field] of fields.entries()) {
    const name = field.trim().toLowerCase()
    if (FORBIDDEN.has(name)) throw wrongHeader(`No column can have the name ${name}.`)
    // Spreadsheets leave unnamed columns behind.
    if (name === '') continue
    const column = BY_NAME.get(name)
    if (seen.has(column ?? name)) throw wrongHeader(`The column ${field.trim()} is there twice.`)
    seen.add(column ?? name)
    if (column) places.set(column, index)
  }
  const missing = (['handle', 'title'] as const).filter((column) => !places.has(column))
  if (missing.length > 0) {
    throw wrongHeader(
      `The first line names the columns, separated by commas. Missing: ${missing.map((column) => COLUMNS[column][0]).join(', ')}.`,
    )
  }
  return places
}

export function toRow(record: { line: number; fields: string[] }, places: Map<Column, number>): ImportRow {
  const cells: ImportRow['cells'] = {}
  for (const [column, index] of places) {
    const text = record.fields[index] ?? ''
    cells[column] = column === 'bodyHtml' ? text : text.trim()
  }
  return { line: record.line, cells }
}

function wrongHeader(detail: string): Refusal {
  return new Refusal('csv_header', { detail, extra: { line: 1 } })
}
