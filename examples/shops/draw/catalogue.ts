import { coffeeShapes } from './coffee.ts'
import { isColour, named, paintOf } from './colours.ts'
import { dogShapes } from './dogs.ts'
import { sharedShapes } from './goods.ts'
import type { Shape } from './marks.ts'
import { paperShapes } from './paper.ts'
import { handleOf, type Product, type Shop, type Variant, variantsOf } from './product.ts'
import { type Focus, picture, type View } from './scene.ts'

/** The host that stands in for a shop's own media address, which is known only once it runs. */
export const MEDIA = 'https://demo-media.invalid'

const shapes: Record<string, Shape> = { ...sharedShapes, ...coffeeShapes, ...dogShapes, ...paperShapes }

/** The columns of a Shopify product export, with those that not every export has: Image Position, Variant Tax Code and Status. */
const COLUMNS = [
  ...['Handle', 'Title', 'Body (HTML)', 'Vendor', 'Type', 'Tags', 'Published'],
  ...['Option1 Name', 'Option1 Value', 'Option2 Name', 'Option2 Value', 'Option3 Name', 'Option3 Value'],
  ...['Variant SKU', 'Variant Grams', 'Variant Inventory Tracker', 'Variant Inventory Qty', 'Variant Inventory Policy'],
  ...['Variant Fulfillment Service', 'Variant Price', 'Variant Compare At Price', 'Variant Requires Shipping', 'Variant Taxable'],
  ...['Variant Barcode', 'Image Src', 'Image Position', 'Image Alt Text', 'Gift Card', 'SEO Title', 'SEO Description'],
  ...['Google Product Category', 'Gender', 'Age Group', 'MPN', 'AdWords Grouping', 'AdWords Labels', 'Condition', 'Custom Product'].map(
    google,
  ),
  ...[0, 1, 2, 3, 4].map((label) => google(`Custom Label ${label}`)),
  ...['Variant Image', 'Variant Weight Unit', 'Variant Tax Code', 'Status'],
]

type Row = Record<string, string>
type Image = { file: string; alt: string; svg: string; value: string }

/** A shop's catalogue as CSV, and its pictures by file name. */
export function catalogueOf(shop: Shop): { csv: string; images: Map<string, string> } {
  const images = new Map<string, string>()
  const rows = shop.products.flatMap((product) => {
    const pictures = imagesOf(shop, product)
    for (const image of pictures) {
      if (images.has(image.file)) throw new Error(`two pictures are called ${image.file}`)
      images.set(image.file, image.svg)
    }
    return rowsOf(shop, product, pictures)
  })
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column] ?? ''))]
  return { csv: `${lines.map((line) => line.map(quoted).join(',')).join('\n')}\n`, images }
}

/** The first row carries the product, its first variant and first picture; the rows below add one variant, one picture or both. */
function rowsOf(shop: Shop, product: Product, pictures: Image[]): Row[] {
  const handle = handleOf(product.title)
  const variants = variantsOf(shop, product)
  const options = Object.keys(product.options ?? {})
  const rows: Row[] = []
  for (let index = 0; index < Math.max(variants.length, pictures.length); index += 1) {
    const variant = variants[index]
    const image = pictures[index]
    const row: Row = { Handle: handle }
    if (index === 0) Object.assign(row, productCells(shop, product, options))
    if (variant !== undefined) Object.assign(row, variantCells(shop, product, variant, pictures))
    if (image !== undefined)
      Object.assign(row, { 'Image Src': address(shop, image.file), 'Image Position': String(index + 1), 'Image Alt Text': image.alt })
    rows.push(row)
  }
  return rows
}

function productCells(shop: Shop, product: Product, options: string[]): Row {
  return {
    Title: product.title,
    'Body (HTML)': product.body.trim(),
    Vendor: product.vendor ?? shop.vendor,
    Type: product.type,
    Tags: product.tags,
    Published: String(product.state === undefined),
    'Option1 Name': options[0] ?? 'Title',
    'Option2 Name': options[1] ?? '',
    'Option3 Name': options[2] ?? '',
    'Gift Card': 'false',
    [google('Condition')]: product.intangible === true ? '' : 'new',
    Status: product.state === 'draft' ? 'draft' : 'active',
  }
}

