-- A publication that comes or goes has every session of its database read about its tables again: with all of them at once, the next
-- statements of everybody there take three times as long. So movers publish a few tables at a time. Besides, a writer who first comes to a
-- table fails if its publication is dropped at that moment (XX000); one that lost its tables a little earlier is in nobody's way.

-- Publishes up to so many tables more of a merchant's. Answers whether some are left.
create function tenancy.publish_some(merchant uuid, publication text, at_most integer) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  tables text;
  waiting integer;
begin
  if publication !~ '^souk_move_[0-9a-f]{32}_(forward|back)$' then
    raise exception 'not the name of a move''s publication' using errcode = 'MV003';
  end if;
  select string_agg(format('table %s where (merchant_id = %L)', t.oid::regclass, merchant), ', ' order by t.oid) filter (where t.place <= at_most), count(*)
    into tables, waiting
  from (
    select a.oid, row_number() over (order by a.oid) as place
    from (select oid from tenancy.tenant_table union all select 'tenancy.move_marker'::regclass) as a
    where not exists (
      select from pg_publication p join pg_publication_rel r on r.prpubid = p.oid where p.pubname = publication and r.prrelid = a.oid)
  ) as t;
  if not exists (select from pg_publication where pubname = publication) then
    execute format('create publication %I for %s with (publish = %L, publish_via_partition_root = true)', publication, tables, 'insert, update, delete');
  elsif tables is not null then
    execute format('alter publication %I add %s', publication, tables);
  end if;
  return waiting > at_most;
end $$;

-- Takes up to so many tables out of a publication, and drops it when it had none left. Answers whether it is still there.
create function tenancy.unpublish_some(publication text, at_most integer) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  tables text;
begin
  if publication !~ '^souk_move_[0-9a-f]{32}_(forward|back)$' then
    raise exception 'not the name of a move''s publication' using errcode = 'MV003';
  end if;
  select string_agg(t.oid::regclass::text, ', ' order by t.oid) into tables
  from (
    select r.prrelid as oid from pg_publication p join pg_publication_rel r on r.prpubid = p.oid
    where p.pubname = publication order by r.prrelid limit at_most
  ) as t;
  if tables is null then
    execute format('drop publication if exists %I', publication);
    return false;
  end if;
  execute format('alter publication %I drop table %s', publication, tables);
  return true;
end $$;

revoke execute on function tenancy.publish_some(uuid, text, integer), tenancy.unpublish_some(text, integer) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'souk_mover') then
    grant execute on function tenancy.publish_some(uuid, text, integer), tenancy.unpublish_some(text, integer) to souk_mover;
  end if;
end $$;
