-- The ground every tenant table stands on: who the merchant of a transaction is, which database is a merchant's home,
-- and how a table is put behind row-level security. Works with no merchant-specific data of its own.

create schema app;
create schema tenancy;
grant usage on schema app, tenancy to souk_app, souk_platform, souk_queue;
revoke create on schema public from public;
grant usage on schema public to souk_app;

-- STABLE and plain SQL, so that the planner inlines it. Without missing_ok: no merchant in scope must raise, both on a
-- fresh connection (the setting is unknown) and on a reused one (after a local set_config it is '', not null).
create function app.current_merchant() returns uuid
  language sql stable parallel safe
  as $$ select current_setting('app.merchant_id')::uuid $$;

-- Puts a tenant table behind forced row security with the one policy, and grants the application its rights.
-- `privileges` is narrower for append-only tables. TRUNCATE is never among them: it ignores row security.
create function app.protect(target regclass, privileges text default 'select, insert, update, delete') returns void
  language plpgsql
  set search_path = pg_catalog, public
  as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format(
    'create policy merchant_only on %s for all using (merchant_id = app.current_merchant()) with check (merchant_id = app.current_merchant())',
    target
  );
  execute format('grant %s on table %s to souk_app', privileges, target);
end $$;
revoke execute on function app.protect(regclass, text) from public;

-- Which merchants live in this database, at which epoch. Local knowledge: never part of a publication.
create table tenancy.home (
  merchant_id uuid primary key,
  epoch       bigint not null check (epoch > 0),
  state       text not null check (state in ('standby', 'active', 'fenced', 'moved')),
  changed_at  timestamptz not null default now()
);

-- The door for writers. The shared advisory lock comes first and the check after it, with a snapshot taken after the
-- lock was granted; that is why a writer in repeatable read is refused: its snapshot may be older than the fence.
-- MV001: this database is not the merchant's writable home at that epoch. MV002: wrong isolation level.
-- The setting is made by an assignment, which plpgsql evaluates as an expression; by PERFORM it would be a query of its own.
create function tenancy.enter(merchant uuid, at_epoch bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  entered text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a merchant is entered in read committed only' using errcode = 'MV002';
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended(merchant::text, 4242));
  perform 1 from tenancy.home where merchant_id = merchant and epoch = at_epoch and state = 'active';
  if not found then
    raise exception 'merchant is not at home here' using errcode = 'MV001';
  end if;
  entered := set_config('app.merchant_id', merchant::text, true);
end $$;

-- The lighter door, for readers: no lock, and a fenced home still answers. Answers the merchant, so that a single statement
-- can enter and join with it.
create function tenancy.entered(merchant uuid, at_epoch bigint) returns uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  scope text;
begin
  perform 1 from tenancy.home where merchant_id = merchant and epoch = at_epoch and state in ('active', 'fenced');
  if not found then
    raise exception 'merchant is not at home here' using errcode = 'MV001';
  end if;
  scope := set_config('app.merchant_id', merchant::text, true);
  return merchant;
end $$;

-- Opens this database to a new merchant. Repeating it changes nothing.
create function tenancy.admit(merchant uuid) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$ insert into tenancy.home (merchant_id, epoch, state) values (merchant, 1, 'active') on conflict (merchant_id) do nothing $$;

revoke execute on all functions in schema tenancy from public;
grant execute on function tenancy.enter(uuid, bigint), tenancy.entered(uuid, bigint) to souk_app;
grant execute on function tenancy.admit(uuid) to souk_platform;
