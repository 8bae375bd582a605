-- The cell's side of a restore and of an erasure. While either goes on, the merchant is at home nowhere: both doors are closed. What
-- souk_platform does is done by functions that name one merchant and are held to its rows by row security, and only while a work of
-- that merchant is open here.

create table tenancy.merchant_work (
  merchant_id uuid primary key,
  work_id     uuid not null,
  kind        text not null check (kind in ('restore', 'erasure')),
  -- The rows come from another merchant: this one is a copy.
  renamed     boolean not null default false,
  -- Up to which part of the archive its rows are here. Moves with them, so that no part is written twice.
  part        bigint not null default 0,
  begun_at    timestamptz not null default now()
);

-- Whether rows are being put back: null, 'same' or 'renamed'. Who is not the owner and pretends meets a table it may not read.
create function app.restoring() returns text
  language plpgsql stable
  set search_path = pg_catalog
  as $$
begin
  if coalesce(current_setting('app.restoring', true), '') = '' then
    return null;
  end if;
  return (select case when w.renamed then 'renamed' else 'same' end from tenancy.merchant_work w
    where w.merchant_id = app.current_merchant() and w.kind = 'restore');
end $$;
revoke execute on function app.restoring() from public;
grant execute on function app.restoring() to souk_app;

-- Journals come back table by table, and balance when all are there. The audit log comes back with its numbers and hashes as they
-- were; only a copy, which is another merchant, is chained anew.
drop trigger journal_balances on journal;
create constraint trigger journal_balances after insert on journal
  deferrable initially deferred for each row when (app.restoring() is null) execute function app.assert_journal_balances();
drop trigger journal_balances on ledger_entry;
create constraint trigger journal_balances after insert or update on ledger_entry
  deferrable initially deferred for each row when (app.restoring() is null) execute function app.assert_journal_balances();
drop trigger chain on audit_entry;
create trigger chain before insert on audit_entry
  for each row when (app.restoring() is distinct from 'same') execute function app.chain_audit_entry();

-- MV004: no such work is open here. Raised for a worker that comes too late as well.
create function tenancy.hold_work(merchant uuid, work uuid, held text) returns void
  language plpgsql volatile
  set search_path = pg_catalog
  as $$
declare
  entered text;
begin
  perform 1 from tenancy.merchant_work w where w.merchant_id = merchant and w.work_id = work and w.kind = held for update;
  if not found then
    raise exception 'no such work is open here' using errcode = 'MV004';
  end if;
  entered := set_config('app.merchant_id', merchant::text, true);
end $$;

-- A merchants' table by its name, or an error: nothing else is ever written to or deleted from.
create function tenancy.table_named(named text) returns regclass
  language plpgsql stable
  set search_path = pg_catalog
  as $$
declare
  found_table regclass;
begin
  select t.oid into found_table from tenancy.tenant_table t where t.name = named;
  if found_table is null then
    raise exception 'no tenant table is named %', named using errcode = 'undefined_table';
  end if;
  return found_table;
end $$;

-- How many rows a merchant has in a table of this database, whether it is at home here or not.
create function tenancy.count_rows(merchant uuid, named text) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  entered text := set_config('app.merchant_id', merchant::text, true);
  counted bigint;
begin
  execute format('select count(*) from %s where merchant_id = $1', tenancy.table_named(named)) into counted using merchant;
  return counted;
end $$;

create function tenancy.begin_restore(merchant uuid, work uuid, as_copy boolean) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(merchant::text, 4242));
  perform 1 from tenancy.home where merchant_id = merchant and state <> 'moved';
  if found then
    raise exception 'the merchant lives here' using errcode = 'MV004';
  end if;
  insert into tenancy.merchant_work (merchant_id, work_id, kind, renamed) values (merchant, work, 'restore', as_copy)
  on conflict (merchant_id) do nothing;
  perform tenancy.hold_work(merchant, work, 'restore');
end $$;

-- Writes one part of an archive: JSON objects, one a line, of the columns named. Whatever merchant a line names, the rows are this
-- one's. A part that is here already is left alone; answers whether it was written now.
create function tenancy.restore_rows(merchant uuid, work uuid, part_number bigint, named text, columns text[], lines text) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  target   regclass := tenancy.table_named(named);
  restored text := set_config('app.restoring', 'on', true);
  targets  text;
  sources  text;
  as_json  text[];
  known    bigint;
