-- An order's sums are those of its payments; what is taken was authorized, and what is given back, or on its way, was taken.
select o.merchant_id, o.id::text as id, 'sums of an order are not those of its payments' as problem
from orders o
  left join lateral (
    select coalesce(sum(authorized_amount), 0) as authorized, coalesce(sum(captured_amount), 0) as captured,
      coalesce(sum(refunded_amount), 0) as refunded
    from payment p where p.merchant_id = o.merchant_id and p.order_id = o.id and p.currency = o.currency
  ) p on true
where o.authorized_total <> p.authorized or o.captured_total <> p.captured or o.refunded_total < p.refunded
union all
select p.merchant_id, p.id::text, 'more is given back than was taken'
from payment p
where p.captured_amount < p.refunded_amount + (
  select coalesce(sum(q.amount), 0) from payment_operation q
  where q.merchant_id = p.merchant_id and q.payment_id = p.id and q.kind = 'refund' and q.status = 'pending' and not q.detail ? 'unbooked')
union all
select p.merchant_id, p.id::text, 'refunds are not those of its operations'
from payment p
where p.provider not in ('manual', 'gift_card', 'store_credit') and p.refunded_amount <> (
  select coalesce(sum(q.amount), 0) from payment_operation q
  where q.merchant_id = p.merchant_id and q.payment_id = p.id and q.kind = 'refund' and q.status = 'succeeded' and not q.detail ? 'unbooked')
