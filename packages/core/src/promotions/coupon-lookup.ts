import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import { rolloutBucket } from '../pricing/rollout.ts'
import { emailKey } from './customer-key.ts'

/** A value, or a subquery that finds it, so that the lookup can travel in one flight with whatever else reads a cart. */
export type Known<Value> = Value | Query

interface CouponRow {
  code: string
  promotion_id: string
  promotion_state: 'draft' | 'live' | 'off'
  customer_id: string | null
  customer_email: string | null
  uses_max: bigint | null
  uses_per_customer: bigint | null
  starts_at: Date | null
  expires_at: Date | null
  disabled_at: Date | null
  used: bigint | null
  used_by_customer: bigint | null
}

interface UsageRow {
  promotion_id: string
  customer_key: string
  used: bigint
  spent: bigint
}

type CouponState = PricingInput['coupons'][number]['state']

/**
 * The two statements that find what codes stand for, and what is used of the limits of the promotions in force. `codes` are in
 * the form of couponKey, `customerKey` in that of customer-key.ts; null where nobody is known. `toCoupons` and `toUsage` take the answers.
 */
export function couponQueries(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  asked: { codes: Known<readonly string[]>; customerKey: Known<string | null> },
): [Query, Query] {
  const { codes, customerKey } = asked as { codes: Query; customerKey: Query }
  const coupons = tx.sql`
    select k.code_key as code, k.promotion_id, p.state as promotion_state, k.customer_id, k.customer_email, k.uses_max, k.uses_per_customer,
      k.starts_at, k.expires_at, coalesce(k.disabled_at, b.disabled_at) as disabled_at, u.used, c.used as used_by_customer
    from coupon k
      join promotion p on p.merchant_id = ${tx.merchantId} and p.id = k.promotion_id
      left join coupon_batch b on b.merchant_id = ${tx.merchantId} and b.id = k.batch_id
      left join usage_counter u on u.merchant_id = ${tx.merchantId} and u.subject_id = k.id and u.customer_key = ''
      left join usage_counter c on c.merchant_id = ${tx.merchantId} and c.subject_id = k.id and c.customer_key = ${customerKey}::text
    where k.merchant_id = ${tx.merchantId} and k.code_key = any (${codes}::text[])`
  const usage = tx.sql`
    select p.id as promotion_id, u.customer_key, u.used, u.spent
    from promotion p
      join usage_counter u
        on u.merchant_id = ${tx.merchantId} and u.subject_id = p.id and u.customer_key = any (array['', ${customerKey}::text])
    where p.merchant_id = ${tx.merchantId} and p.state = 'live' and p.limited`
  return [coupons, usage]
}

/** What each code is at that moment, in the order given. A code of a promotion that was turned off is over; of a draft, nobody knows it. */
export function toCoupons(
  rows: readonly unknown[],
  codes: readonly string[],
  buyer: { customerId: string | null; email: string | null; now: Date },
): PricingInput['coupons'] {
  const found = new Map((rows as CouponRow[]).map((row) => [row.code, row]))
  return codes.map((code) => {
    const row = found.get(code)
    if (!row || row.promotion_state === 'draft') return { code, promotionId: null, state: 'unknown' }
    return { code, promotionId: row.promotion_id, state: stateOf(row, buyer) }
  })
}

/**
 * What is left, for this buyer, of the limits of each promotion that has any: those of the version that the buyer gets. Other
 * customers' uses are counted when an order is placed, so this is what a quote may promise, not what a checkout will find.
 */
export function toUsage(rows: readonly unknown[], promotions: readonly PromotionDocument[], stickyKey: string): PricingInput['usage'] {
  const [byAll, byCustomer] = [new Map<string, UsageRow>(), new Map<string, UsageRow>()]
  for (const row of rows as UsageRow[]) (row.customer_key === '' ? byAll : byCustomer).set(row.promotion_id, row)
  const usage: PricingInput['usage'] = {}
  for (const document of promotions) {
    const { uses, uses_per_customer: usesPerCustomer, budget } = document.limits
    if ((uses === null && usesPerCustomer === null && budget === null) || !isFor(document, stickyKey)) continue
    usage[document.id] = {
      usesLeft: left(uses, byAll.get(document.id)?.used),
      usesLeftForCustomer: left(usesPerCustomer, byCustomer.get(document.id)?.used),
      budgetLeft: left(budget, byAll.get(document.id)?.spent),
    }
  }
  return usage
}

function isFor(document: PromotionDocument, stickyKey: string): boolean {
  const bucket = rolloutBucket(document.id, stickyKey)
  return document.rollout_from_ppm <= bucket && bucket < document.rollout_ppm
}

function left(limit: number | null, used = 0n): bigint | null {
  if (limit === null) return null
  return used >= BigInt(limit) ? 0n : BigInt(limit) - used
}

function stateOf(row: CouponRow, buyer: { customerId: string | null; email: string | null; now: Date }): CouponState {
  if (row.disabled_at || row.promotion_state === 'off') return 'expired'
  if (row.expires_at && row.expires_at <= buyer.now) return 'expired'
  if (row.starts_at && row.starts_at > buyer.now) return 'not_yet'
  if (row.customer_id !== null && row.customer_id !== buyer.customerId) return 'other_customer'
  if (row.customer_email !== null && row.customer_email !== emailKey(buyer.email)) return 'other_customer'
  if (row.uses_max !== null && (row.used ?? 0n) >= row.uses_max) return 'used_up'
  if (row.uses_per_customer !== null && (row.used_by_customer ?? 0n) >= row.uses_per_customer) return 'used_by_customer'
  return 'usable'
}
