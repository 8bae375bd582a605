-- An order that is cancelled has no goods kept for it, and of what a provider took or keeps authorized for it all is given back or on its
-- way back, unless the provider refused, or staff look at it. A firm order has no goods that are only kept.
select o.merchant_id, o.id::text as id, 'goods are kept for an order that is over' as problem
from orders o
where o.status <> 'pending' and exists (
  select from stock_reservation r where r.merchant_id = o.merchant_id and r.order_id = o.id and r.status = 'active')
union all
select o.merchant_id, p.id::text, 'money of a cancelled order is kept'
from orders o
  join payment p on p.merchant_id = o.merchant_id and p.order_id = o.id
  left join lateral (
    select coalesce(sum(q.amount) filter (where q.kind = 'refund' and q.status = 'pending'), 0) as refunds,
      count(*) filter (where q.kind in ('void', 'capture') and q.status = 'pending') as under_way,
      count(*) filter (where q.kind <> 'authorize' and q.status in ('failed', 'review')) as refused
    from payment_operation q where q.merchant_id = p.merchant_id and q.payment_id = p.id
  ) q on true
where o.status = 'cancelled' and p.provider not in ('manual', 'gift_card', 'store_credit') and p.status <> 'review' and q.refused = 0
  and o.refunded_total + q.refunds < o.captured_total
  and (p.captured_amount > p.refunded_amount + q.refunds or p.authorized_amount > p.captured_amount and q.under_way = 0)
