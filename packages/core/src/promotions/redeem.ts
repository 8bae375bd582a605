import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import { Refusal } from '../refusal.ts'

/** One promotion that an order uses. `amount`: what it takes off, in minor units. Limits are those of the version used; null: none. */
export interface PromotionUse {
  promotionId: string
  version: number
  couponCode: string | null
  amount: bigint
  limits: { uses: number | null; usesPerCustomer: number | null; budget: number | null }
}

export interface RedemptionClaim {
  orderId: string
  /** See customer-key.ts. Null: nobody is known, and limits per customer cannot be counted. */
  customerKey: string | null
  /** At least one, each promotion once. */
  uses: readonly PromotionUse[]
  now: Date
}

/** What an order placed at these prices uses: every promotion that was applied. */
export function promotionUses(priced: Pick<PricedCart, 'promotions'>, promotions: readonly PromotionDocument[]): PromotionUse[] {
  return priced.promotions
    .filter((trace) => trace.outcome === 'applied')
    .map(({ promotionId, version, couponCode, amount }) => {
      const document = promotions.find((candidate) => candidate.id === promotionId && candidate.version === version)
      if (!document) throw new Error(`the pricing document has no version ${version} of promotion ${promotionId}`)
      const { uses, uses_per_customer: usesPerCustomer, budget } = document.limits
      return { promotionId, version, couponCode, amount, limits: { uses, usesPerCustomer, budget } }
    })
}

/**
 * Counts an order's uses of promotions and coupons against every limit there is, in one conditional statement, so that two
 * buyers cannot both have the last one. Counters are locked in (subject, customer) order, so that two orders with the same
 * promotions in another order wait for each other and never deadlock. A use without limits locks nothing that others share.
 *
 * Its answer is a row for each promotion, with the limit that stood against it, if any. `assertRedeemed` reads it and must:
 * where one limit refuses, nothing is redeemed, but counters of others may have moved, and its refusal takes them back.
 * The query is not awaited here: it may travel with others, after the claim of stock.
 */
