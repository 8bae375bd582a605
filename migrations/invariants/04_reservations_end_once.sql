-- A reservation that has ended has the one movement that says so, and one that has not has none.
select r.merchant_id, r.id, r.status, r.counted_as, m.reason, m.reserved_change
from stock_reservation r
  left join stock_movement m on m.merchant_id = r.merchant_id and m.reservation_id = r.id
where case
    when r.counted_as = 'reserved' then m.id is not null
    else m.id is null
      or (m.variant_id, m.location_id, m.reserved_change, m.allocated_change) is distinct from
        (r.variant_id, r.location_id, -r.quantity, case r.status when 'claimed' then r.quantity else 0 end)
      or m.reason <> case r.status when 'claimed' then 'allocation' when 'released' then 'release' else 'expiry' end
  end
union all
select m.merchant_id, m.reservation_id, null, null, m.reason, m.reserved_change
from stock_movement m
where m.reservation_id is not null
  and not exists (select from stock_reservation r where r.merchant_id = m.merchant_id and r.id = m.reservation_id)
