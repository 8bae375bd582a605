-- What a level has reserved and allocated is what carts and orders hold of it: reservations that run, claims of orders that are
-- not counted over yet, and allocations. A level is for sale where its location is.
with reservation as (
  select merchant_id, variant_id, location_id, sum(quantity) as quantity, sum(quantity) filter (where status = 'claimed') as claimed
  from stock_reservation where counted_as = 'reserved' group by 1, 2, 3
), allocation as (
  select merchant_id, variant_id, location_id, sum(quantity) as quantity from stock_allocation group by 1, 2, 3
), held as (
  select coalesce(r.merchant_id, a.merchant_id) as merchant_id, coalesce(r.variant_id, a.variant_id) as variant_id,
    coalesce(r.location_id, a.location_id) as location_id,
    coalesce(r.quantity, 0)::bigint as reserved, (coalesce(a.quantity, 0) - coalesce(r.claimed, 0))::bigint as allocated
  from reservation r
    full join allocation a on a.merchant_id = r.merchant_id and a.variant_id = r.variant_id and a.location_id = r.location_id
)
select coalesce(l.merchant_id, h.merchant_id) as merchant_id, coalesce(l.variant_id, h.variant_id) as variant_id,
  coalesce(l.location_id, h.location_id) as location_id, l.reserved, l.allocated, h.reserved as held_reserved, h.allocated as held_allocated,
  'the counters are not what is held' as problem
from stock_level l
  full join held h on h.merchant_id = l.merchant_id and h.variant_id = l.variant_id and h.location_id = l.location_id
where coalesce(l.reserved, 0) <> coalesce(h.reserved, 0) or coalesce(l.allocated, 0) <> coalesce(h.allocated, 0)
union all
select l.merchant_id, l.variant_id, l.location_id, null, null, null, null, 'for sale where its location is not, or the other way round'
from stock_level l join location p on p.merchant_id = l.merchant_id and p.id = l.location_id
where l.active <> p.active
