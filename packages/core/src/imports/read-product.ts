import { type CheckedProduct, checkProduct, type ImageInput, type ProductInput, type VariantInput } from '../catalog/check-product.ts'
import type { Column, ImportRow } from './columns.ts'
import { PRODUCT_ROWS_MAX, type RowGroup } from './group-rows.ts'
import { Problems } from './problem.ts'
import { amountOf, booleanOf, gramsOf, policyOf, publishedOf, quantityOf, statusOf, tagsOf, taxCategoryOf } from './read-cell.ts'

/** A variant as the file gives it: what is undefined has no column, or for the price no figure, and stays as it is. */
export interface GivenVariant extends Omit<VariantInput, 'price'> {
  line: number
  optionValues: string[]
  price: bigint | undefined
}

/** A product as the file gives it, beside the form it would be kept in. */
export interface ImportedProduct {
  handle: string
  line: number
  given: Omit<ProductInput, 'variants' | 'images'>
  /** Undefined when the file names none. */
  images: CheckedProduct['images'] | undefined
  variants: GivenVariant[]
  checked: CheckedProduct
  problems: Problems
}

const OPTION_COLUMNS = [
  ['option1Name', 'option1Value'],
  ['option2Name', 'option2Value'],
  ['option3Name', 'option3Value'],
] as const

/**
 * Reads one product from its rows by Shopify's rules: the first row with a title has the product's fields; a row with an
 * option value, a price or a SKU is a variant; any row may bring an image. What is wrong is in `problems`.
 */
export function readProduct({ handle, rows, rowCount }: RowGroup, currencyDigits: number): ImportedProduct {
  const problems = new Problems(handle)
  const first = rows.find((row) => row.cells.title) ?? rows[0]!
  if (handle === '')
    problems.error(first.line, 'handle', 'handle_missing', 'The row names no product: it has neither a handle nor a title.')
  else if (!first.cells.title) problems.error(first.line, 'title', 'title_missing', 'No row of this product has a title.')
  if (rowCount > PRODUCT_ROWS_MAX) problems.error(first.line, '', 'too_many_rows', `A product has at most ${PRODUCT_ROWS_MAX} rows.`)

  const optionNames = readOptionNames(first, rows)
  const variants = readVariants(first, rows, optionNames, currencyDigits, problems)
  const images = readImages(rows)
  const { cells } = first
  const given: ImportedProduct['given'] = {
    handle: handle === '' ? undefined : handle,
    title: cells.title ?? '',
    bodyHtml: cells.bodyHtml,
    vendor: cells.vendor,
    productType: cells.productType,
    tags: tagsOf(cells.tags),
    optionNames,
    status: statusOf(first, problems),
    published: publishedOf(first, problems),
  }
  const complete = { ...given, images, variants: variants.map((variant) => ({ ...variant, price: variant.price ?? 0n })) }
  const { product: checked, faults } = checkProduct(complete)
  for (const { pointer, code, detail } of faults) {
    // Missing titles and option values have been named already.
    if (code !== 'required' && code !== 'options_mismatch') problems.error(...placeOf(pointer, first, variants, rows), code, detail ?? code)
  }
  return { handle, line: first.line, given, images: images.length > 0 ? checked.images : undefined, variants, checked, problems }
}

/** Shopify writes a product without options as one option Title with the value Default Title. */
function readOptionNames(first: ImportRow, rows: readonly ImportRow[]): string[] {
  const names = OPTION_COLUMNS.map(([name]) => first.cells[name] || rows.find((row) => row.cells[name])?.cells[name] || '')
  const values = rows.map((row) => row.cells.option1Value ?? '').filter((value) => value !== '')
  const optionless = names.slice(1).every((name) => name === '') && values.every((value) => value.toLowerCase() === 'default title')
  if (optionless && ['', 'title'].includes(names[0]!.toLowerCase())) return []
  if (names[0] === '') names[0] = 'Title'
  while (names.at(-1) === '') names.pop()
  return names
}

function isVariant({ cells }: ImportRow): boolean {
  return OPTION_COLUMNS.some(([, value]) => cells[value]) || Boolean(cells.price || cells.sku)
}

