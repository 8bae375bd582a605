-- The books: accounts, journals and their entries; what is given back of an order; gift cards; and what became of holding
-- the books against a provider's.

-- An account by its name: 'sales', 'clearing:stripe', 'store_credit:<customer>', 'gift_card:<card>'. What belongs to somebody has
-- an owner and a balance, which never falls below zero; of the merchant's own accounts the balance is the sum of the entries
-- alone, because a counter there would make every capture wait for the one before. No key to the owner: books outlast people.
-- sequence: how many entries an owned account has.
create table ledger_account (
  merchant_id uuid not null,
  code        text not null check (length(code) between 1 and 80),
  currency    text not null check (currency ~ '^[A-Z]{3}$'),
  kind        text not null check (kind in ('asset', 'liability', 'income', 'expense', 'equity')),
  owner_type  text check (owner_type in ('customer', 'gift_card')),
  owner_id    uuid,
  balance     bigint check (balance >= 0),
  sequence    bigint not null default 0 check (sequence >= 0),
  opened_at   timestamptz not null default now(),
  primary key (merchant_id, code, currency),
  constraint owned_accounts_are_owed check (
    (owner_id is null and owner_type is null and balance is null)
    or (owner_id is not null and owner_type is not null and balance is not null and kind = 'liability'))
);
create index on ledger_account (merchant_id, owner_id);
select app.protect('ledger_account', 'select, insert, update');

-- One thing that happened to money. key names the effect: a second journal of the same effect cannot be written. reverses is
-- the journal that this one takes back, whole; each is taken back once at most.
create table journal (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  key         text not null check (length(key) between 1 and 200),
  kind        text not null check (kind in ('capture', 'refund', 'store_credit_issue', 'store_credit_withdrawal', 'gift_card_issue',
    'dispute_opened', 'dispute_won', 'dispute_lost', 'provider_fee', 'reversal')),
  order_id    uuid,
  payment_id  uuid,
  reverses    uuid,
  actor       jsonb not null,
  occurred_at timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, key),
  unique (merchant_id, reverses),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
create index on journal (merchant_id, order_id, id);
create index on journal (merchant_id, payment_id, id);
create index on journal (merchant_id, occurred_at, id);
select app.protect('journal', 'select, insert');

-- Debit is positive, credit negative. The entries of an owned account are numbered 1, 2, 3, ... in the order in which they were
-- made, each with what was then in it: none can be missing, or have overdrawn it. Of other accounts the sequence is 0.
create table ledger_entry (
  merchant_id   uuid not null,
  journal_id    uuid not null,
  position      integer not null check (position > 0),
  account       text not null,
  currency      text not null,
  amount        bigint not null check (amount <> 0),
  sequence      bigint not null default 0 check (sequence >= 0),
  balance_after bigint check (balance_after >= 0),
  primary key (merchant_id, journal_id, position),
  foreign key (merchant_id, journal_id) references journal (merchant_id, id),
  foreign key (merchant_id, account, currency) references ledger_account (merchant_id, code, currency),
  constraint numbered_says_what_is_left check ((sequence > 0) = (balance_after is not null))
);
create unique index ledger_entry_history on ledger_entry (merchant_id, account, currency, sequence) where sequence > 0;
create index on ledger_entry (merchant_id, account, currency, sequence, journal_id, position) include (amount);
select app.protect('ledger_entry', 'select, insert');

-- Checked when the transaction commits, for the journal and for every entry, so that what is added to a journal later is too.
create function app.assert_journal_balances() returns trigger
  language plpgsql
  set search_path = pg_catalog, public
  as $$
declare
  wrong record;
  checked uuid := case when tg_table_name = 'journal' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'journal_id' end;
begin
  select coalesce(sum(of_currency.entries), 0) as entries, max(abs(of_currency.difference)) as difference into wrong
  from (
    select count(*) as entries, sum(amount) as difference from ledger_entry
    where merchant_id = new.merchant_id and journal_id = checked
    group by currency
  ) of_currency;
  if wrong.entries < 2 or wrong.difference <> 0 then
    raise exception 'journal % does not balance: % entries, % apart', checked, wrong.entries, wrong.difference
      using errcode = 'check_violation', constraint = 'journal_balances';
  end if;
  return null;
