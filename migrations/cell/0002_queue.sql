-- The cell's job queue. graphile-worker's own schema belongs to souk_queue; the application reaches it through one
-- function that stamps the merchant, so a payload can never name another merchant.

create schema queue authorization souk_queue;

set local role souk_queue;
grant usage on schema queue to souk_app;

-- One row a running worker process: its heartbeat decides when its jobs are given to others.
create table queue.runner (
  pool_id    text primary key,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now()
);

-- Adds a job for the merchant in scope. With a key, an equal job that has not started yet is replaced; keys of two
-- merchants or two tasks never meet.
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
    job_key => case when job_key is null then null else merchant::text || ':' || task || ':' || job_key end
  );
end $$;
revoke execute on function queue.enqueue(text, jsonb, text, timestamptz, integer) from public;
grant execute on function queue.enqueue(text, jsonb, text, timestamptz, integer) to souk_app;

reset role;