function readVariants(
  first: ImportRow,
  rows: readonly ImportRow[],
  optionNames: readonly string[],
  digits: number,
  problems: Problems,
): GivenVariant[] {
  const seen = new Set<string>()
  const variants: GivenVariant[] = []
  const variantRows = rows.filter(isVariant)
  for (const row of variantRows.length > 0 ? variantRows : [first]) {
    const optionValues = optionNames.map((_, index) => row.cells[OPTION_COLUMNS[index]![1]] ?? '')
    const key = JSON.stringify(optionValues.map((value) => value.normalize('NFC')))
    if (seen.has(key)) {
      const options = optionValues.length > 0 ? `the options ${optionValues.join(' / ')}` : 'no options'
      problems.warning(
        row.line,
        'option1Value',
        'duplicate_variant',
        `The product has a variant with ${options} already: this row is left out.`,
      )
      continue
    }
    seen.add(key)
    variants.push(readVariant(row, optionValues, optionNames, digits, problems))
  }
  return variants
}

function readVariant(
  row: ImportRow,
  optionValues: string[],
  optionNames: readonly string[],
  digits: number,
  problems: Problems,
): GivenVariant {
  const { cells, line } = row
  for (const [index, [, column]] of OPTION_COLUMNS.entries()) {
    if (index < optionNames.length && !optionValues[index]) {
      problems.error(line, column, 'option_value_missing', `The variant has no value for the option ${optionNames[index]}.`)
    } else if (index >= optionNames.length && optionNames.length > 0 && cells[column]) {
      problems.error(line, column, 'option_name_missing', `The product has no option ${index + 1} that this could be the value of.`)
    }
  }
  const tracked = cells.tracker === undefined ? undefined : cells.tracker !== ''
  return {
    line,
    optionValues,
    price: amountOf(row, 'price', digits, problems),
    compareAtPrice: cells.compareAtPrice === undefined ? undefined : (amountOf(row, 'compareAtPrice', digits, problems) ?? null),
    sku: cells.sku,
    barcode: cells.barcode,
    grams: gramsOf(row, problems),
    requiresShipping: booleanOf(row, 'requiresShipping', problems),
    taxable: booleanOf(row, 'taxable', problems),
    taxCategory: taxCategoryOf(row, problems),
    imageUrl: cells.variantImage === undefined ? undefined : addressOf(cells.variantImage) || null,
    tracked,
    backorder: policyOf(row, problems),
    quantity: quantityOf(row, tracked === true, problems),
  }
}

/** By position where the file has one; the same image twice counts once. */
function readImages(rows: readonly ImportRow[]): ImageInput[] {
  const images = new Map<string, { url: string; alt: string; position: number }>()
  for (const { cells } of rows) {
    const url = addressOf(cells.imageUrl ?? '')
    if (url === '' || images.has(url)) continue
    const position = /^\d{1,6}$/.test(cells.imagePosition ?? '') ? Number(cells.imagePosition) : images.size + 1
    images.set(url, { url, alt: cells.imageAlt ?? '', position })
  }
  return [...images.values()].sort((a, b) => a.position - b.position).map(({ url, alt }) => ({ url, alt }))
}

/** Old exports leave the protocol out. */
function addressOf(url: string): string {
  return url.startsWith('//') ? `https:${url}` : url
}

const PRODUCT_COLUMNS: Record<string, Column> = {
  title: 'title',
  handle: 'handle',
  description_html: 'bodyHtml',
  vendor: 'vendor',
  product_type: 'productType',
  tags: 'tags',
  options: 'option1Name',
}
const VARIANT_COLUMNS: Record<string, Column> = {
  price: 'price',
  compare_at_price: 'compareAtPrice',
  sku: 'sku',
  barcode: 'barcode',
  grams: 'grams',
  quantity: 'quantity',
  image_url: 'variantImage',
  options: 'option1Value',
}

/** Where in the file a fault of the product lies: '/variants/2/price' is the price of the row that gave the third variant. */
function placeOf(pointer: string, first: ImportRow, variants: readonly GivenVariant[], rows: readonly ImportRow[]): [number, Column | ''] {
  const [, field = '', index = '', part = ''] = pointer.split('/')
  if (field === 'variants') return [variants[Number(index)]?.line ?? first.line, VARIANT_COLUMNS[part] ?? '']
  if (field === 'images') return [rows.find((row) => row.cells.imageUrl)?.line ?? first.line, part === 'alt' ? 'imageAlt' : 'imageUrl']
  return [first.line, PRODUCT_COLUMNS[field] ?? '']
}
