-- For every endpoint, each event that was looked at and wanted when it happened has one delivery, which is pending, delivered or
-- dead; nothing else has one; what was not looked at yet lies beyond its position, and its position within the log.
with looked_at as (
  select p.merchant_id, p.id as endpoint_id, e.sequence, e.type, e.aggregate_id,
    (select s.event_types from webhook_subscription s
     where s.merchant_id = p.merchant_id and s.endpoint_id = p.id and s.after < e.sequence order by s.after desc limit 1) as patterns
  from webhook_endpoint p join event e on e.merchant_id = p.merchant_id and e.sequence > p.kept_from and e.sequence <= p.position
), wanted as (
  select * from looked_at
  where case type when 'webhook.test' then aggregate_id = endpoint_id and patterns is not null
    else exists (
      select from unnest(patterns) as pattern
      where pattern = '*' or pattern = type or right(pattern, 2) = '.*' and starts_with(type, left(pattern, -1))) end
)
select w.merchant_id, w.endpoint_id::text as id, w.sequence, 'event that was skipped' as problem
from wanted w
where not exists (select from webhook_delivery d
  where d.merchant_id = w.merchant_id and d.endpoint_id = w.endpoint_id and d.sequence = w.sequence
    and d.event_type = w.type and d.aggregate_id = w.aggregate_id)
union all
select d.merchant_id, d.endpoint_id::text, d.sequence, 'delivery of an event that was not wanted, or not looked at'
from webhook_delivery d join webhook_endpoint p on p.merchant_id = d.merchant_id and p.id = d.endpoint_id
where d.sequence > p.kept_from and not exists (select from wanted w
  where w.merchant_id = d.merchant_id and w.endpoint_id = d.endpoint_id and w.sequence = d.sequence)
union all
select p.merchant_id, p.id::text, p.position, 'position beyond the log'
from webhook_endpoint p left join merchant_counter c on c.merchant_id = p.merchant_id
where p.position > coalesce(c.event_sequence, 0)
union all
select d.merchant_id, d.id::text, d.sequence, 'attempts that are not in the log'
from webhook_delivery d
where d.attempts <> (select count(*) from webhook_attempt a where a.merchant_id = d.merchant_id and a.delivery_id = d.id)
union all
select d.merchant_id, d.id::text, d.sequence, 'delivered without an attempt that was taken'
from webhook_delivery d
where d.status = 'delivered' and not exists (select from webhook_attempt a
  where a.merchant_id = d.merchant_id and a.delivery_id = d.id and a.status_code between 200 and 299)
