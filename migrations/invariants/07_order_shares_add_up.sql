-- What is taken off an order is split over its lines and shipping to the minor unit, and stored so: the shares of each adjustment
-- come to its amount, and those of a line to the line's discount.
with adjustment as (
  select o.merchant_id, o.id, a.value as adjustment
  from orders o cross join lateral jsonb_array_elements(o.pricing_result -> 'adjustments') a
  where o.pricing_version is not null
), share as (
  select a.merchant_id, a.id, s.value #>> '{target,lineId}' as line_id, sum((s.value ->> 'amount')::bigint) as amount
  from adjustment a cross join lateral jsonb_array_elements(a.adjustment -> 'shares') s
  where a.adjustment ->> 'source' in ('promotion', 'plugin', 'manual')
  group by 1, 2, 3
)
select a.merchant_id, a.id, a.adjustment ->> 'code' as what, 'shares do not come to the amount' as problem
from adjustment a
where (a.adjustment ->> 'amount')::bigint <> (
  select coalesce(sum((s.value ->> 'amount')::bigint), 0) from jsonb_array_elements(a.adjustment -> 'shares') s)
union all
select l.merchant_id, l.order_id, l.pricing_line_id, 'shares do not come to the discount of the line'
from order_line l
  left join share s on s.merchant_id = l.merchant_id and s.id = l.order_id and s.line_id = l.pricing_line_id
where l.pricing_line_id is not null and l.discount_total <> coalesce(-s.amount, 0)
