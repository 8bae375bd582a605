-- A firm order has allocated what it was not sent yet: never more, and less only where goods were found missing. A level that
-- does not take orders beyond what is there has never promised more than is on hand.
with due as (
  select l.merchant_id, l.order_id, l.variant_id, sum(l.quantity - l.fulfilled_quantity) as units
  from order_line l join orders o on o.merchant_id = l.merchant_id and o.id = l.order_id
  where o.status not in ('pending', 'cancelled')
  group by 1, 2, 3
), part as (
  select merchant_id, order_id, line_variant_id, variant_id, sum(quantity / per_unit) as units
  from stock_allocation group by 1, 2, 3, 4
), held as (
  select merchant_id, order_id, line_variant_id as variant_id, min(units) as units, max(units) as most from part group by 1, 2, 3
)
select coalesce(d.merchant_id, h.merchant_id) as merchant_id, coalesce(d.order_id, h.order_id) as order_id,
  coalesce(d.variant_id, h.variant_id) as variant_id, d.units as due, h.units as held, 'an order does not hold what it is due' as problem
from due d full join held h on h.merchant_id = d.merchant_id and h.order_id = d.order_id and h.variant_id = d.variant_id
where coalesce(h.most, 0) > coalesce(d.units, 0)
  or coalesce(h.units, 0) < coalesce(d.units, 0) and not exists (
    select from stock_movement m
    where m.merchant_id = d.merchant_id and m.order_id = d.order_id and m.reason = 'adjustment')
union all
select merchant_id, null, variant_id, reserved + allocated, on_hand, 'more is promised than there is'
from stock_level
where tracked and not backorder and available_from is null and not bundle and reserved + allocated > on_hand
