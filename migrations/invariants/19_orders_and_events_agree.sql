-- Every order has the one event that says what it is, and, once it is firm, the one that says it was placed; every such event has
-- its order; both numberings have no gap.
select o.merchant_id, o.id::text as id, 'order without exactly one beginning' as problem
from orders o
where (
  select count(*) from event e
  where e.merchant_id = o.merchant_id and e.aggregate_id = o.id and e.type in ('order.submitted', 'order.placed')
    and jsonb_typeof(e.data -> 'content') = 'object'
) <> 1
union all
select o.merchant_id, o.id::text, 'order placed other than once'
from orders o
  left join lateral (
    select count(*) as times from event e where e.merchant_id = o.merchant_id and e.aggregate_id = o.id and e.type = 'order.placed'
  ) placed on true
where placed.times > 1 or placed.times <> case o.status when 'pending' then 0 when 'cancelled' then placed.times else 1 end
union all
select e.merchant_id, e.aggregate_id::text, 'order event without its order'
from event e left join orders o on o.merchant_id = e.merchant_id and o.id = e.aggregate_id
where e.type in ('order.submitted', 'order.placed') and o.id is null
union all
select c.merchant_id, c.order_number::text, 'order numbers have a gap or the counter is off'
from merchant_counter c
  left join lateral (select count(*) as orders, coalesce(max(number), 0) as last from orders where merchant_id = c.merchant_id) o on true
where o.orders <> c.order_number or o.last <> c.order_number
union all
select c.merchant_id, c.event_sequence::text, 'event sequence has a gap or the counter is off'
from merchant_counter c
  left join lateral (select count(*) as events, coalesce(max(sequence), 0) as last from event where merchant_id = c.merchant_id) e on true
where e.events <> c.event_sequence or e.last <> c.event_sequence
