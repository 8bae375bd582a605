import type { DiscountInputV2 } from '@souk/plugins-sdk/contracts/discount-v2.ts'
import type { RatesInputV1 } from '@souk/plugins-sdk/contracts/fulfillment.ts'
import type { TaxInputV1 } from '@souk/plugins-sdk/contracts/tax.ts'
import { currencyDigits } from '../money.ts'
import type { PricedCart, PricedLine } from '../pricing/priced-cart.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'

// All that a contract can tell, in its own spelling. What a plugin gets of it, its manifest decides: the port leaves out the rest.

// The contracts' own limits: what is longer is cut, so that no merchant's data keeps its plugins from being asked.
const WORDS_MAX = 250
const WORD_CHARACTERS_MAX = 255
const CODES_MAX = 50
const CODE_CHARACTERS_MAX = 100
const ADJUSTMENTS_MAX = 50
const PLACE_CHARACTERS_MAX = { region: 100, postcode: 20, city: 200 } as const

type Goods = Omit<PricingInput['gifts'][number], 'available'>

export function discountInput(input: PricingInput, draft: PricedCart): DiscountInputV2 {
  const names = new Map(draft.adjustments.map((adjustment) => [adjustment, adjustment.reason]))
  return {
    ...callFields(input),
    lines: linesOf(input, draft).map(({ line, goods }) => ({
      ...lineFields(line, goods),
      compare_at_price: goods.compareAtPrice === null ? null : Number(goods.compareAtPrice),
      adjustments: [...names]
        .flatMap(([adjustment, name]) => {
          if (adjustment.source !== 'promotion' && adjustment.source !== 'manual') return []
          const share = adjustment.shares.find(({ target }) => 'lineId' in target && target.lineId === line.id)
          return share && share.amount < 0n ? [{ name: name.slice(0, 200), amount: Number(-share.amount) }] : []
        })
        .slice(0, ADJUSTMENTS_MAX),
    })),
    subtotal: Number(draft.totals.subtotal),
    shipping: draft.shipping && { method: draft.shipping.method, amount: Number(draft.shipping.amount - draft.shipping.discount) },
    customer: input.customer && {
      groups: words(input.customer.groups),
      orders_count: Number(input.customer.ordersCount),
      total_spent: Number(input.customer.totalSpent),
      first_order: input.firstOrder,
    },
    destination: destination(input),
    codes: input.coupons.slice(0, CODES_MAX).map((coupon) => coupon.code.slice(0, CODE_CHARACTERS_MAX)),
  }
}

export function taxInput(
  input: PricingInput,
  priced: PricedCart,
  policy: { pricesIncludeTax: boolean; sellerCountry: string | null; discountsAfterTax: boolean },
): TaxInputV1 {
  const { customer, shippingAddress } = input
  const shippingDiscount = policy.discountsAfterTax ? 0n : (priced.shipping?.discount ?? 0n)
  return {
    ...callFields(input),
    prices_include_tax: policy.pricesIncludeTax,
    seller_country: policy.sellerCountry,
    lines: linesOf(input, priced).map(({ line, goods }) => ({
      ...lineFields(line, goods),
      amount: Number(line.subtotal - (policy.discountsAfterTax ? 0n : line.discount)),
      taxable: goods.taxable,
      tax_category: goods.taxCategory,
    })),
    shipping: priced.shipping && { method: priced.shipping.method, amount: Number(priced.shipping.amount - shippingDiscount) },
    customer: customer && { groups: words(customer.groups), tax_exempt: customer.taxExempt, vat_id: customer.vatId },
    destination: placeOf(shippingAddress),
  }
}

export function ratesInput(input: PricingInput, draft: PricedCart): RatesInputV1 {
  const lines = linesOf(input, draft)
  const sent = lines.filter(({ goods }) => goods.requiresShipping)
  return {
    ...callFields(input),
    lines: lines.map(({ line, goods }) => ({
      ...lineFields(line, goods),
      amount: Number(line.subtotal - line.discount),
      requires_shipping: goods.requiresShipping,
    })),
    subtotal: Number(lines.reduce((sum, { line }) => sum + line.subtotal - line.discount, 0n)),
    grams: Number(sent.reduce((sum, { line, goods }) => sum + goods.grams * line.quantity, 0n)),
    destination: placeOf(input.shippingAddress),
  }
}

/** Priced lines beside what is known of their goods, in the order of the priced cart. */
function linesOf(input: PricingInput, priced: PricedCart): { line: PricedLine; goods: Goods }[] {
  const byId = new Map<string, Goods>(input.lines.map((line) => [line.id, line]))
  const gifts = new Map<string, Goods>(input.gifts.map((gift) => [gift.variantId, gift]))
  return priced.lines.map((line) => ({ line, goods: (byId.get(line.id) ?? gifts.get(line.variantId))! }))
}

function callFields(input: PricingInput) {
  return { as_of: input.asOf, currency: input.currency, currency_digits: currencyDigits(input.currency), channel: input.channel }
}

function lineFields(line: PricedLine, goods: Goods) {
  return {
    id: line.id,
    sku: goods.sku.slice(0, 255),
    product_id: goods.productId,
    variant_id: goods.variantId,
    quantity: Number(line.quantity),
    unit_price: Number(line.unitPrice),
    subtotal: Number(line.subtotal),
    tags: words(goods.tags),
    collections: words(goods.collections),
    vendor: goods.vendor.slice(0, 255),
    product_type: goods.productType.slice(0, 255),
    grams: Number(goods.grams),
  }
}

function destination({ shippingAddress }: PricingInput) {
  const place = placeOf(shippingAddress)
  return place && { country: place.country, region: place.region, postcode: place.postcode }
}

function placeOf(address: PricingInput['shippingAddress']) {
  if (!address) return null
  const cut = (name: keyof typeof PLACE_CHARACTERS_MAX) => address[name]?.slice(0, PLACE_CHARACTERS_MAX[name]) ?? null
  return { country: address.country, region: cut('region'), postcode: cut('postcode'), city: cut('city') }
}

function words(given: readonly string[]): string[] {
  return given.slice(0, WORDS_MAX).map((word) => word.slice(0, WORD_CHARACTERS_MAX))
}
