-- The counters of every stock level are the sums of its movements.
select l.merchant_id, l.variant_id, l.location_id, l.on_hand, l.reserved, l.allocated, m.on_hand as moved_on_hand, m.reserved as moved_reserved, m.allocated as moved_allocated
from stock_level l
  left join lateral (
    select coalesce(sum(on_hand_change), 0) as on_hand, coalesce(sum(reserved_change), 0) as reserved, coalesce(sum(allocated_change), 0) as allocated
    from stock_movement where merchant_id = l.merchant_id and variant_id = l.variant_id and location_id = l.location_id
  ) m on true
where (l.on_hand, l.reserved, l.allocated) is distinct from (m.on_hand::bigint, m.reserved::bigint, m.allocated::bigint)
