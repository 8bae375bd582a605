-- What the platform keeps for every merchant: settings, staff, API keys, counters, the event log, idempotency keys,
-- jobs that were given up.

-- Amounts in minor units of `currency`; the tax rate in parts per million (19 % = 190000).
create table merchant_settings (
  merchant_id         uuid primary key,
  slug                text not null,
  name                text not null,
  currency            text not null check (currency ~ '^[A-Z]{3}$'),
  country             text not null check (country ~ '^[A-Z]{2}$'),
  prices_include_tax  boolean not null,
  tax_rate_ppm        bigint not null check (tax_rate_ppm between 0 and 1000000),
  shipping_name       text not null,
  shipping_amount     bigint not null check (shipping_amount >= 0),
  contact_email       text not null,
  default_location_id uuid not null,
  version             bigint not null default 1,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now()
);
select app.protect('merchant_settings');

create table staff (
  merchant_id        uuid not null,
  id                 uuid not null default uuidv7(),
  email              text not null,
  name               text not null,
  role               text not null check (role in ('owner')),
  password_hash      text not null,
  tokens_valid_after timestamptz not null default now(),
  disabled_at        timestamptz,
  created_at         timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, email)
);
select app.protect('staff');

create table api_key (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  name        text not null,
  secret_hash text not null,
  scopes      text[] not null,
  created_by  uuid,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,
  revoked_at  timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, created_by) references staff (merchant_id, id)
);
select app.protect('api_key');

-- Gapless numbers: taken by an update inside the transaction that uses them, so a rollback gives them back.
create table merchant_counter (
  merchant_id    uuid primary key,
  order_number   bigint not null default 0,
  event_sequence bigint not null default 0
);
select app.protect('merchant_counter', 'select, insert, update');

-- What happened, in the merchant's own order. Append-only.
create table event (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  sequence       bigint not null,
  type           text not null,
  aggregate_type text not null,
  aggregate_id   uuid not null,
  data           jsonb not null,
  actor          jsonb not null,
  occurred_at    timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, sequence)
);
create index on event (merchant_id, aggregate_id, sequence);
select app.protect('event', 'select, insert');

-- One row per answered request that carried an Idempotency-Key; written in the transaction of its effects.
create table idempotency_key (
  merchant_id   uuid not null,
  route         text not null,
  key           text not null,
  fingerprint   text not null,
  status_code   integer not null,
  response_body text not null,
  created_at    timestamptz not null default now(),
  expires_at    timestamptz not null,
  primary key (merchant_id, route, key)
);
create index on idempotency_key (merchant_id, expires_at);
select app.protect('idempotency_key');

-- Jobs that failed for good, kept until somebody looks.
create table dead_job (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  queue_id    bigint not null,
  task        text not null,
  job_key     text,
  payload     jsonb not null,
  attempts    integer not null,
  last_error  text not null,
  enqueued_at timestamptz not null,
  died_at     timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, queue_id)
);
select app.protect('dead_job', 'select, insert, delete');
