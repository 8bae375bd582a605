-- The cell's job queue. graphile-worker's own schema belongs to souk_queue; the application reaches it through two
-- functions that stamp the merchant, so a payload can never name another merchant.

create schema queue authorization souk_queue;

set local role souk_queue;
grant usage on schema queue to souk_app, souk_platform;

-- One row a running pool of a worker process: its heartbeat decides when its jobs are given to others. A job locked by
-- a pool that has no row here is nobody's.
create table queue.runner (
  pool_id    text primary key,
  process    text not null,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now()
);
grant select on queue.runner to souk_platform;

-- Jobs that no merchant could be shown: theirs does not exist, or they cannot be read. For the platform to look at.
create table queue.rejected_job (
  queue_id    bigint primary key,
  task        text not null,
  payload     json not null,
  reason      text not null check (reason in ('merchant_unknown', 'payload_invalid')),
  detail      text not null,
  attempts    integer not null,
  enqueued_at timestamptz not null,
  rejected_at timestamptz not null default now()
);
grant select, delete on queue.rejected_job to souk_platform;

-- When a periodic round began last. Workers claim it by a conditional update: one round an interval, whoever runs it.
create table queue.round (
  name     text primary key,
  begun_at timestamptz not null
);

-- What the workers look for every other second: jobs that have used up their attempts, and who holds a lock.
create index exhausted_jobs on graphile_worker._private_jobs (id) where locked_at is null and attempts >= max_attempts;
create index locked_jobs on graphile_worker._private_jobs (locked_by) where locked_by is not null;

-- Keys of two merchants or two tasks never meet.
create function queue.job_key(merchant uuid, task text, key text) returns text
  language sql immutable
  as $$ select merchant::text || ':' || task || ':' || key $$;

-- Adds a job for the merchant in scope. With a key, an equal job that has not started yet is replaced, and a running
-- one is superseded: graphile-worker takes its key and its attempts away. The flag tells such a job, which had a key
-- and has it no longer, from one that never had one and failed.
create function queue.enqueue(task text, payload jsonb, job_key text, run_at timestamptz, max_attempts integer) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  merchant uuid := app.current_merchant();
begin
  perform graphile_worker.add_job(
    identifier => task,
    payload => (payload || jsonb_build_object('merchantId', merchant))::json,
    run_at => run_at,
    max_attempts => max_attempts,
    job_key => queue.job_key(merchant, task, job_key),
    flags => case when job_key is null then null else array['keyed'] end
  );
end $$;

-- As enqueue, but leaves a job of that key alone, whether it waits, runs or has failed. For wake-ups that are repeated.
create function queue.enqueue_unless_queued(task text, payload jsonb, job_key text, run_at timestamptz, max_attempts integer) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  merchant uuid := app.current_merchant();
  full_key text := queue.job_key(merchant, task, job_key);
begin
  -- graphile-worker's own answer to a known key writes to the row every time.
  perform 1 from graphile_worker._private_jobs where key = full_key;
  if found then
    return;
  end if;
  perform graphile_worker.add_job(
    identifier => task,
    payload => (payload || jsonb_build_object('merchantId', merchant))::json,
    run_at => run_at,
    max_attempts => max_attempts,
    job_key => full_key,
    flags => array['keyed'],
    job_key_mode => 'unsafe_dedupe'
  );
end $$;

revoke execute on all functions in schema queue from public;
grant execute on function queue.enqueue(text, jsonb, text, timestamptz, integer) to souk_app;
grant execute on function queue.enqueue_unless_queued(text, jsonb, text, timestamptz, integer) to souk_app;

reset role;
