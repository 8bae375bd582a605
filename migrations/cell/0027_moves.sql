-- What a cell's database does in a move of a merchant. tenancy.home says who may be served here and is changed by the functions
-- below alone; each of them compares before it sets, so that a mover who comes late changes nothing.

-- The number of the last fence that was put up or lifted here. A fence with a number that is not above it comes too late.
alter table tenancy.home add fence bigint not null default 0;

-- Rows that travel with a merchant's changes: who sees one has everything that was committed before it.
create table tenancy.move_marker (
  merchant_id uuid not null,
  id          bigint not null,
  primary key (merchant_id, id)
);

-- The tables that belong to merchants: all of schema public that hold rows.
create view tenancy.tenant_table as
  select c.oid, c.relname::text as name
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped);

-- Begins to make or to remove something for a move, under the move's number. From here on nothing older than this is done
-- here any more: what an earlier mover still had in hand finds that its number is over, see tenancy.hold_number.
create function tenancy.supersede(merchant uuid, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(merchant::text, 4244));
  update tenancy.home set fence = greatest(fence, number) where merchant_id = merchant and state <> 'fenced';
end $$;

-- Raises if a move's number is over here, and sees to it that it is not before the end of this transaction.
create function tenancy.hold_number(merchant uuid, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended(merchant::text, 4244));
  perform from tenancy.home h where h.merchant_id = merchant and h.fence <= number;
  if not found then
    raise exception 'the time of this mover is over' using errcode = 'MV005';
  end if;
end $$;

-- Makes room for a merchant who will come. Refuses where it is served.
create function tenancy.expect(merchant uuid, at_epoch bigint, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(merchant::text, 4244));
  insert into tenancy.home as h (merchant_id, epoch, state, fence) values (merchant, at_epoch, 'standby', number)
  on conflict (merchant_id) do update set epoch = at_epoch, fence = number, changed_at = now()
    where h.state = 'standby' and h.epoch <= at_epoch and h.fence <= number;
  if not found then
    raise exception 'the merchant is known here already' using errcode = 'MV003';
  end if;
end $$;

-- Stops the merchant's writers. Those inside hold a shared lock and are waited for, as long as lock_timeout allows; those who come
-- later wait in front of this and then find the fence. The marker commits after everything that was written here.
create function tenancy.fence(merchant uuid, at_epoch bigint, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog set lock_timeout = '500ms'
  as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(merchant::text, 4242));
  update tenancy.home set state = 'fenced', fence = number, changed_at = now()
  where merchant_id = merchant and epoch = at_epoch and state = 'active' and fence < number;
  if not found then
    raise exception 'the merchant cannot be fenced here' using errcode = 'MV003';
  end if;
  insert into tenancy.move_marker (merchant_id, id) values (merchant, number);
end $$;

-- Takes back the fence of that number, or sees to it that it never comes.
create function tenancy.lift_fence(merchant uuid, number bigint) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$
    update tenancy.home
    set state = case when state = 'fenced' and fence <= number then 'active' else state end, fence = greatest(fence, number), changed_at = now()
    where merchant_id = merchant
  $$;