export function redeemPromotions(tx: Pick<Tx, 'merchantId' | 'sql'>, claim: RedemptionClaim): Query {
  const { orderId, customerKey, now } = claim
  // An insert that becomes an update where the counter is there already: the row is locked, then the condition looked at.
  return tx.sql`
    with wanted as materialized (
      select w.promotion_id, w.version, w.amount, w.uses, w.uses_per_customer, w.budget, w.coupon_code, k.id as coupon_id,
        k.uses_max as coupon_uses, k.uses_per_customer as coupon_uses_per_customer,
        w.uses is not null or w.budget is not null as counts_promotion,
        w.uses_per_customer is not null and ${customerKey}::text is not null as counts_customer,
        k.uses_max is not null as counts_coupon,
        k.uses_per_customer is not null and ${customerKey}::text is not null as counts_coupon_customer,
        w.coupon_code is not null and (k.id is null or b.disabled_at is not null) as coupon_gone
      from jsonb_to_recordset(${usesJson(claim.uses)}::jsonb)
          as w (promotion_id uuid, version int, amount bigint, uses bigint, uses_per_customer bigint, budget bigint, coupon_code text)
        left join coupon k
          on k.merchant_id = ${tx.merchantId} and k.code_key = w.coupon_code and k.promotion_id = w.promotion_id
            and k.disabled_at is null and (k.expires_at is null or k.expires_at > ${now}::timestamptz)
        left join coupon_batch b on b.merchant_id = ${tx.merchantId} and b.id = k.batch_id
    ), counted as materialized (
      select promotion_id as subject_id, '' as customer_key, amount, uses as used_max, budget as spent_max from wanted where counts_promotion
      union all
      select promotion_id, ${customerKey}::text, amount, uses_per_customer, null from wanted where counts_customer
      union all
      select coupon_id, '', amount, coupon_uses, null from wanted where counts_coupon
      union all
      select coupon_id, ${customerKey}::text, amount, coupon_uses_per_customer, null from wanted where counts_coupon_customer
    ), claimed as (
      insert into usage_counter as c (merchant_id, subject_id, customer_key, used, used_max, spent, spent_max)
      select ${tx.merchantId}, subject_id, customer_key, 1, used_max, amount, spent_max from counted
      where (used_max is null or used_max >= 1) and (spent_max is null or spent_max >= amount)
      order by subject_id, customer_key
      on conflict (merchant_id, subject_id, customer_key) do update
        set used = c.used + 1, used_max = excluded.used_max, spent = c.spent + excluded.spent, spent_max = excluded.spent_max
        where (excluded.used_max is null or c.used < excluded.used_max)
          and (excluded.spent_max is null or c.spent + excluded.spent <= excluded.spent_max)
      returning c.subject_id, c.customer_key
    ), missing as materialized (
      select w.subject_id, w.customer_key from counted w left join claimed c on c.subject_id = w.subject_id and c.customer_key = w.customer_key
      where c.subject_id is null
    ), verdict as materialized (
      select w.promotion_id,
        case
          when w.coupon_gone or exists (select from missing m where m.subject_id = w.coupon_id and m.customer_key = '') then 'coupon'
          when exists (select from missing m where m.subject_id = w.coupon_id) then 'coupon_customer'
          when exists (select from missing m where m.subject_id = w.promotion_id and m.customer_key = '') then 'promotion'
          when exists (select from missing m where m.subject_id = w.promotion_id) then 'customer'
        end as refused_by
      from wanted w
    ), redeemed as (
      insert into redemption (merchant_id, order_id, promotion_id, version, coupon_id, coupon_code, customer_key, amount, state,
        counted_promotion, counted_customer, counted_coupon, counted_coupon_customer, claimed_at)
      select ${tx.merchantId}, ${orderId}::uuid, promotion_id, version, coupon_id, coupon_code, ${customerKey}::text, amount, 'claimed',
        counts_promotion, counts_customer, counts_coupon, counts_coupon_customer, ${now}::timestamptz
      from wanted
      where not exists (select from verdict where refused_by is not null)
      -- What an order had given back, and uses again.
      on conflict (merchant_id, order_id, promotion_id) do update set version = excluded.version, coupon_id = excluded.coupon_id,
        coupon_code = excluded.coupon_code, customer_key = excluded.customer_key, amount = excluded.amount, state = 'claimed',
        returned_at = null, counted_promotion = excluded.counted_promotion, counted_customer = excluded.counted_customer,
        counted_coupon = excluded.counted_coupon, counted_coupon_customer = excluded.counted_coupon_customer,
        claimed_at = excluded.claimed_at
        where redemption.state = 'returned'
    )
    select promotion_id, refused_by from verdict`
}

interface Verdict {
  promotion_id: string
  refused_by: 'coupon' | 'coupon_customer' | 'promotion' | 'customer' | null
}

/**
 * Refuses `coupon_used_up` where a code is, for all or for this customer, or was withdrawn since the quote, and `promotion_used_up`
 * where a promotion is, for all, for this customer, or by its budget. Names the promotions, and no figure of their limits.
 */
export function assertRedeemed(verdicts: readonly object[], uses: readonly PromotionUse[]): void {
  const rows = verdicts as readonly Verdict[]
  if (rows.length !== uses.length) throw new Error(`${rows.length} verdicts on ${uses.length} uses of promotions`)
  const refused = rows.filter((row) => row.refused_by !== null)
  if (refused.length === 0) return
  const ids = refused.map((row) => row.promotion_id)
  const codes = uses.filter((use) => ids.includes(use.promotionId) && use.couponCode !== null).map((use) => use.couponCode)
  const byCoupon = refused.some((row) => row.refused_by === 'coupon' || row.refused_by === 'coupon_customer')
  throw byCoupon
    ? new Refusal('coupon_used_up', { detail: 'This code can no longer be used.', extra: { promotion_ids: ids, coupon_codes: codes } })
    : new Refusal('promotion_used_up', { detail: 'This offer can no longer be used.', extra: { promotion_ids: ids } })
}

/** Amounts as text: JSON numbers would lose digits on the way. */
function usesJson(uses: readonly PromotionUse[]): string {
  return JSON.stringify(
    uses.map(({ promotionId, version, couponCode, amount, limits }) => ({
      promotion_id: promotionId,
      version,
      coupon_code: couponCode,
      amount: amount.toString(),
      uses: limits.uses,
      uses_per_customer: limits.usesPerCustomer,
      budget: limits.budget,
    })),
  )
}
