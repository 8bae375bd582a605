-- No event of an aggregate is delivered, or due, while one before it has not been delivered to the same endpoint. (One that is sent
-- again is pending for a second time.)
select later.merchant_id, later.id::text as id, 'delivered before ' || earlier.sequence as problem
from webhook_delivery earlier
  join webhook_delivery later on later.merchant_id = earlier.merchant_id and later.endpoint_id = earlier.endpoint_id
    and later.aggregate_id = earlier.aggregate_id and later.sequence > earlier.sequence
where earlier.status = 'pending' and earlier.pending_since = earlier.created_at and later.status = 'delivered'
union all
select later.merchant_id, later.id::text, 'due before ' || earlier.sequence
from webhook_delivery earlier
  join webhook_delivery later on later.merchant_id = earlier.merchant_id and later.endpoint_id = earlier.endpoint_id
    and later.aggregate_id = earlier.aggregate_id and later.sequence > earlier.sequence
where earlier.status = 'pending' and later.status = 'pending' and later.due_at < earlier.due_at
