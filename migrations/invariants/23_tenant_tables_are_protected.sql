-- Every table with a merchant_id is behind forced row security with one policy, and its keys lead with merchant_id.
with tenant as (
  select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, a.attnum
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'merchant_id'
  where n.nspname = 'public' and c.relkind in ('r', 'p')
)
select relname, 'row security is not enabled and forced' as problem from tenant where not (relrowsecurity and relforcerowsecurity)
union all
select relname, 'does not have exactly one policy' from tenant t where (select count(*) from pg_policy p where p.polrelid = t.oid) <> 1
union all
select t.relname, 'key ' || k.conname || ' does not lead with merchant_id'
from tenant t join pg_constraint k on k.conrelid = t.oid
where k.contype in ('p', 'u', 'f') and k.conkey[1] <> t.attnum
