-- What is taken off an order is split over its lines and shipping to the minor unit, and stored so: the shares of each adjustment
-- come to its amount, and those of a line to the line's discount.
with adjustment as (
  select o.merchant_id, o.id, a.ordinality, a.value as adjustment
  from orders o cross join lateral jsonb_array_elements(o.pricing_result -> 'adjustments') with ordinality a
  where o.pricing_version is not null
), share as (
  select a.merchant_id, a.id, a.ordinality, a.adjustment ->> 'source' as source, s.value #>> '{target,lineId}' as line_id,
    (s.value ->> 'amount')::bigint as amount
  from adjustment a cross join lateral jsonb_array_elements(a.adjustment -> 'shares') s
)
select a.merchant_id, a.id, a.adjustment ->> 'code' as what, 'shares do not come to the amount' as problem
from adjustment a
where (a.adjustment ->> 'amount')::bigint <> (
  select coalesce(sum(s.amount), 0) from share s where s.merchant_id = a.merchant_id and s.id = a.id and s.ordinality = a.ordinality)
union all
select l.merchant_id, l.order_id, l.pricing_line_id, 'shares do not come to the discount of the line'
from order_line l
where l.pricing_line_id is not null and l.discount_total <> (
  select coalesce(-sum(s.amount), 0) from share s
  where s.merchant_id = l.merchant_id and s.id = l.order_id and s.line_id = l.pricing_line_id and s.source in ('promotion', 'plugin', 'manual'))
