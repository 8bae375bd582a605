-- A customer's figures are those of the orders that were placed and not cancelled.
select c.merchant_id, c.id, c.orders_count, c.total_spent, c.last_order_at, o.orders, o.total, o.last
from customer c
  cross join lateral (
    select count(*) as orders, coalesce(sum(total), 0)::bigint as total, max(placed_at) as last
    from orders where merchant_id = c.merchant_id and customer_id = c.id and status <> 'cancelled'
  ) o
where (c.orders_count, c.total_spent, c.last_order_at) is distinct from (o.orders, o.total, o.last)
