-- A bundle consists of goods, not of bundles, and has no stock of its own.
select c.merchant_id, c.bundle_id, c.component_id, 'a bundle in a bundle' as problem
from bundle_component c join bundle_component b on b.merchant_id = c.merchant_id and b.bundle_id = c.component_id
union all
select l.merchant_id, l.variant_id, null, 'its level does not know whether it is a bundle'
from stock_level l
where l.bundle <> exists (select from bundle_component c where c.merchant_id = l.merchant_id and c.bundle_id = l.variant_id)
union all
select merchant_id, variant_id, null, 'a bundle with stock of its own'
from stock_level where bundle and (on_hand, reserved, allocated) <> (0, 0, 0)
