import type { Backdrop, View } from './scene.ts'

/** One product as its merchant writes it down. Amounts are minor units, weights grams. */
export type Product = {
  /** The stem of its SKUs, unique in the shop. */
  code: string
  title: string
  type: string
  tags: string
  vendor?: string
  /** HTML, kept as written: lines, quotes and commas included. */
  body: string
  /** At most three options; absent: the one variant that Shopify calls `Default Title`. */
  options?: Record<string, string[]>
  price: number
  /** What an option value adds to the price. */
  plus?: Record<string, number>
  /** How far the compare-at price lies above the price, for the variants that have the value of `savingOn`. */
  saving?: number
  savingOn?: string
  grams: number
  plusGrams?: Record<string, number>
  /** The usual stock of a variant; each differs a little from it. */
  stock: number
  /** Variants with none left, and combinations nobody makes: `Large`, `Large / Pine`. */
  soldOut?: string[]
  without?: string[]
  /** Sold on when there is none left. */
  backorder?: true
  /** A seat or a service: nothing is shipped. */
  intangible?: true
  /** The tax category of its variants, where it is not the one that the shop has for its type. */
  taxCode?: string
  state?: 'draft' | 'unpublished'
  shape: string
  /** Colour names: of the thing, and of its trim. */
  colour: string
  trim: string
  motif?: string
  label?: string
  /** The option that has a picture for each of its values; a colour recolours the thing, any other value resizes it. */
  pictured?: string
  views: View[]
}

export type Shop = {
  slug: string
  /** Begins every SKU. */
  prefix: string
  /** Vendor of products that name none. */
  vendor: string
  digits: 0 | 2
  /** Tax categories by product type; what is not listed is in the standard one. */
  taxCodes?: Record<string, string>
  weightUnit: 'g' | 'kg' | 'lb' | 'oz'
  backdrop: Backdrop
  /** The shape that stands by in a picture of two. */
  beside: string
  products: Product[]
}

export type Variant = {
  values: string[]
  sku: string
  price: number
  compareAt: number | undefined
  grams: number
  quantity: number
  barcode: string
}

export function handleOf(title: string): string {
  return title
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

/** The variants of a product, in the order of its option values. Nothing here is left to chance: a second run gives the same ones. */
export function variantsOf(shop: Shop, product: Product): Variant[] {
  const lists = Object.values(product.options ?? {})
  const combinations = lists.reduce<string[][]>((rows, values) => rows.flatMap((row) => values.map((value) => [...row, value])), [[]])
  return combinations
    .filter((values) => !named(product.without, values))
    .map((values) => {
      const sku = [shop.prefix, product.code, ...values.map(short)].join('-')
      const price = product.price + sum(product.plus, values)
      const reduced = product.saving !== undefined && (product.savingOn === undefined || values.includes(product.savingOn))
      return {
        values,
        sku,
        price,
        compareAt: reduced ? price + product.saving! : undefined,
        grams: product.grams + sum(product.plusGrams, values),
        quantity: named(product.soldOut, values) ? 0 : varied(product.stock, sku),
        barcode: barcode(sku),
      }
    })
}

/** Says whether a variant is meant by one of the patterns: every value of the pattern is a value of the variant. */
function named(patterns: string[] | undefined, values: string[]): boolean {
  return (patterns ?? []).some((pattern) => pattern.split(' / ').every((value) => values.includes(value)))
}

const sum = (additions: Record<string, number> | undefined, values: string[]): number =>
  values.reduce((total, value) => total + (additions?.[value] ?? 0), 0)

/** `250 g` -> 250G, `Whole bean` -> WB, `Extra fine` -> EF, `Indigo` -> IND. */
function short(value: string): string {
  const words = handleOf(value).toUpperCase().split('-')
  if (/\d/.test(value)) return words.map((word) => (/\d/.test(word) ? word : word.slice(0, 2))).join('')
  return words.length > 1 ? words.map((word) => word[0]).join('') : words[0]!.slice(0, 3)
}

/** Half to one and a half times the usual quantity. */
function varied(usual: number, sku: string): number {
  return Math.round(usual * (0.5 + (hash(sku) % 1000) / 1000))
}

/** An EAN-13 from the range 20-29, which no manufacturer can be given. */
function barcode(sku: string): string {
  const digits = `29${String(hash(sku)).padStart(10, '0').slice(-10)}`
  const weighted = [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0)
  return `${digits}${(10 - (weighted % 10)) % 10}`
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  return [...text].reduce((state, letter) => Math.imul(state ^ letter.codePointAt(0)!, 16777619) >>> 0, 2166136261)
}
