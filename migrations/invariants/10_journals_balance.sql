-- A journal has two entries at least, and they come to nothing in each currency.
select j.merchant_id, j.id, j.key, e.currency, e.entries, e.difference
from journal j
  left join lateral (
    select currency, sum(amount) as difference, sum(count(*)) over () as entries
    from ledger_entry where merchant_id = j.merchant_id and journal_id = j.id
    group by currency
  ) e on true
where e.entries is null or e.entries < 2 or e.difference <> 0
