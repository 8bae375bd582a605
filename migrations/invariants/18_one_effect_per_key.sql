-- A checkout key that was answered with an order names an order that exists, and no two keys name the same one; every
-- order that is not cancelled came from a cart that is closed.
with answered as (
  select merchant_id, route, key, response_body::jsonb ->> 'id' as order_id
  from idempotency_key where route like '%checkout%' and status_code in (102, 201, 202)
)
select a.merchant_id, a.order_id, 'answer without its order' as problem
from answered a
where not exists (select from orders o where o.merchant_id = a.merchant_id and o.id::text = a.order_id)
union all
select merchant_id, order_id, 'two keys, one order' from answered group by 1, 2 having count(*) > 1
union all
select o.merchant_id, o.id::text, 'order without a closed cart'
from orders o left join cart c on c.merchant_id = o.merchant_id and c.id = o.cart_id
where o.status <> 'cancelled' and c.status is distinct from 'ordered'
