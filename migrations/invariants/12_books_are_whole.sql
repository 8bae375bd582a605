-- Nothing of the books is missing: the entries of an owned account are numbered without a gap, and what payments say was captured
-- and given back is what was booked for them.
with numbered as (
  select a.merchant_id, a.code, a.sequence, count(e.journal_id) as entries, coalesce(max(e.sequence), 0) as last
  from ledger_account a
    left join ledger_entry e on e.merchant_id = a.merchant_id and e.account = a.code and e.currency = a.currency
  where a.owner_id is not null
  group by 1, 2, 3, a.currency
), booked as (
  select j.merchant_id, j.payment_id, j.order_id,
    case when j.kind = 'capture' then 'capture' when j.kind = 'refund' or r.kind = 'capture' then 'refund' end as kind, sum(abs(e.amount)) / 2 as amount
  from journal j
    join ledger_entry e on e.merchant_id = j.merchant_id and e.journal_id = j.id
    left join journal r on r.merchant_id = j.merchant_id and r.id = j.reverses
  where j.payment_id is not null
  group by 1, 2, 3, 4
)
select merchant_id, null::uuid as payment_id, code as what, sequence::numeric as told, entries::numeric as found
from numbered where entries <> sequence or last <> sequence
union all
select p.merchant_id, p.id, 'capture', p.captured_amount, coalesce(c.amount, 0)
from payment p left join booked c on c.merchant_id = p.merchant_id and c.payment_id = p.id and c.kind = 'capture'
where p.captured_amount <> coalesce(c.amount, 0) or c.order_id <> p.order_id
union all
select p.merchant_id, p.id, 'refund', p.refunded_amount, coalesce(c.amount, 0)
from payment p left join booked c on c.merchant_id = p.merchant_id and c.payment_id = p.id and c.kind = 'refund'
where p.refunded_amount <> coalesce(c.amount, 0)
union all
select b.merchant_id, b.payment_id, b.kind, null, b.amount
from booked b
where b.kind is not null and not exists (select from payment p where p.merchant_id = b.merchant_id and p.id = b.payment_id)
