-- Fairness between the merchants of a cell's queue. graphile-worker takes jobs by priority, and of one priority what was due first. So
-- each merchant has a few of its due jobs in front (priority 0) and what it has beyond them in the back (priority 1), from where they come to
-- the end of the front as its own in front are done. Whoever has one job waits for a few of each of the others and never for all that one of
-- them has. Where nobody has any in front, workers take from the back by themselves: nothing waits for a step that a crash has left out.

set local role souk_queue;

-- allow require-concurrent-index-creation: only jobs that wait are in the table; 100,000 of them are indexed in half a second.
create index jobs_in_front on graphile_worker._private_jobs ((payload ->> 'merchantId'), run_at) where is_available and priority = 0;
-- allow require-concurrent-index-creation: no job has priority 1 before this file.
create index jobs_in_back on graphile_worker._private_jobs ((payload ->> 'merchantId'), run_at) where is_available and priority = 1;

-- How many due jobs of a merchant stand in front.
create function queue.front_max() returns integer
  language sql immutable
  as $$ select 8 $$;

-- How many of a merchant's due jobs stand in front now, as far as `enough`. Others' open transactions are not seen, so there may be a few more.
create function queue.in_front(merchant text, enough integer) returns integer
  language plpgsql volatile
  set search_path = pg_catalog
  as $$
declare
  found integer;
begin
  select count(*)::integer into found from (
    select from graphile_worker._private_jobs
    where is_available and priority = 0 and payload ->> 'merchantId' = merchant and run_at <= now() limit enough) as front;
  return found;
end $$;

-- Where a merchant's next job is put. One for later stands in front when its time comes: until then it is in nobody's way.
create function queue.next_priority(merchant uuid, run_at timestamptz) returns integer
  language sql volatile
  set search_path = pg_catalog
  as $$ select case when run_at > now() or queue.in_front(merchant::text, queue.front_max()) < queue.front_max() then 0 else 1 end $$;

-- What becomes of a merchant's jobs when one of them has left the front: half the front empty, it is filled up from the back, behind all
-- others that are in front already. When far too many are in front, because they were for later and are due now, most go to the back.
create function queue.advance(merchant text) returns void
  language plpgsql volatile
  set search_path = pg_catalog
  as $$
declare
  front_max integer := queue.front_max();
  front integer := queue.in_front(merchant, 2 * front_max + 1);
begin
  if front <= front_max / 2 then
    with next as (
      select id, run_at from graphile_worker._private_jobs
      where is_available and priority = 1 and payload ->> 'merchantId' = merchant and run_at <= now()
      order by run_at limit front_max - front for update skip locked
    ), numbered as (
      select id, row_number() over (order by run_at, id) as place from next
    )
    update graphile_worker._private_jobs as j set priority = 0, run_at = now() + numbered.place * interval '1 microsecond'
    from numbered where j.id = numbered.id;
  elsif front > 2 * front_max then
    update graphile_worker._private_jobs as j set priority = 1
    from (
      select id from graphile_worker._private_jobs
      where is_available and priority = 0 and payload ->> 'merchantId' = merchant and run_at <= now()
      order by run_at offset front_max limit 5000 for update skip locked
    ) as excess where j.id = excess.id;
  end if;
end $$;

-- The same for everybody who has jobs in the back: for what a worker that was killed has left undone.
create function queue.advance_all() returns void
  language sql volatile
  set search_path = pg_catalog
  as $$
  with recursive behind as (
    (select payload ->> 'merchantId' as merchant from graphile_worker._private_jobs where is_available and priority = 1 order by 1 limit 1)
    union all
    select (select payload ->> 'merchantId' from graphile_worker._private_jobs
      where is_available and priority = 1 and payload ->> 'merchantId' > b.merchant order by 1 limit 1)
    from behind b where b.merchant is not null
  )
  select queue.advance(merchant) from behind where merchant is not null
$$;

-- As before, with a place in the order of merchants, and the merchant as a flag: a worker can pass over those who have enough at work.
create or replace function queue.enqueue(task text, payload jsonb, job_key text, run_at timestamptz, max_attempts integer) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  merchant uuid := app.current_merchant();
  flag text := 'merchant:' || merchant;
begin
  perform graphile_worker.add_job(
    identifier => task,
    payload => (payload || jsonb_build_object('merchantId', merchant))::json,
    run_at => run_at,
    max_attempts => max_attempts,
    job_key => queue.job_key(merchant, task, job_key),
    priority => queue.next_priority(merchant, run_at),
    flags => case when job_key is null then array[flag] else array['keyed', flag] end
  );
end $$;

create or replace function queue.enqueue_unless_queued(task text, payload jsonb, job_key text, run_at timestamptz, max_attempts integer) returns void
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
    priority => queue.next_priority(merchant, run_at),
    flags => array['keyed', 'merchant:' || merchant],
    job_key_mode => 'unsafe_dedupe'
  );
end $$;

revoke execute on all functions in schema queue from public;

reset role;