begin
  perform tenancy.hold_work(merchant, work, 'restore');
  update tenancy.merchant_work set part = part_number where merchant_id = merchant and part = part_number - 1;
  if not found then
    select part into known from tenancy.merchant_work where merchant_id = merchant;
    if known >= part_number then
      return false;
    end if;
    raise exception 'part % of the archive comes after part %', part_number, known using errcode = 'MV004';
  end if;
  -- What is absent is null; a column of JSON keeps a null of JSON apart from that.
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum),
    string_agg(case
      when a.attname = 'merchant_id' then '$1'
      when a.atttypid = 'jsonb'::regtype then format('line.value -> %L', a.attname)
      else format('typed.%I', a.attname) end, ', ' order by a.attnum),
    coalesce(array_agg(a.attname::text) filter (where a.atttypid = 'jsonb'::regtype), '{}')
  into targets, sources, as_json
  from pg_attribute a where a.attrelid = target and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname = any(columns);
  execute format(
    'insert into %s (%s) select %s from (select text::jsonb as value, position from string_to_table($2, E''\n'') with ordinality as l (text, position)) as line,
      lateral jsonb_populate_record(null::%1$s, line.value - $3) as typed order by line.position', target, targets, sources)
  using merchant, lines, as_json;
  return true;
end $$;

-- The merchant is at home here from now on.
create function tenancy.finish_restore(merchant uuid, work uuid, at_epoch bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform 1 from tenancy.home where merchant_id = merchant and epoch = at_epoch and state = 'active';
  if found then
    return;
  end if;
  perform tenancy.hold_work(merchant, work, 'restore');
  delete from tenancy.merchant_work where merchant_id = merchant;
  insert into tenancy.home (merchant_id, epoch, state) values (merchant, at_epoch, 'active')
  on conflict (merchant_id) do update set epoch = excluded.epoch, state = excluded.state, changed_at = now();
  perform queue.adopt_merchant(merchant, (select coalesce(max(c.event_sequence), 0) from public.merchant_counter c where c.merchant_id = merchant));
end $$;

-- Whether the merchant is at home here at that epoch.
create function tenancy.is_home(merchant uuid, at_epoch bigint) returns boolean
  language sql stable security definer
  set search_path = pg_catalog
  as $$ select exists (select from tenancy.home where merchant_id = merchant and epoch = at_epoch and state = 'active') $$;

-- Shuts the merchant out: writers that are inside are waited for, and nobody enters after them. A restore that is open here is
-- over: what it has written is erased with the rest.
create function tenancy.begin_erasure(merchant uuid, work uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(merchant::text, 4242));
  delete from tenancy.home where merchant_id = merchant;
  delete from tenancy.move_marker where merchant_id = merchant;
  insert into tenancy.merchant_work (merchant_id, work_id, kind) values (merchant, work, 'erasure')
  on conflict (merchant_id) do update set work_id = excluded.work_id, kind = excluded.kind;
end $$;

create function tenancy.erase_rows(merchant uuid, work uuid, named text, at_most integer) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  erased bigint;
begin
  perform tenancy.hold_work(merchant, work, 'erasure');
  execute format('delete from %1$s where merchant_id = $1 and ctid = any(array(select ctid from %1$s where merchant_id = $1 limit $2))',
    tenancy.table_named(named)) using merchant, at_most;
  get diagnostics erased = row_count;
  return erased;
end $$;

set local role souk_queue;

-- Everything of a merchant in the queue. Answers how many jobs there were.
create function queue.erase_merchant(merchant uuid) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  erased bigint;
begin
  delete from graphile_worker._private_jobs where payload ->> 'merchantId' = merchant::text;
  get diagnostics erased = row_count;
  delete from queue.rejected_job where payload ->> 'merchantId' = merchant::text;
  delete from queue.follower where merchant_id = merchant;
  delete from queue.event_head where merchant_id = merchant;
  return erased;
end $$;
revoke execute on function queue.erase_merchant(uuid) from public;
grant execute on function queue.erase_merchant(uuid) to souk_owner;

reset role;

create function tenancy.erase_jobs(merchant uuid, work uuid) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform tenancy.hold_work(merchant, work, 'erasure');
  return queue.erase_merchant(merchant);
end $$;

create function tenancy.finish_erasure(merchant uuid, work uuid) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$ delete from tenancy.merchant_work where merchant_id = merchant and work_id = work and kind = 'erasure' $$;

revoke execute on function tenancy.hold_work(uuid, uuid, text), tenancy.table_named(text), tenancy.count_rows(uuid, text),
  tenancy.begin_restore(uuid, uuid, boolean), tenancy.restore_rows(uuid, uuid, bigint, text, text[], text),
  tenancy.finish_restore(uuid, uuid, bigint), tenancy.is_home(uuid, bigint), tenancy.begin_erasure(uuid, uuid), tenancy.erase_rows(uuid, uuid, text, integer),
  tenancy.erase_jobs(uuid, uuid), tenancy.finish_erasure(uuid, uuid) from public;
grant execute on function tenancy.count_rows(uuid, text), tenancy.begin_restore(uuid, uuid, boolean),
  tenancy.restore_rows(uuid, uuid, bigint, text, text[], text), tenancy.finish_restore(uuid, uuid, bigint), tenancy.is_home(uuid, bigint),
  tenancy.begin_erasure(uuid, uuid), tenancy.erase_rows(uuid, uuid, text, integer), tenancy.erase_jobs(uuid, uuid),
  tenancy.finish_erasure(uuid, uuid) to souk_platform;
