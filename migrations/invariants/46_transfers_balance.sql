-- What a transfer took out of a location and brought into another is what its lines say; one that is closed has nothing in transit.
with moved as (
  select m.merchant_id, m.transfer_id, m.variant_id,
    coalesce(-sum(m.on_hand_change) filter (where m.location_id = t.from_location_id), 0) as gone,
    coalesce(sum(m.on_hand_change) filter (where m.location_id = t.to_location_id), 0) as come
  from stock_movement m join stock_transfer t on t.merchant_id = m.merchant_id and t.id = m.transfer_id
  group by 1, 2, 3
)
select l.merchant_id, l.transfer_id, l.variant_id::text as what, l.quantity, l.received, l.lost, l.called_back, m.gone, m.come
from stock_transfer_line l
  left join moved m on m.merchant_id = l.merchant_id and m.transfer_id = l.transfer_id and m.variant_id = l.variant_id
where coalesce(m.gone, 0) <> l.quantity - l.called_back or coalesce(m.come, 0) <> l.received
union all
select t.merchant_id, t.id, 'closed', sum(l.quantity), sum(l.received), sum(l.lost), sum(l.called_back), null, null
from stock_transfer t join stock_transfer_line l on l.merchant_id = t.merchant_id and l.transfer_id = t.id
group by t.merchant_id, t.id, t.status
having (t.status in ('received', 'cancelled')) <> (sum(l.quantity) = sum(l.received) + sum(l.lost) + sum(l.called_back))
