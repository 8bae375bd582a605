-- Plans: how much of the platform a merchant may use at once. A plan is data; every merchant has one. API and worker processes
-- hold all plans in memory and hear of changes on the channel souk_plans.

create table platform.plan (
  name       text primary key check (name ~ '^[a-z][a-z0-9-]{0,39}$'),
  limits     jsonb not null check (jsonb_typeof(limits) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
grant select, insert, update, delete on platform.plan to souk_platform;

-- What merchants have who were given nothing else. It names no rate; what is looked at in one shop, and done by its staff, holds at
-- most a part of a cell's connections, and who finds them taken waits for as long as a request may take. Checkouts have no places of
-- their own: what many buyers want at once is served in line (core's reserve-in-turn), which needs to see that they are many.
insert into platform.plan (name, limits) values (
  'standard',
  '{"concurrency": {"storefront": 4, "staff": 3}, "queue": {"length": 1000, "wait_ms": 15000}}'
);

alter table platform.merchant add column plan text not null default 'standard';
alter table platform.merchant add constraint merchant_plan_fkey foreign key (plan) references platform.plan (name) not valid;

create function platform.plans() returns table (name text, limits jsonb)
  language sql stable security definer set search_path = pg_catalog
  as $$ select p.name, p.limits from platform.plan p $$;

-- The merchants whose plan is not the standard one: all of them, or one.
create function platform.merchants_on_plans(wanted uuid) returns table (merchant_id uuid, plan text)
  language sql stable security definer set search_path = pg_catalog
  as $$ select m.id, m.plan from platform.merchant m where m.plan <> 'standard' and (wanted is null or m.id = wanted) $$;

create function platform.announce_plans() returns trigger
  language plpgsql set search_path = pg_catalog
  as $$
begin
  perform pg_notify('souk_plans', case when tg_table_name = 'merchant' then to_jsonb(new) ->> 'id' else '' end);
  return null;
end $$;
create trigger announce after insert or update or delete on platform.plan for each row execute function platform.announce_plans();
create trigger announce_plan after insert or update of plan on platform.merchant
  for each row when (new.plan <> 'standard') execute function platform.announce_plans();
create trigger announce_plan_left after update of plan on platform.merchant
  for each row when (old.plan <> 'standard' and new.plan = 'standard') execute function platform.announce_plans();

-- One bucket of requests a merchant, from which the processes take a few at a time. Unlogged: after a crash it is full again.
create unlogged table platform.request_bucket (
  merchant_id uuid primary key,
  left_over   double precision not null,
  counted_at  timestamptz not null
);

-- Takes up to `wanted` requests. When there is none, `wait_ms` says when there will be one. By this database's clock alone.
create function platform.take_requests(merchant uuid, per_second double precision, burst integer, wanted integer)
  returns table (granted integer, wait_ms integer, remaining integer)
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  bucket    platform.request_bucket;
  available double precision;
  moment    timestamptz;
begin
  insert into platform.request_bucket values (merchant, burst, clock_timestamp()) on conflict do nothing;
  select * into bucket from platform.request_bucket b where b.merchant_id = merchant for update;
  moment := greatest(clock_timestamp(), bucket.counted_at);
  available := least(burst, bucket.left_over + extract(epoch from moment - bucket.counted_at) * per_second);
  granted := least(wanted, floor(available)::integer);
  wait_ms := case when granted > 0 then 0 else ceil((1 - available) / per_second * 1000)::integer end;
  remaining := floor(available)::integer - granted;
  update platform.request_bucket b set left_over = available - granted, counted_at = moment where b.merchant_id = merchant;
  return next;
end $$;

-- What each merchant used of the platform on a day (UTC). Processes add what they counted about twice a minute.
create table platform.usage (
  merchant_id   uuid not null,
  day           date not null,
  requests      bigint not null default 0,
  refused       bigint not null default 0,
  database_ms   bigint not null default 0,
  jobs          bigint not null default 0,
  job_ms        bigint not null default 0,
  plugin_cpu_ms bigint not null default 0,
  rows_stored   bigint,
  primary key (merchant_id, day)
);
create index usage_by_day on platform.usage (day);
grant select, insert, update, delete on platform.usage to souk_platform;

-- Adds to the day's figures. rows_stored is no sum: the last one told holds. In id order, so that no two callers deadlock.
create function platform.add_usage(on_day date, entries jsonb) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$
    insert into platform.usage as u (merchant_id, day, requests, refused, database_ms, jobs, job_ms, plugin_cpu_ms, rows_stored)
    select e.merchant_id, on_day, coalesce(e.requests, 0), coalesce(e.refused, 0), coalesce(e.database_ms, 0), coalesce(e.jobs, 0),
      coalesce(e.job_ms, 0), coalesce(e.plugin_cpu_ms, 0), e.rows_stored
    from jsonb_to_recordset(entries) as e(merchant_id uuid, requests bigint, refused bigint, database_ms bigint, jobs bigint, job_ms bigint,
      plugin_cpu_ms bigint, rows_stored bigint)
    order by e.merchant_id
    on conflict (merchant_id, day) do update set
      requests = u.requests + excluded.requests, refused = u.refused + excluded.refused,
      database_ms = u.database_ms + excluded.database_ms, jobs = u.jobs + excluded.jobs, job_ms = u.job_ms + excluded.job_ms,
      plugin_cpu_ms = u.plugin_cpu_ms + excluded.plugin_cpu_ms, rows_stored = coalesce(excluded.rows_stored, u.rows_stored)
  $$;

revoke execute on function platform.announce_plans() from public;
revoke execute on function platform.plans(), platform.merchants_on_plans(uuid),
  platform.take_requests(uuid, double precision, integer, integer), platform.add_usage(date, jsonb) from public;
grant execute on function platform.plans(), platform.merchants_on_plans(uuid),
  platform.take_requests(uuid, double precision, integer, integer), platform.add_usage(date, jsonb) to souk_platform;
