-- An order names the pricing it was made with, and that is kept; what it used of promotions is claimed while it stands, and
-- given back when it does not.
select o.merchant_id, o.id, 'its pricing version is not kept' as problem
from orders o
where o.pricing_version is not null and not exists (
  select from pricing_version v where v.merchant_id = o.merchant_id and v.hash = o.pricing_version)
union all
select o.merchant_id, o.id, 'its pricing input names another version'
from orders o where o.pricing_version is not null and o.pricing_input ->> 'pricingVersion' <> o.pricing_version
union all
select o.merchant_id, o.id, 'its redemptions are not those of its promotions'
from orders o
where o.pricing_version is not null
  and (
    select coalesce(jsonb_agg(p.value ->> 'promotionId' order by p.value ->> 'promotionId'), '[]')
    from jsonb_array_elements(o.pricing_result -> 'promotions') p where p.value ->> 'outcome' = 'applied'
  ) <> (
    select coalesce(jsonb_agg(r.promotion_id::text order by r.promotion_id::text), '[]')
    from redemption r where r.merchant_id = o.merchant_id and r.order_id = o.id
      and r.state = case o.status when 'cancelled' then 'returned' else 'claimed' end
  )
