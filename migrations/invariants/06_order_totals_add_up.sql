-- An order's totals are those of its lines, and of each other, and its payments come to them.
select o.merchant_id, o.id, o.total
from orders o
  left join lateral (
    select coalesce(sum(subtotal), 0) as subtotal, coalesce(sum(discount_total), 0) as discount, coalesce(sum(tax_total), 0) as tax, count(*) as lines
    from order_line where merchant_id = o.merchant_id and order_id = o.id
  ) l on true
where l.lines = 0
  or o.subtotal <> l.subtotal
  or o.discount_total <> l.discount + o.shipping_discount_total
  or o.tax_total < l.tax
  or o.total <> o.subtotal - o.discount_total + o.shipping_total + case when o.tax_included then 0 else o.tax_total end
  or (o.pricing_result #>> '{totals,total}')::bigint <> o.total
  or o.status not in ('pending', 'cancelled') and o.payment_status not in ('voided', 'failed', 'review') and o.total + o.repaid_total > (
    select coalesce(sum(p.amount), 0) from payment p
    where p.merchant_id = o.merchant_id and p.order_id = o.id and p.currency = o.currency and p.status not in ('voided', 'failed')
  )
  or o.status = 'cancelled' and exists (
    select from payment p
    where p.merchant_id = o.merchant_id and p.order_id = o.id and p.provider = 'manual' and p.status = 'pending'
  )
