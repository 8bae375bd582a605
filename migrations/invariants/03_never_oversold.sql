-- What firm orders have not been sent yet is what the levels have allocated, and never more than was ever received.
with sold as (
  select l.merchant_id, l.variant_id, sum(l.quantity - l.fulfilled_quantity) as quantity
  from order_line l join orders o on o.merchant_id = l.merchant_id and o.id = l.order_id
  where o.status not in ('pending', 'cancelled')
  group by 1, 2
), held as (
  select merchant_id, variant_id, sum(allocated) as allocated, sum(on_hand) as on_hand, bool_or(not tracked or backorder) as unlimited
  from stock_level group by 1, 2
)
select h.merchant_id, h.variant_id, h.on_hand, h.allocated, coalesce(s.quantity, 0) as sold
from held h left join sold s on s.merchant_id = h.merchant_id and s.variant_id = h.variant_id
where h.allocated <> coalesce(s.quantity, 0) or (not h.unlimited and h.allocated > h.on_hand)
