-- All accounts of a merchant in a currency come to nothing, and no entry is in a journal or an account of another merchant.
select merchant_id, currency, sum(amount) as difference, null::uuid as journal_id
from ledger_entry group by merchant_id, currency having sum(amount) <> 0
union all
select e.merchant_id, e.currency, e.amount, e.journal_id
from ledger_entry e
  left join journal j on j.merchant_id = e.merchant_id and j.id = e.journal_id
  left join ledger_account a on a.merchant_id = e.merchant_id and a.code = e.account and a.currency = e.currency
where j.id is null or a.code is null
