import { AMOUNT_MAX } from '../money.ts'
import { type FieldProblem, Refusal, type RefusalCode } from '../refusal.ts'
import { nameFault, proseFault, TEXT_FAULTS } from '../text.ts'
import { makeHandle, normalHandle } from './handle.ts'
import {
  ALT_GRAPHEMES_MAX,
  BODY_BYTES_MAX,
  GRAMS_MAX,
  IMAGES_MAX,
  NAME_GRAPHEMES_MAX,
  OPTIONS_MAX,
  QUANTITY_MAX,
  TAGS_MAX,
  TITLE_GRAPHEMES_MAX,
  URL_BYTES_MAX,
  VARIANTS_MAX,
} from './limits.ts'
import type { ProductStatus } from './tables.ts'

export interface ImageInput {
  /** Absolute, http or https; or a path on the merchant's own host. */
  url: string
  alt?: string | undefined
}

export interface VariantInput {
  /** One value for each option of the product, in their order. */
  optionValues?: string[] | undefined
  /** Minor units of the merchant's currency. */
  price: bigint
  compareAtPrice?: bigint | null | undefined
  sku?: string | undefined
  barcode?: string | undefined
  grams?: number | undefined
  requiresShipping?: boolean | undefined
  taxable?: boolean | undefined
  /** A code of the merchant's own; null: the standard one. */
  taxCategory?: string | null | undefined
  /** Below this no discount takes a piece. */
  minimumPrice?: bigint | null | undefined
  imageUrl?: string | null | undefined
  /** Whether stock is counted. A variant that is not tracked can always be bought. */
  tracked?: boolean | undefined
  backorder?: boolean | undefined
  /** Opening stock of a tracked variant. */
  quantity?: number | undefined
}

export interface ProductInput {
  title: string
  /** Made from the title if absent. */
  handle?: string | undefined
  bodyHtml?: string | undefined
  vendor?: string | undefined
  productType?: string | undefined
  tags?: string[] | undefined
  /** None: the product has one variant without option values. */
  optionNames?: string[] | undefined
  status?: ProductStatus | undefined
  published?: boolean | undefined
  images?: ImageInput[] | undefined
  variants: VariantInput[]
}

type Checked<Input> = { [Key in keyof Input]-?: Exclude<Input[Key], undefined> }

export type CheckedImage = Checked<ImageInput>
export type CheckedVariant = Checked<VariantInput>
export type CheckedProduct = Omit<Checked<ProductInput>, 'images' | 'variants'> & { images: CheckedImage[]; variants: CheckedVariant[] }

/** Faults that are refusals of their own; any other makes it `invalid_product`. */
const REFUSALS = new Set<string>(['invalid_text', 'text_too_long', 'amount_out_of_range', 'quantity_out_of_range'] satisfies RefusalCode[])

const TAX_CATEGORY = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** Throws when there are faults: the first one gives the code, all are named. */
export function refuseFaults(faults: readonly FieldProblem[]): void {
  const [first] = faults
  if (!first) return
  const code = REFUSALS.has(first.code) ? (first.code as RefusalCode) : 'invalid_product'
  throw new Refusal(code, { errors: [...faults], ...(first.detail !== undefined && { detail: first.detail }) })
}

/**
 * A product in the form it is kept in, names normalised and defaults filled in, with everything that is wrong with it.
 * The pointers are those of the API's body.
 */
export function checkProduct(input: ProductInput): { product: CheckedProduct; faults: FieldProblem[] } {
  const faults: FieldProblem[] = []
  const optionNames = checkNames(faults, '/options', input.optionNames ?? [], OPTIONS_MAX)
  const title = checkName(faults, '/title', input.title, TITLE_GRAPHEMES_MAX)
  if (title.trim() === '') faults.push({ pointer: '/title', code: 'required', detail: 'A product has a title.' })
  const product: CheckedProduct = {
    title,
    handle: input.handle === undefined ? makeHandle(title) : checkHandle(faults, '/handle', input.handle),
    bodyHtml: checkProse(faults, '/description_html', input.bodyHtml ?? '', BODY_BYTES_MAX),
    vendor: checkName(faults, '/vendor', input.vendor ?? ''),
    productType: checkName(faults, '/product_type', input.productType ?? ''),
    tags: checkNames(faults, '/tags', input.tags ?? [], TAGS_MAX),
    optionNames,
    status: input.status ?? 'active',
    published: input.published ?? true,
    images: checkImages(faults, '/images', input.images ?? []),
    variants: input.variants.map((variant, index) => checkVariant(faults, `/variants/${index}`, variant, optionNames)),
  }
  checkCombinations(faults, product.variants)
  return { product, faults }
}

