import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/**
 * Gives back what an order used of promotions and coupons, when it is cancelled: once, however often it is asked. Counters are
 * locked in the order in which claims lock them; like a claim, it comes after the stock in its transaction. Its answer is the
 * promotions that were given back. The query is not awaited here: it may travel with others.
 */
export function returnRedemptions(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string, now: Date): Query {
  return tx.sql`
    with returned as (
      update redemption set state = 'returned', returned_at = ${now}::timestamptz
      where merchant_id = ${tx.merchantId} and order_id = ${orderId} and state = 'claimed'
      returning promotion_id, coupon_id, customer_key, amount, counted_promotion, counted_customer, counted_coupon, counted_coupon_customer
    ), counted as materialized (
      select promotion_id as subject_id, '' as customer_key, amount from returned where counted_promotion
      union all
      select promotion_id, customer_key, amount from returned where counted_customer
      union all
      select coupon_id, '', amount from returned where counted_coupon
      union all
      select coupon_id, customer_key, amount from returned where counted_coupon_customer
    ), locked as materialized (
      select c.subject_id, c.customer_key, n.amount
      from counted n
        join usage_counter c on c.merchant_id = ${tx.merchantId} and c.subject_id = n.subject_id and c.customer_key = n.customer_key
      order by c.subject_id, c.customer_key
      for no key update of c
    ), lowered as (
      update usage_counter c set used = c.used - 1, spent = c.spent - k.amount
      from locked k
      where c.merchant_id = ${tx.merchantId} and c.subject_id = k.subject_id and c.customer_key = k.customer_key
    )
    select promotion_id from returned`
}