-- Opens this database to the merchant, provided that everything written at the old home is here. Repeating it changes nothing.
create function tenancy.arrive(merchant uuid, at_epoch bigint, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  home tenancy.home;
begin
  select * into home from tenancy.home h where h.merchant_id = merchant for update;
  if home.epoch >= at_epoch then
    return;
  end if;
  if home.state is null or home.state not in ('standby', 'moved') then
    raise exception 'the merchant is not expected here' using errcode = 'MV003';
  end if;
  perform from tenancy.move_marker m where m.merchant_id = merchant and m.id = number;
  if not found then
    raise exception 'not everything has arrived' using errcode = 'MV004';
  end if;
  update tenancy.home h set state = 'active', epoch = at_epoch, changed_at = now() where h.merchant_id = merchant;
end $$;

-- Closes the old home for good.
create function tenancy.depart(merchant uuid, new_epoch bigint) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$
    update tenancy.home set state = 'moved', epoch = new_epoch, changed_at = now()
    where merchant_id = merchant and state = 'fenced' and epoch < new_epoch
  $$;

-- Raises unless rows of the merchant may go from here: it is not served here, nobody has begun a later move, and its changes are sent
-- nowhere. What is deleted while they were would be deleted at its home too.
create function tenancy.assert_removable(merchant uuid, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended(merchant::text, 4244));
  perform from tenancy.home h where h.merchant_id = merchant and (h.state not in ('standby', 'moved') or h.fence > number) for update;
  if found then
    raise exception 'the merchant is at home here, or will be' using errcode = 'MV003';
  end if;
  perform from pg_publication_rel r where strpos(pg_get_expr(r.prqual, r.prrelid), merchant::text) > 0;
  if found then
    raise exception 'changes of the merchant are published here' using errcode = 'MV003';
  end if;
end $$;

-- Forgets a merchant who does not live here, and will not.
create function tenancy.forget(merchant uuid, number bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  perform tenancy.assert_removable(merchant, number);
  delete from tenancy.move_marker where merchant_id = merchant;
  delete from tenancy.home where merchant_id = merchant;
end $$;

-- Publishes the changes of one merchant in every table that is a merchant's: no TRUNCATE, which knows no filter, and nothing that
-- was applied here from elsewhere (subscribers ask for origin = none). tenancy.home is local knowledge and never among them.
create function tenancy.publish(merchant uuid, publication text) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  tables text;
begin
  if publication !~ '^souk_move_[0-9a-f]{32}_(forward|back)$' then
    raise exception 'not the name of a move''s publication' using errcode = 'MV003';
  end if;
  select string_agg(format('table %s where (merchant_id = %L)', t.oid::regclass, merchant), ', ' order by t.oid) into tables
  from (select oid from tenancy.tenant_table union all select 'tenancy.move_marker'::regclass) as t;
  execute format('create publication %I for %s with (publish = %L, publish_via_partition_root = true)', publication, tables, 'insert, update, delete');
end $$;

create function tenancy.unpublish(publication text) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  if publication !~ '^souk_move_[0-9a-f]{32}_(forward|back)$' then
    raise exception 'not the name of a move''s publication' using errcode = 'MV003';
  end if;
  execute format('drop publication if exists %I', publication);
end $$;

-- CREATE SUBSCRIPTION asks for CREATE on the database, which souk_mover has only while it makes one.
create function tenancy.allow_subscriptions(allowed boolean) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  if allowed then
    execute format('grant create on database %I to souk_mover', current_database());
  else
    execute format('revoke create on database %I from souk_mover', current_database());
  end if;
end $$;

revoke execute on function tenancy.supersede(uuid, bigint), tenancy.hold_number(uuid, bigint), tenancy.expect(uuid, bigint, bigint), tenancy.fence(uuid, bigint, bigint), tenancy.lift_fence(uuid, bigint),
  tenancy.arrive(uuid, bigint, bigint), tenancy.depart(uuid, bigint), tenancy.assert_removable(uuid, bigint), tenancy.forget(uuid, bigint),
  tenancy.publish(uuid, text), tenancy.unpublish(text), tenancy.allow_subscriptions(boolean) from public;

set local role souk_queue;

-- Has everything of a merchant that has come looked at soon: rows of the queue are wake-ups and stay behind in a move.
create function queue.adopt_merchant(merchant uuid, events bigint) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  insert into queue.event_head (merchant_id, sequence) values (merchant, events)
  on conflict (merchant_id) do update set sequence = greatest(queue.event_head.sequence, excluded.sequence);
  insert into queue.follower as f (merchant_id, follower, due_at)
  select merchant, name, now() from unnest(array['webhooks', 'mail', 'fulfillment']) as name
  on conflict on constraint follower_pkey do update set due_at = now(), revision = f.revision + 1;
  update queue.round set begun_at = '-infinity' where name = 'due work';
end $$;

-- Removes a merchant's wake-ups where it does not live. A job that runs at this moment ends by itself.
create function queue.forget_merchant(merchant uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  delete from graphile_worker._private_jobs where locked_at is null and payload ->> 'merchantId' = merchant::text;
  delete from queue.follower f where f.merchant_id = merchant;
  delete from queue.event_head h where h.merchant_id = merchant;
end $$;

revoke execute on function queue.adopt_merchant(uuid, bigint), queue.forget_merchant(uuid) from public;
grant usage on schema queue to souk_owner with grant option;
grant execute on function queue.adopt_merchant(uuid, bigint), queue.forget_merchant(uuid) to souk_owner with grant option;

reset role;

-- What movers may do here, tables that come later included. To be called again, as souk_owner, where souk_mover is made after
-- this migration.
create function tenancy.grant_to_mover() returns void
  language plpgsql set search_path = pg_catalog
  as $$
begin
  if not exists (select from pg_roles where rolname = 'souk_mover') then
    return;
  end if;
  grant usage on schema public, app, tenancy, queue, migration to souk_mover;
  grant select, insert, update, delete on all tables in schema public to souk_mover;
  alter default privileges in schema public grant select, insert, update, delete on tables to souk_mover;
  grant select, insert, update, delete on tenancy.move_marker to souk_mover;
  grant select on tenancy.home, tenancy.tenant_table, migration.history to souk_mover;
  grant execute on all functions in schema tenancy to souk_mover;
  revoke execute on function tenancy.enter(uuid, bigint), tenancy.entered(uuid, bigint), tenancy.admit(uuid), tenancy.grant_to_mover() from souk_mover;
  grant execute on function queue.adopt_merchant(uuid, bigint), queue.forget_merchant(uuid) to souk_mover;
  grant execute on function app.refresh_statistics() to souk_mover;
end $$;
revoke execute on function tenancy.grant_to_mover() from public;
select tenancy.grant_to_mover();

-- As before, and for movers, who take every table along whoever made it.
create or replace function app.protect(target regclass, privileges text default 'select, insert, update, delete') returns void
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
  if exists (select from pg_roles where rolname = 'souk_mover') then
    execute format('grant select, insert, update, delete on table %s to souk_mover', target);
  end if;
end $$;