/** A variant in the form it is kept in; what is wrong with it is added to `faults`. */
export function checkVariant(faults: FieldProblem[], pointer: string, input: VariantInput, optionNames: readonly string[]): CheckedVariant {
  const given = input.optionValues ?? []
  const optionValues = given.map((value, index) => checkName(faults, `${pointer}/options/${index}`, value))
  if (given.length !== optionNames.length || optionValues.some((value) => value === '')) {
    faults.push({
      pointer: `${pointer}/options`,
      code: 'options_mismatch',
      detail: 'A variant has one value for each option of its product.',
    })
  }
  const { quantity = 0, grams = 0, compareAtPrice = null, minimumPrice = null, taxCategory = null, imageUrl = null } = input
  checkAmount(faults, `${pointer}/price`, input.price)
  if (compareAtPrice !== null) checkAmount(faults, `${pointer}/compare_at_price`, compareAtPrice)
  if (minimumPrice !== null) checkAmount(faults, `${pointer}/minimum_price`, minimumPrice)
  if (taxCategory !== null && !TAX_CATEGORY.test(taxCategory))
    faults.push({ pointer: `${pointer}/tax_category`, code: 'invalid_tax_category', detail: 'A tax category is a code such as "books".' })
  if (imageUrl !== null) checkUrl(faults, `${pointer}/image_url`, imageUrl)
  checkWhole(faults, `${pointer}/quantity`, quantity, QUANTITY_MAX)
  checkWhole(faults, `${pointer}/grams`, grams, GRAMS_MAX)
  return {
    optionValues,
    price: input.price,
    compareAtPrice,
    sku: checkName(faults, `${pointer}/sku`, input.sku ?? ''),
    barcode: checkName(faults, `${pointer}/barcode`, input.barcode ?? ''),
    grams,
    requiresShipping: input.requiresShipping ?? true,
    taxable: input.taxable ?? true,
    taxCategory,
    minimumPrice,
    imageUrl,
    tracked: input.tracked ?? false,
    backorder: input.backorder ?? false,
    quantity,
  }
}

/** What a buyer reads for the choice of options: 'Red / XL'. Empty for a product without options. */
export function variantTitle(optionValues: readonly string[]): string {
  return optionValues.join(' / ')
}

export function checkName(faults: FieldProblem[], pointer: string, text: string, graphemesMax = NAME_GRAPHEMES_MAX): string {
  const fault = nameFault(text, graphemesMax)
  if (fault) faults.push({ pointer, code: fault, detail: TEXT_FAULTS[fault] })
  return text.normalize('NFC')
}

export function checkNames(faults: FieldProblem[], pointer: string, names: readonly string[], countMax: number): string[] {
  const checked = names.map((name, index) => checkName(faults, `${pointer}/${index}`, name))
  if (checked.length > countMax) faults.push({ pointer, code: 'too_many', detail: `There may be ${countMax}.` })
  if (checked.some((name) => name === '') || new Set(checked).size < checked.length) {
    faults.push({ pointer, code: 'duplicate', detail: 'None may be empty or be there twice.' })
  }
  return checked
}

export function checkProse(faults: FieldProblem[], pointer: string, text: string, bytesMax: number): string {
  const fault = proseFault(text, bytesMax)
  if (fault) faults.push({ pointer, code: fault, detail: TEXT_FAULTS[fault] })
  return text
}

export function checkHandle(faults: FieldProblem[], pointer: string, text: string): string {
  const handle = normalHandle(text)
  if (handle === undefined)
    faults.push({ pointer, code: 'invalid_handle', detail: 'A handle has letters, digits, hyphens and underscores.' })
  return handle ?? ''
}

export function checkImages(faults: FieldProblem[], pointer: string, images: readonly ImageInput[]): CheckedImage[] {
  if (images.length > IMAGES_MAX) faults.push({ pointer, code: 'too_many', detail: `A product has at most ${IMAGES_MAX} images.` })
  return images.map(({ url, alt = '' }, index) => {
    checkUrl(faults, `${pointer}/${index}/url`, url)
    return { url, alt: checkName(faults, `${pointer}/${index}/alt`, alt, ALT_GRAPHEMES_MAX) }
  })
}

function checkUrl(faults: FieldProblem[], pointer: string, url: string): void {
  const ours = /^\/(?![/\\])/.test(url)
  const parsed = ours ? URL.parse(url, 'http://shop.invalid') : URL.parse(url)
  const fine = parsed !== null && /^https?:$/.test(parsed.protocol) && !/[\s\p{Cc}]/v.test(url)
  if (!fine || Buffer.byteLength(url) > URL_BYTES_MAX || !url.isWellFormed()) {
    faults.push({ pointer, code: 'invalid_url', detail: 'An image has an address that begins with https://, http:// or /.' })
  }
}

function checkAmount(faults: FieldProblem[], pointer: string, amount: bigint): void {
  if (amount < 0n || amount > AMOUNT_MAX)
    faults.push({ pointer, code: 'amount_out_of_range', detail: `An amount is from 0 to ${AMOUNT_MAX}.` })
}

function checkWhole(faults: FieldProblem[], pointer: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    faults.push({ pointer, code: 'quantity_out_of_range', detail: `A whole number from 0 to ${max}.` })
  }
}

function checkCombinations(faults: FieldProblem[], variants: readonly CheckedVariant[]): void {
  if (variants.length === 0) faults.push({ pointer: '/variants', code: 'required', detail: 'A product has at least one variant.' })
  if (variants.length > VARIANTS_MAX)
    faults.push({ pointer: '/variants', code: 'too_many', detail: `A product has at most ${VARIANTS_MAX} variants.` })
  const seen = new Set<string>()
  for (const [index, { optionValues }] of variants.entries()) {
    const key = JSON.stringify(optionValues)
    if (seen.has(key))
      faults.push({ pointer: `/variants/${index}/options`, code: 'duplicate', detail: 'Two variants have the same options.' })
    seen.add(key)
  }
}
