-- An order's row is the fold of its events, as far as sums and counts tell; `verifyOrders` compares all of it.
with told as (
  select merchant_id, aggregate_id as order_id, count(*) as events,
    coalesce(sum((data ->> 'amount')::bigint) filter (where type = 'payment.captured'), 0) as captured,
    coalesce(sum((data ->> 'amount')::bigint) filter (where type = 'refund.issued'), 0) as refunded,
    coalesce(sum((data ->> 'amount')::bigint) filter (where type = 'refund.issued' and data ? 'edit_id'), 0) as repaid,
    bool_or(type = 'order.cancelled') as is_cancelled,
    bool_or(type = 'order.placed') as is_placed
  from event where aggregate_type = 'order'
  group by 1, 2
), goods as (
  select e.merchant_id, (l ->> 'line_id')::uuid as line_id,
    coalesce(sum((l ->> 'quantity')::bigint) filter (where e.type = 'fulfillment.shipped'), 0) as fulfilled,
    coalesce(sum((l ->> 'quantity')::bigint) filter (where e.type = 'fulfillment.delivered'), 0) as delivered,
    coalesce(sum((l ->> 'quantity')::bigint) filter (where e.type = 'return.received'), 0) as returned
  from event e cross join lateral jsonb_array_elements(e.data -> 'lines') l
  where e.aggregate_type = 'order' and e.type in ('fulfillment.shipped', 'fulfillment.delivered', 'return.received')
  group by 1, 2
)
select o.merchant_id, o.id, o.status, o.revision, t.events, o.captured_total, t.captured, o.refunded_total, t.refunded
from orders o join told t on t.merchant_id = o.merchant_id and t.order_id = o.id
where o.revision <> t.events or o.captured_total <> t.captured or o.refunded_total <> t.refunded
  or o.repaid_total <> t.repaid
  or (o.status = 'cancelled') <> t.is_cancelled
  or (o.status = 'pending') <> (not t.is_placed and not t.is_cancelled)
union all
select l.merchant_id, l.id, 'a line', l.fulfilled_quantity, coalesce(g.fulfilled, 0), l.delivered_quantity, coalesce(g.delivered, 0),
  l.returned_quantity, coalesce(g.returned, 0)
from order_line l left join goods g on g.merchant_id = l.merchant_id and g.line_id = l.id
where l.fulfilled_quantity <> coalesce(g.fulfilled, 0) or l.delivered_quantity <> coalesce(g.delivered, 0)
  or l.returned_quantity <> coalesce(g.returned, 0)