function variantCells(shop: Shop, product: Product, variant: Variant, pictures: Image[]): Row {
  const own = pictures.find((image) => variant.values.includes(image.value))
  return {
    'Option1 Value': variant.values[0] ?? 'Default Title',
    'Option2 Value': variant.values[1] ?? '',
    'Option3 Value': variant.values[2] ?? '',
    'Variant SKU': variant.sku,
    'Variant Grams': String(variant.grams),
    'Variant Inventory Tracker': 'shopify',
    'Variant Inventory Qty': String(variant.quantity),
    'Variant Inventory Policy': product.backorder === true ? 'continue' : 'deny',
    'Variant Fulfillment Service': 'manual',
    'Variant Price': decimal(variant.price, shop.digits),
    'Variant Compare At Price': variant.compareAt === undefined ? '' : decimal(variant.compareAt, shop.digits),
    'Variant Requires Shipping': String(product.intangible !== true),
    'Variant Taxable': 'true',
    'Variant Barcode': product.intangible === true ? '' : variant.barcode,
    'Variant Image': own === undefined ? '' : address(shop, own.file),
    'Variant Weight Unit': shop.weightUnit,
    'Variant Tax Code': product.taxCode ?? shop.taxCodes?.[product.type] ?? '',
  }
}

/** One front view, or one for each value of the pictured option; then the product's other views. */
function imagesOf(shop: Shop, product: Product): Image[] {
  const handle = handleOf(product.title)
  const values = product.pictured === undefined ? [''] : (product.options?.[product.pictured] ?? [])
  const sizes = values.map((_, index) => (values.length < 2 ? 1 : 0.84 + (0.26 * index) / (values.length - 1)))
  const fronts = values.map((value, index): Image => {
    const alt = value === '' ? product.title : `${product.title}, ${value}`
    const size = value === '' || isColour(value) ? 1 : sizes[index]!
    return {
      file: value === '' ? `${handle}.svg` : `${handle}-${handleOf(value)}.svg`,
      alt,
      svg: drawn(shop, product, { view: 'front', value, size, alt }),
      value,
    }
  })
  const others = product.views.map((view): Image => {
    const alt = `${product.title}, ${SEEN[view]}`
    return { file: `${handle}-${view}.svg`, alt, svg: drawn(shop, product, { view, value: values[0]!, size: 1, alt }), value: 'none' }
  })
  return [...fronts, ...others]
}

const SEEN: Record<View, string> = {
  front: 'front',
  beside: 'with something to go with it',
  close: 'close up',
  pair: 'two of them',
  many: 'nine of them',
  night: 'by evening light',
}

function drawn(shop: Shop, product: Product, how: { view: View; value: string; size: number; alt: string }): string {
  const shape = shapes[product.shape]
  const beside = shapes[shop.beside]
  if (shape === undefined || beside === undefined) throw new Error(`no shape is called ${product.shape}`)
  const main = named(isColour(how.value) ? how.value : product.colour)
  const paint = paintOf(main, named(product.trim), { motif: product.motif ?? '', label: product.label ?? '' })
  return picture({
    shape,
    beside,
    paint,
    view: how.view,
    focus: focusOf(product.shape),
    backdrop: shop.backdrop,
    size: how.size,
    title: how.alt,
  })
}

/** Where a close look goes: to the feet of a dog in boots, to a dog as far as its nose, to the middle of anything else. */
function focusOf(shape: string): Focus {
  if (shape === 'dog-boots' || shape === 'dog-socks') return { x: 390, y: 500, scale: 1.8 }
  if (shape.startsWith('dog-')) return { x: 420, y: 390, scale: 1.42 }
  return { x: 400, y: 420, scale: 1.9 }
}

const address = (shop: Shop, file: string): string => `${MEDIA}/${shop.slug}/${file}`

function google(column: string): string {
  return `Google Shopping / ${column}`
}

function decimal(minor: number, digits: 0 | 2): string {
  return digits === 0 ? String(minor) : `${Math.trunc(minor / 100)}.${String(minor % 100).padStart(2, '0')}`
}

function quoted(cell: string): string {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
