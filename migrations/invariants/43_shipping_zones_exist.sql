-- Every zone that a shipping method is offered in is there.
select m.merchant_id, m.code, z.id as zone_id
from shipping_method m
  cross join lateral jsonb_array_elements_text(case when jsonb_typeof(m.document -> 'zone_ids') = 'array' then m.document -> 'zone_ids' else '[]' end) as z (id)
where not exists (select 1 from shipping_zone s where s.merchant_id = m.merchant_id and s.id = z.id::uuid)
