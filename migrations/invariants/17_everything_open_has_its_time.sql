-- An order that waits for its payment has a time when that is over, or staff look at it. Nothing that a provider is to be asked, and
-- nothing that one has told us, lies about for longer than its retries last, unless its job was given up and waits for people.
select o.merchant_id, o.id::text as id, 'pending order without a time' as problem
from orders o
where o.status = 'pending' and not exists (
  select from payment p
  where p.merchant_id = o.merchant_id and p.order_id = o.id and (p.expires_at is not null or p.status = 'review'))
union all
select q.merchant_id, q.id::text, 'operation overdue'
from payment_operation q
where q.status = 'pending' and q.due_at < now() - interval '30 minutes' and not exists (
  select from dead_job d
  where d.merchant_id = q.merchant_id and d.task in ('settle_payment', 'settle_operation')
    and coalesce(d.payload ->> 'paymentId', d.payload ->> 'operationId') = q.id::text)
union all
select c.merchant_id, c.id::text, 'callback not acted on'
from payment_callback c
where c.processed_at is null and c.received_at < now() - interval '30 minutes' and not exists (
  select from dead_job d
  where d.merchant_id = c.merchant_id and d.task = 'process_payment_callback' and d.payload ->> 'callbackId' = c.id::text)
