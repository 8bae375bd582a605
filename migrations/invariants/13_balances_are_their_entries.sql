-- What customers and gift cards are told they have is the sum of their entries, was so after each of them, and was never below nothing.
with history as (
  select merchant_id, account, currency, sequence, balance_after,
    -sum(amount) over (partition by merchant_id, account, currency order by sequence) as held
  from ledger_entry where sequence > 0
), last as (
  select distinct on (merchant_id, account, currency) merchant_id, account, currency, held
  from history order by merchant_id, account, currency, sequence desc
)
select a.merchant_id, a.code as account, a.balance, coalesce(l.held, 0) as held, null::bigint as sequence
from ledger_account a
  left join last l on l.merchant_id = a.merchant_id and l.account = a.code and l.currency = a.currency
where a.owner_id is not null and a.balance <> coalesce(l.held, 0)
union all
select merchant_id, account, balance_after, held, sequence from history where held < 0 or held is distinct from balance_after
union all
select e.merchant_id, e.account, a.balance, null, e.sequence
from ledger_entry e join ledger_account a on a.merchant_id = e.merchant_id and a.code = e.account and a.currency = e.currency
where (a.owner_id is not null) <> (e.sequence > 0)
