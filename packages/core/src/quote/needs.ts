import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { couponQueries, type Known } from '../promotions/coupon-lookup.ts'
import { type GiftRow, giftsQuery } from './goods.ts'
import type { MerchantPricing } from './pricing-in-force.ts'

/** What a quote has to read beside the cart, because the promotions in force ask for it. */
export interface Needed {
  gifts: readonly GiftRow[]
  coupons: readonly unknown[]
  usage: readonly unknown[]
}

/** Who buys and with which codes; or subqueries that find it, so that the statements can travel with those that read the cart. */
export interface NeedsOf {
  codes: Known<readonly string[]>
  customerKey: Known<string | null>
}

/** The statements for what a pricing needs; none, when no promotion has a gift, a limit or a code. `readNeeded` takes the answers. */
export function neededQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, pricing: MerchantPricing, asked: () => NeedsOf): Query[] {
  return [
    ...(pricing.giftIds.length > 0 ? [giftsQuery(tx, pricing.giftIds)] : []),
    ...(pricing.countsUses ? couponQueries(tx, asked()) : []),
  ]
}

export function readNeeded(pricing: MerchantPricing, answers: readonly (readonly unknown[])[]): Needed {
  const [gifts, coupons, usage] = pricing.giftIds.length > 0 ? answers : [[], ...answers]
  return { gifts: (gifts ?? []) as GiftRow[], coupons: coupons ?? [], usage: usage ?? [] }
}

/** The same in a flight of its own, and with the codes looked up even where no promotion takes any: so that each says why not. */
export async function loadNeeded(
  tx: Tx,
  pricing: MerchantPricing,
  asked: { codes: readonly string[]; customerKey: string | null },
): Promise<Needed> {
  const needing = asked.codes.length > 0 ? { ...pricing, countsUses: true } : pricing
  return readNeeded(needing, await Promise.all(neededQueries(tx, needing, () => asked)))
}
