-- Which programs run, and which schema each was written for; how far each cell's schema is. A contract, which takes away
-- what older programs still use, waits until none of them is left, and keeps them out from then on.

create table platform.process (
  id                uuid primary key,
  kind              text not null check (kind in ('api', 'worker')),
  host              text not null,
  directory_version integer not null check (directory_version > 0),
  cell_version      integer not null check (cell_version > 0),
  started_at        timestamptz not null default now(),
  beat_at           timestamptz not null default now()
);

-- The oldest version of a program that the schema still serves. Raised before the first contract that needs it.
create table platform.schema_floor (
  set     text primary key check (set in ('directory', 'cell')),
  version integer not null
);
insert into platform.schema_floor (set, version) values ('directory', 0), ('cell', 0);

-- One run over all cells. The databases themselves know what was applied to them; this is who was asked when.
create table platform.fleet_migration (
  id          uuid primary key default uuidv7(),
  up_to       text not null check (up_to in ('expand', 'contract')),
  directory_version integer not null,
  cell_version      integer not null,
  state       text not null default 'running' check (state in ('running', 'done', 'failed')),
  failure     text,
  started_at  timestamptz not null default now(),
  finished_at timestamptz
);

create table platform.fleet_cell (
  migration_id uuid not null references platform.fleet_migration (id),
  cell         text not null references platform.cell (name),
  wave         integer not null,
  state        text not null default 'waiting' check (state in ('waiting', 'migrating', 'done', 'failed')),
  attempts     integer not null default 0,
  version      integer,
  failure      text,
  updated_at   timestamptz not null default now(),
  primary key (migration_id, cell)
);

grant select on platform.process, platform.schema_floor, platform.fleet_migration, platform.fleet_cell to souk_platform;

-- A program says that it runs, at its start and every few seconds. Answers whether the schema still serves it: one that
-- was taken for gone while a contract was made has to end.
create function platform.report_process(
  process_id uuid, kind_of_process text, host_of_process text, directory_version_known integer, cell_version_known integer
) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  -- Before the floor is looked at: whoever raises it holds this table until that is done.
  lock table platform.process in row exclusive mode;
  delete from platform.process p where p.beat_at < now() - interval '1 day';
  insert into platform.process (id, kind, host, directory_version, cell_version)
  select process_id, kind_of_process, host_of_process, directory_version_known, cell_version_known
  where not exists (
    select from platform.schema_floor f
    where f.version > case f.set when 'cell' then cell_version_known else directory_version_known end
  )
  on conflict (id) do update set beat_at = now();
  return found;
end $$;

create function platform.sign_off_process(process_id uuid) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$ delete from platform.process where id = process_id $$;

revoke execute on function platform.report_process(uuid, text, text, integer, integer), platform.sign_off_process(uuid) from public;
grant execute on function platform.report_process(uuid, text, text, integer, integer), platform.sign_off_process(uuid) to souk_app;