end $$;
revoke execute on function app.assert_journal_balances() from public;

create constraint trigger journal_balances after insert on journal
  deferrable initially deferred for each row execute function app.assert_journal_balances();
create constraint trigger journal_balances after insert or update on ledger_entry
  deferrable initially deferred for each row execute function app.assert_journal_balances();

-- Only what tells a card from others is kept of its code: a digest under a key that is not in the database, and its last four
-- characters. Its balance is that of its account.
create table gift_card (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  code_digest    text not null,
  last_four      text not null check (length(last_four) between 1 and 4),
  currency       text not null check (currency ~ '^[A-Z]{3}$'),
  initial_amount bigint not null check (initial_amount > 0),
  status         text not null check (status in ('active', 'disabled')),
  expires_at     timestamptz,
  note           text not null,
  batch_id       uuid,
  issued_by      jsonb not null,
  issued_at      timestamptz not null default now(),
  disabled_at    timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, code_digest),
  constraint disabled_says_when check ((status = 'disabled') = (disabled_at is not null))
);
create index on gift_card (merchant_id, batch_id, id);
create index on gift_card (merchant_id, last_four, id);
select app.protect('gift_card', 'select, insert, update');

-- What was decided to be given back of an order. Append-only: what came of it stands with the operations that carry it out.
-- withheld: what the lines and the shipping were charged beyond the amount, and stays with the merchant.
create table refund (
  merchant_id  uuid not null,
  id           uuid not null default uuidv7(),
  order_id     uuid not null,
  destination  text not null check (destination in ('original', 'store_credit')),
  customer_id  uuid,
  currency     text not null check (currency ~ '^[A-Z]{3}$'),
  amount       bigint not null check (amount > 0),
  tax          bigint not null check (tax >= 0),
  shipping     bigint not null check (shipping >= 0),
  shipping_tax bigint not null check (shipping_tax >= 0),
  withheld     bigint not null check (withheld >= 0),
  reason       text not null,
  actor        jsonb not null,
  created_at   timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id),
  constraint tax_is_in_it check (tax <= amount and shipping_tax <= shipping),
  constraint credit_is_somebodys check (destination <> 'store_credit' or customer_id is not null)
);
create index on refund (merchant_id, order_id, id);
select app.protect('refund', 'select, insert');

create table refund_line (
  merchant_id   uuid not null,
  refund_id     uuid not null,
  order_line_id uuid not null,
  quantity      bigint not null check (quantity > 0),
  amount        bigint not null check (amount >= 0),
  tax           bigint not null check (tax >= 0),
  primary key (merchant_id, refund_id, order_line_id),
  foreign key (merchant_id, refund_id) references refund (merchant_id, id)
);
create index on refund_line (merchant_id, order_line_id);
select app.protect('refund_line', 'select, insert');

-- Which payment gives back how much of it. operation_id is the provider's part of it; null where no provider is asked.
create table refund_part (
  merchant_id  uuid not null,
  refund_id    uuid not null,
  payment_id   uuid not null,
  amount       bigint not null check (amount > 0),
  tax          bigint not null check (tax >= 0),
  operation_id uuid,
  primary key (merchant_id, refund_id, payment_id),
  foreign key (merchant_id, refund_id) references refund (merchant_id, id),
  foreign key (merchant_id, payment_id) references payment (merchant_id, id)
);
create index on refund_part (merchant_id, payment_id);
select app.protect('refund_part', 'select, insert');

-- Our books held against a provider's own journal of a period.
create table reconciliation (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  provider         text not null,
  period_from      timestamptz not null,
  period_until     timestamptz not null,
  status           text not null check (status in ('queued', 'done', 'failed')),
  lines_read       bigint not null default 0 check (lines_read >= 0),
  difference_count bigint not null default 0 check (difference_count >= 0),
  differences      jsonb not null default '[]',
  failure          text,
  requested_by     jsonb not null,
  requested_at     timestamptz not null default now(),
  finished_at      timestamptz,
  primary key (merchant_id, id),
  constraint period_is_one check (period_from <= period_until)
);
create index on reconciliation (merchant_id, provider, id);
create index on reconciliation (merchant_id, id) where status = 'queued';
select app.protect('reconciliation', 'select, insert, update');
