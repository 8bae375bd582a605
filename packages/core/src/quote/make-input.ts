import { NO_PLUGINS, type PricingInput } from '../pricing/pricing-input.ts'
import { toCoupons, toUsage } from '../promotions/coupon-lookup.ts'
import { type BuyerRow, isFirstOrder, toCustomer, toVatId } from './buyer.ts'
import { type GiftRow, type GoodsRow, toGifts, toGoods } from './goods.ts'
import type { MerchantPricing } from './pricing-in-force.ts'

/** What a reduction by staff is called among the adjustments. */
export const STAFF_DISCOUNT = 'staff'

interface Place {
  country: string
  region?: string | undefined
  postcode?: string | undefined
  city?: string | undefined
}

/** Everything that was read to price a cart, or what somebody calls one. */
export interface QuoteSources {
  now: Date
  /** Names the cart where nobody is known who buys. */
  cartId: string
  currency: string
  channel: string
  email: string | null
  shippingAddress: Place | null
  billingAddress: Place | null
  /** The chosen way of sending; null: the first that can be had. */
  shippingMethod: string | null
  couponCodes: readonly string[]
  vatId: string | null
  vatIdsAccepted: 'checked' | 'well_formed'
  lines: readonly { id: string; quantity: bigint; goods: GoodsRow }[]
  buyer: BuyerRow
  /** What staff take off a draft, in minor units. */
  staffDiscount?: { amount: number; reason: string } | null | undefined
  /** Answers of the queries for what the pricing needs; empty where it needs none. */
  gifts: readonly GiftRow[]
  coupons: readonly unknown[]
  usage: readonly unknown[]
}

/** What `priceCart` is given, before plugins have said anything. */
export function makePricingInput(sources: QuoteSources, pricing: Pick<MerchantPricing, 'rules'>): PricingInput {
  const { now, buyer, email } = sources
  const { version, document } = pricing.rules
  const stickyKey = buyer.customer_id ?? sources.cartId
  const lines = sources.lines.map(({ id, quantity, goods }) => ({ id, quantity, ...toGoods(goods) }))
  const knownBy = { customerId: buyer.customer_id, email, now }
  return {
    version: 2,
    pricingVersion: version,
    currency: sources.currency,
    asOf: now.toISOString(),
    channel: sources.channel,
    stickyKey,
    lines,
    gifts: toGifts(sources.gifts, lines),
    customer: toCustomer(buyer),
    vatId: toVatId(sources.vatId, buyer, sources.vatIdsAccepted),
    firstOrder: isFirstOrder(buyer),
    emailDomain: email?.slice(email.lastIndexOf('@') + 1) ?? null,
    shippingAddress: sources.shippingAddress && toPlace(sources.shippingAddress),
    billingCountry: sources.billingAddress?.country ?? null,
    coupons: toCoupons(sources.coupons, sources.couponCodes, knownBy),
    usage: toUsage(sources.usage, document.promotions, stickyKey),
    shipping: sources.shippingMethod === null ? null : { method: sources.shippingMethod },
    manual: manualOf(sources.staffDiscount),
    plugins: NO_PLUGINS,
  }
}

function manualOf(discount: QuoteSources['staffDiscount']): PricingInput['manual'] {
  return discount ? [{ target: 'order', amount: BigInt(discount.amount), reason: discount.reason, code: STAFF_DISCOUNT }] : []
}

function toPlace({ country, region, postcode, city }: Place): NonNullable<PricingInput['shippingAddress']> {
  return { country, region: region ?? null, postcode: postcode ?? null, city: city ?? null }
}
