import type { CartFacts, LineFacts } from '../rules/fact-values.ts'
import type { GiftVariant, PricingInput, PricingLine } from './pricing-input.ts'
import { type WallTime, wallTime } from './wall-clock.ts'

const DAY_MS = 86_400_000
const WHOLE_PPM = 1_000_000n

/** What the facts about a cart are read from, besides its input. */
export interface FactSources {
  timeZone: string
  lines: readonly LineFacts[]
  /** Price of the chosen shipping method before discounts; null while none is chosen. */
  shippingAmount(): bigint | null
  /** What is left of the goods by now. */
  discountedSubtotal(): bigint
}

/**
 * The facts of the catalogue of a cart. Each is worked out when a rule asks for it: most rules ask for few. Sets are without
 * repetition and in code unit order, so that the order of the input shows nowhere.
 */
export class PricingFacts implements CartFacts {
  private readonly input: PricingInput
  private readonly sources: FactSources
  private readonly known = new Map<string, unknown>()

  constructor(input: PricingInput, sources: FactSources) {
    this.input = input
    this.sources = sources
  }

  get 'cart.subtotal'(): bigint {
    return this.once('cart.subtotal', () => this.sum((line) => line.unitPrice * line.quantity))
  }
  get 'cart.discounted_subtotal'(): bigint {
    return this.sources.discountedSubtotal()
  }
  get 'cart.quantity'(): number {
    return this.once('cart.quantity', () => Number(this.sum((line) => line.quantity)))
  }
  get 'cart.line_count'(): number {
    return this.input.lines.length
  }
  get 'cart.weight'(): number {
    return this.once('cart.weight', () => Number(this.sum((line) => line.grams * line.quantity)))
  }
  get 'cart.skus'(): readonly string[] {
    return this.once('cart.skus', () => this.set((line) => [line.sku]))
  }
  get 'cart.product_ids'(): readonly string[] {
    return this.once('cart.product_ids', () => this.set((line) => [line.productId]))
  }
  get 'cart.variant_ids'(): readonly string[] {
    return this.once('cart.variant_ids', () => this.set((line) => [line.variantId]))
  }
  get 'cart.collections'(): readonly string[] {
    return this.once('cart.collections', () => this.set((line) => line.collections))
  }
  get 'cart.tags'(): readonly string[] {
    return this.once('cart.tags', () => this.set((line) => line.tags))
  }
  get 'cart.vendors'(): readonly string[] {
    return this.once('cart.vendors', () => this.set((line) => [line.vendor]))
  }
  get 'cart.product_types'(): readonly string[] {
    return this.once('cart.product_types', () => this.set((line) => [line.productType]))
  }
  get 'customer.known'(): boolean {
    return this.input.customer !== null
  }
  get 'customer.id'(): string | null {
    return this.input.customer?.id ?? null
  }
  get 'customer.groups'(): readonly string[] {
    return this.once('customer.groups', () => asSet(this.input.customer?.groups ?? []))
  }
  get 'customer.orders_count'(): number | null {
    return this.input.customer === null ? null : Number(this.input.customer.ordersCount)
  }
  get 'customer.total_spent'(): bigint | null {
    return this.input.customer?.totalSpent ?? null
  }
  get 'customer.last_order_days'(): number | null {
    const last = this.input.customer?.lastOrderAt ?? null
    return last === null ? null : Math.max(0, Math.floor((Date.parse(this.input.asOf) - Date.parse(last)) / DAY_MS))
  }
  get 'customer.first_order'(): boolean | null {
    return this.input.firstOrder
  }
  get 'customer.email_domain'(): string | null {
    return this.input.emailDomain
  }
  get channel(): string {
    return this.input.channel
  }
  get currency(): string {
    return this.input.currency
  }
  get 'time.now'(): string {
    return this.input.asOf
  }
  get 'time.date'(): string {
    return this.wall().date
  }
  get 'time.weekday'(): number {
    return this.wall().weekday
  }
  get 'time.hour'(): number {
    return this.wall().hour
  }
  get 'time.minute_of_day'(): number {
    return this.wall().minuteOfDay
  }
  get 'shipping_address.country'(): string | null {
    return this.input.shippingAddress?.country ?? null
  }
  get 'shipping_address.region'(): string | null {
    return this.input.shippingAddress?.region ?? null
  }
  get 'shipping_address.postcode'(): string | null {
    return this.input.shippingAddress?.postcode ?? null
  }
  get 'shipping_address.city'(): string | null {
    return this.input.shippingAddress?.city ?? null
  }
  get 'billing_address.country'(): string | null {
    return this.input.billingCountry
  }
  get 'shipping.method'(): string | null {
    return this.input.shipping?.method ?? null
  }
  get 'shipping.amount'(): bigint | null {
    return this.sources.shippingAmount()
  }
  get 'coupon.codes'(): readonly string[] {
    return this.once('coupon.codes', () =>
      asSet(this.input.coupons.filter(({ state }) => state === 'usable').map(({ code }) => code.toUpperCase())),
    )
  }
  get lines(): readonly LineFacts[] {
    return this.sources.lines
  }

