-- What left the house, arrived and came back of an order's lines is what its fulfillments and returns say; each of these has its one
-- event; and no more of a line is in hand, or announced to come back, than there is of it.
with moved as (
  select fl.merchant_id, fl.order_line_id,
    coalesce(sum(fl.quantity) filter (where f.status in ('shipped', 'delivered')), 0) as shipped,
    coalesce(sum(fl.quantity) filter (where f.status = 'delivered'), 0) as delivered,
    coalesce(sum(fl.quantity) filter (where f.status in ('to_pick', 'picking', 'packed')), 0) as in_hand
  from fulfillment_line fl join fulfillment f on f.merchant_id = fl.merchant_id and f.id = fl.fulfillment_id
  group by 1, 2
), back as (
  select rl.merchant_id, rl.order_line_id, coalesce(sum(rl.quantity) filter (where r.status in ('requested', 'approved')), 0) as announced,
    coalesce(sum((
      select sum(i.quantity) from order_return_inspection i
      where i.merchant_id = rl.merchant_id and i.return_id = rl.return_id and i.order_line_id = rl.order_line_id and i.decision <> 'missing'
    )), 0) as returned
  from order_return_line rl join order_return r on r.merchant_id = rl.merchant_id and r.id = rl.return_id
  group by 1, 2
), line as (
  select l.merchant_id, l.id, l.quantity, l.fulfilled_quantity, l.delivered_quantity, l.returned_quantity, coalesce(m.shipped, 0) as shipped,
    coalesce(m.delivered, 0) as delivered, coalesce(m.in_hand, 0) as in_hand, coalesce(b.announced, 0) as announced,
    coalesce(b.returned, 0) as returned
  from order_line l
    left join moved m on m.merchant_id = l.merchant_id and m.order_line_id = l.id
    left join back b on b.merchant_id = l.merchant_id and b.order_line_id = l.id
), told as (
  select e.merchant_id, e.type, coalesce(e.data ->> 'fulfillment_id', e.data ->> 'return_id') as id, count(*) as times
  from event e where e.type in ('fulfillment.shipped', 'fulfillment.delivered', 'return.received') group by 1, 2, 3
)
select merchant_id, id::text, 'sent is not what its fulfillments sent' as problem from line where fulfilled_quantity <> shipped
union all
select merchant_id, id::text, 'delivered is not what its fulfillments delivered' from line where delivered_quantity <> delivered
union all
select merchant_id, id::text, 'more in hand than is left to send' from line where in_hand > quantity - fulfilled_quantity
union all
select merchant_id, id::text, 'returned is not what its returns brought' from line where returned_quantity <> returned
union all
select merchant_id, id::text, 'more announced than is out' from line where announced > fulfilled_quantity - returned_quantity
union all
select f.merchant_id, f.id::text, 'is told of otherwise than it went'
from fulfillment f
  left join told s on s.merchant_id = f.merchant_id and s.type = 'fulfillment.shipped' and s.id = f.id::text
  left join told d on d.merchant_id = f.merchant_id and d.type = 'fulfillment.delivered' and d.id = f.id::text
where coalesce(s.times, 0) <> (f.status in ('shipped', 'delivered'))::int or coalesce(d.times, 0) <> (f.status = 'delivered')::int
union all
select r.merchant_id, r.id::text, 'is told of otherwise than it came'
from order_return r left join told t on t.merchant_id = r.merchant_id and t.type = 'return.received' and t.id = r.id::text
where coalesce(t.times, 0) <> (r.status = 'received')::int
union all
select f.merchant_id, f.id::text, 'an order that is over has goods in hand'
from fulfillment f join orders o on o.merchant_id = f.merchant_id and o.id = f.order_id
where o.status = 'cancelled' and f.status in ('to_pick', 'picking', 'packed')
union all
select a.merchant_id, a.fulfillment_id::text, 'delivered at the door is not delivered'
from delivery_attempt a join fulfillment f on f.merchant_id = a.merchant_id and f.id = a.fulfillment_id
where a.outcome = 'delivered' and f.status <> 'delivered'
