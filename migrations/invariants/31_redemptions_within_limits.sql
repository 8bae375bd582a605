-- What is used of a promotion or a coupon, by all or by one customer, is what the redemptions that are not returned have
-- counted; and none of them is past the limit it was counted against.
with counted as (
  select merchant_id, promotion_id as subject_id, '' as customer_key, amount from redemption where state = 'claimed' and counted_promotion
  union all
  select merchant_id, promotion_id, customer_key, amount from redemption where state = 'claimed' and counted_customer
  union all
  select merchant_id, coupon_id, '', amount from redemption where state = 'claimed' and counted_coupon
  union all
  select merchant_id, coupon_id, customer_key, amount from redemption where state = 'claimed' and counted_coupon_customer
), used as (
  select merchant_id, subject_id, customer_key, count(*) as used, sum(amount) as spent from counted group by 1, 2, 3
)
select coalesce(c.merchant_id, u.merchant_id) as merchant_id, coalesce(c.subject_id, u.subject_id) as subject_id, c.used, c.spent,
  u.used as redeemed, u.spent as redeemed_amount, 'the counter is not the sum of its redemptions' as problem
from usage_counter c
  full join used u on u.merchant_id = c.merchant_id and u.subject_id = c.subject_id and u.customer_key = c.customer_key
where c.used is distinct from coalesce(u.used, 0) or c.spent is distinct from coalesce(u.spent, 0)::bigint
union all
select merchant_id, subject_id, used, spent, used_max, spent_max, 'past its limit'
from usage_counter where used > used_max or spent > spent_max
union all
select k.merchant_id, k.id, count(*), null, k.uses_max, null, 'a code was used more often than it may'
from redemption r join coupon k on k.merchant_id = r.merchant_id and k.id = r.coupon_id
where r.state = 'claimed' and k.uses_max is not null
group by k.merchant_id, k.id, k.uses_max having count(*) > k.uses_max
union all
select r.merchant_id, r.promotion_id, null, null, null, null, 'a redemption of a version that is not there'
from redemption r
  left join promotion_version v on v.merchant_id = r.merchant_id and v.promotion_id = r.promotion_id and v.version = r.version
where v.version is null
