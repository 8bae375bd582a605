-- Who follows a merchant's event log, and how workers hear that there is something new; the merchant's webhooks.

set local role souk_queue;

-- How far each merchant's event log reaches. A copy of merchant_counter.event_sequence that workers may read for all
-- merchants at once; rows lie under the same lock as the counter's, so it adds no waiting.
create table queue.event_head (
  merchant_id uuid primary key,
  sequence    bigint not null
) with (fillfactor = 50);

-- One row for a merchant and each of its followers of the log. A worker that finds the log beyond `position`, or `due_at`
-- past, takes the lease and works; a lease is over by this database's clock alone. What was reached is kept in the merchant's
-- own tables: rows here are wake-ups, and a row that is lost is made again. `revision` counts the calls to look at once.
create table queue.follower (
  merchant_id  uuid not null,
  follower     text not null check (follower in ('webhooks', 'mail', 'fulfillment')),
  position     bigint not null default 0,
  due_at       timestamptz,
  revision     bigint not null default 0,
  lease        uuid,
  leased_until timestamptz not null default '-infinity',
  primary key (merchant_id, follower)
) with (fillfactor = 50);

create function queue.note_events() returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  insert into queue.event_head (merchant_id, sequence) values (new.merchant_id, new.event_sequence)
  on conflict (merchant_id) do update set sequence = excluded.sequence;
  return null;
end $$;

-- Has the merchant in scope looked at by this follower as soon as this transaction is committed. Repeating it is free.
create function queue.wake_follower(follower text) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  if follower not in ('webhooks', 'mail', 'fulfillment') then
    return;
  end if;
  insert into queue.follower as f (merchant_id, follower, due_at) values (app.current_merchant(), follower, now())
  on conflict on constraint follower_pkey do update set due_at = now(), revision = f.revision + 1;
end $$;

-- Makes sure in the transaction at hand that the lease is still held: nobody else can get it before the commit. Answers the
-- revision, or null when the lease is another's or over.
create function queue.hold_follower(held text, with_lease uuid) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  held_at bigint;
begin
  select f.revision into held_at from queue.follower f
  where f.merchant_id = app.current_merchant() and f.follower = held and f.lease = with_lease and f.leased_until > clock_timestamp()
  for share;
  return held_at;
end $$;

-- Gives the lease back and says when to look again: when the log goes beyond `up_to`, at `due`, or at once if somebody called
-- after `at_revision` was read.
create function queue.release_follower(held text, with_lease uuid, up_to bigint, due timestamptz, at_revision bigint) returns void
  language sql volatile security definer
  set search_path = pg_catalog
  as $$
    update queue.follower f
    set lease = null, leased_until = '-infinity', position = up_to, due_at = case when f.revision = at_revision then due else now() end
    where f.merchant_id = app.current_merchant() and f.follower = held and f.lease = with_lease
  $$;

revoke execute on function queue.note_events(), queue.wake_follower(text), queue.hold_follower(text, uuid),
  queue.release_follower(text, uuid, bigint, timestamptz, bigint) from public;
grant execute on function queue.wake_follower(text), queue.hold_follower(text, uuid),
  queue.release_follower(text, uuid, bigint, timestamptz, bigint) to souk_app;
grant usage on schema queue to souk_owner;
grant execute on function queue.note_events() to souk_owner;

reset role;

create trigger note_events after update of event_sequence on merchant_counter
  for each row when (new.event_sequence > old.event_sequence) execute function queue.note_events();

-- Where a merchant wants to be told. `position` is the last event that was looked at: what was wanted of those before it has its
-- delivery. `failures` in a row open the circuit until `paused_until`; `failing_since` the first of them without a success after it.
-- Secrets and headers are sealed; the key is elsewhere. A deleted one keeps its row until its log is cleared.
create table webhook_endpoint (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  url              text not null,
  description      text not null,
  sealed_secret    text not null,
  sealed_previous  text,
  previous_until   timestamptz,
  sealed_headers   text,
  status           text not null check (status in ('enabled', 'disabled', 'deleted')),
  disabled_reason  text check (disabled_reason in ('staff', 'gone', 'failing')),
  position         bigint not null,
  kept_from        bigint not null default 0,
  failures         bigint not null default 0,
  failing_since    timestamptz,
  noticed_at       timestamptz,
  paused_until     timestamptz,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (merchant_id, id),
  constraint disabled_for_a_reason check ((status = 'disabled') = (disabled_reason is not null)),
  constraint previous_secret_ends check ((sealed_previous is null) = (previous_until is null))
);
select app.protect('webhook_endpoint');

-- What an endpoint wants, and in which form, of the events after a number: an event is delivered as it was wanted when it happened.
create table webhook_subscription (
  merchant_id     uuid not null,
  endpoint_id     uuid not null,
  after           bigint not null,
  event_types     text[] not null,
  payload_version text not null,
  primary key (merchant_id, endpoint_id, after),
  foreign key (merchant_id, endpoint_id) references webhook_endpoint (merchant_id, id)
);
select app.protect('webhook_subscription');

-- One event for one endpoint. The id is the webhook-id that the receiver sees. Later events of its aggregate wait until it is
-- delivered or dead: they are never due before it.
create table webhook_delivery (
  merchant_id     uuid not null,
  id              uuid not null default uuidv7(),
  endpoint_id     uuid not null,
  sequence        bigint not null,
  event_type      text not null,
  aggregate_id    uuid not null,
  payload_version text not null,
  status          text not null check (status in ('pending', 'delivered', 'dead')),
  attempts        bigint not null default 0,
  due_at          timestamptz not null default now(),
  pending_since   timestamptz not null default now(),
  ended_at        timestamptz,
  created_at      timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, endpoint_id, sequence),
  foreign key (merchant_id, endpoint_id) references webhook_endpoint (merchant_id, id),
  constraint ended_when_not_pending check ((status = 'pending') = (ended_at is null))
);
create index on webhook_delivery (merchant_id, endpoint_id, due_at) where status = 'pending';
create index on webhook_delivery (merchant_id, endpoint_id, aggregate_id, sequence) where status = 'pending';
select app.protect('webhook_delivery');

-- What came of one sending: an HTTP status, or the reason why there was none.
create table webhook_attempt (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  delivery_id   uuid not null,
  number        bigint not null,
  started_at    timestamptz not null,
  duration_ms   bigint not null,
  status_code   integer,
  failure       text,
  answer        text not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, delivery_id) references webhook_delivery (merchant_id, id) on delete cascade
);
create index on webhook_attempt (merchant_id, delivery_id, number);
select app.protect('webhook_attempt', 'select, insert, delete');

-- A range of the log that is sent again, in order, a part at a time: `position` is how far it has come.
create table webhook_replay (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  endpoint_id   uuid not null,
  from_sequence bigint not null,
  to_sequence   bigint not null,
  position      bigint not null,
  replayed      bigint not null default 0,
  done_at       timestamptz,
  created_at    timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, endpoint_id) references webhook_endpoint (merchant_id, id)
);
create index on webhook_replay (merchant_id, endpoint_id) where done_at is null;
select app.protect('webhook_replay');
