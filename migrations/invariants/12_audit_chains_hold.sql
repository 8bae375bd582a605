-- Every entry of a merchant's audit log has the number after the one before it, the hash of that one, and a hash that is its content's;
-- the last is where audit_chain says that the log ends.
with chained as (
  select e.merchant_id, e.id, e.sequence, e.previous_hash, e.hash, app.audit_hash(e) as own,
    lag(e.sequence, 1, 0) over log as sequence_before, lag(e.hash, 1, '') over log as hash_before
  from audit_entry e window log as (partition by e.merchant_id order by e.sequence, e.id)
)
select merchant_id, id::text as id, sequence, case when hash <> own then 'edited' else 'does not follow the one before' end as problem
from chained where hash <> own or sequence <> sequence_before + 1 or previous_hash <> hash_before
union all
select coalesce(c.merchant_id, e.merchant_id), e.id::text, c.sequence, 'the log does not end where it should'
from audit_chain c full join (
  select distinct on (merchant_id) merchant_id, id, sequence, hash from audit_entry order by merchant_id, sequence desc, id desc) e using (merchant_id)
where (e.sequence, e.hash) is distinct from (c.sequence, c.hash)
