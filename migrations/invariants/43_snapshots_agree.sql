-- What products and customers remember of the collections and groups they are in is what these hold.
select p.merchant_id, p.id, p.collections as remembered, 'product' as what
from product p
where p.collections <> array(
  select c.handle from collection_product m join collection c on c.merchant_id = m.merchant_id and c.id = m.collection_id
  where m.merchant_id = p.merchant_id and m.product_id = p.id order by c.handle)
union all
select u.merchant_id, u.id, u.groups, 'customer'
from customer u
where u.groups <> array(
  select g.handle from customer_group_member m join customer_group g on g.merchant_id = m.merchant_id and g.id = m.group_id
  where m.merchant_id = u.merchant_id and m.customer_id = u.id order by g.handle)