  private sum(of: (line: PricingLine) => bigint): bigint {
    let sum = 0n
    for (const line of this.input.lines) sum += of(line)
    return sum
  }

  private set(of: (line: PricingLine) => readonly string[]): string[] {
    return asSet(this.input.lines.flatMap(of))
  }

  private wall(): WallTime {
    return this.once('wall', () => wallTime(Date.parse(this.input.asOf), this.sources.timeZone))
  }

  /** What many rules ask for is worked out once. */
  private once<Value>(name: string, work: () => Value): Value {
    if (!this.known.has(name)) this.known.set(name, work())
    return this.known.get(name) as Value
  }
}

/** The facts of one line, as conditions on lines ask for them. */
export class PricingLineFacts implements LineFacts {
  readonly 'line.quantity': number
  private readonly goods: PricingLine | GiftVariant
  private readonly quantity: bigint

  constructor(goods: PricingLine | GiftVariant, quantity: bigint) {
    this.goods = goods
    this.quantity = quantity
    this['line.quantity'] = Number(quantity)
  }

  get 'line.unit_price'(): bigint {
    return this.goods.unitPrice
  }
  get 'line.subtotal'(): bigint {
    return this.goods.unitPrice * this.quantity
  }
  get 'line.weight'(): number {
    return Number(this.goods.grams * this.quantity)
  }
  get 'line.sku'(): string | null {
    return this.goods.sku || null
  }
  get 'line.product_id'(): string {
    return this.goods.productId
  }
  get 'line.variant_id'(): string {
    return this.goods.variantId
  }
  get 'line.tags'(): readonly string[] {
    return this.goods.tags
  }
  get 'line.collections'(): readonly string[] {
    return this.goods.collections
  }
  get 'line.vendor'(): string | null {
    return this.goods.vendor || null
  }
  get 'line.product_type'(): string | null {
    return this.goods.productType || null
  }
  get 'line.on_sale'(): boolean {
    return isOnSale(this.goods)
  }
  get 'line.sale_percent'(): number | null {
    const { compareAtPrice, unitPrice } = this.goods
    return compareAtPrice !== null && isOnSale(this.goods) ? Number(((compareAtPrice - unitPrice) * WHOLE_PPM) / compareAtPrice) : null
  }
  get 'line.taxable'(): boolean {
    return this.goods.taxable
  }
  get 'line.tax_category'(): string | null {
    return this.goods.taxCategory
  }
  get 'line.requires_shipping'(): boolean {
    return this.goods.requiresShipping
  }
}

export function isOnSale({ unitPrice, compareAtPrice }: { unitPrice: bigint; compareAtPrice: bigint | null }): boolean {
  return compareAtPrice !== null && compareAtPrice > unitPrice
}

function asSet(texts: readonly string[]): string[] {
  return [...new Set(texts.filter((text) => text !== ''))].sort()
}
