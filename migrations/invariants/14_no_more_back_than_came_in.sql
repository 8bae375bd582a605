-- Captured is no more than authorized, refunded no more than captured, by payment and by order; no more pieces of a line are refunded
-- than are in the order, no more of the shipping than it was charged (of an order that was not edited since), and the parts of a refund
-- come to it.
with refunded as (
  select r.*, coalesce(p.amount, 0) as parts, coalesce(l.amount, 0) as lines,
    not exists (
      select from refund_part q join payment_operation o on o.merchant_id = q.merchant_id and o.id = q.operation_id
      where q.merchant_id = r.merchant_id and q.refund_id = r.id and o.status = 'failed') as stands
  from refund r
    left join lateral (select sum(amount) as amount from refund_part where merchant_id = r.merchant_id and refund_id = r.id) p on true
    left join lateral (select sum(amount) as amount from refund_line where merchant_id = r.merchant_id and refund_id = r.id) l on true
)
select merchant_id, id, 'payment' as what, captured_amount::numeric as had, refunded_amount::numeric as given
from payment where captured_amount > authorized_amount or refunded_amount > captured_amount
union all
select o.merchant_id, o.id, 'order', sum(p.captured_amount), g.amount
from orders o
  join payment p on p.merchant_id = o.merchant_id and p.order_id = o.id
  cross join lateral (
    select coalesce(sum(x.amount), 0) + coalesce(max(c.amount), 0) as amount
    from (
      select refunded_amount as amount from payment where merchant_id = o.merchant_id and order_id = o.id
      union all
      select amount from payment_operation
      where merchant_id = o.merchant_id and order_id = o.id and kind = 'refund' and status in ('pending', 'review') and not detail ? 'unbooked'
    ) x
    cross join (
      select coalesce(sum(amount), 0) as amount from refund where merchant_id = o.merchant_id and order_id = o.id and destination = 'store_credit'
    ) c
  ) g
group by o.merchant_id, o.id, g.amount
having g.amount > sum(p.captured_amount)
union all
select l.merchant_id, l.id, 'line', l.quantity, sum(f.quantity)
from order_line l
  join refund_line f on f.merchant_id = l.merchant_id and f.order_line_id = l.id
  join refunded r on r.merchant_id = f.merchant_id and r.id = f.refund_id and r.stands
group by l.merchant_id, l.id, l.quantity having sum(f.quantity) > l.quantity
union all
select o.merchant_id, o.id, 'shipping', coalesce((o.pricing_result #>> '{shipping,total}')::bigint, o.shipping_total), sum(r.shipping)
from orders o join refunded r on r.merchant_id = o.merchant_id and r.order_id = o.id and r.stands
where not exists (select from event e where e.merchant_id = o.merchant_id and e.aggregate_id = o.id and e.type = 'order.edited')
group by o.merchant_id, o.id, o.pricing_result, o.shipping_total
having sum(r.shipping) > coalesce((o.pricing_result #>> '{shipping,total}')::bigint, o.shipping_total)
union all
select merchant_id, id, 'parts', amount, parts from refunded where destination = 'original' and parts <> amount
union all
select merchant_id, id, 'shares', amount, lines + shipping - withheld
from refunded where lines + shipping > 0 and amount <> lines + shipping - withheld
