-- Promotions: their versions and how far each has come, the coupons that bring them, what is used of their limits, and what
-- a version would have done to past orders.

-- The head. Buyers whose bucket is below rollout_ppm get live_version; the others get base_version, or nothing. name and
-- trigger are those of the latest version, for lists. limited: a version in force has limits, so a quote has to look at counters.
create table promotion (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  name           text not null,
  trigger        text not null check (trigger in ('automatic', 'coupon')),
  state          text not null check (state in ('draft', 'live', 'off')),
  latest_version integer not null check (latest_version > 0),
  live_version   integer,
  base_version   integer,
  rollout_ppm    bigint not null default 0 check (rollout_ppm between 0 and 1000000),
  limited        boolean not null default false,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  primary key (merchant_id, id),
  constraint live_says_which check ((state = 'live') = (live_version is not null)),
  constraint live_reaches_somebody check ((live_version is not null) = (rollout_ppm > 0)),
  constraint base_is_for_the_rest check (base_version is null or (live_version is not null and base_version <> live_version and rollout_ppm < 1000000))
);
create index on promotion (merchant_id, id) where state = 'live';
create index on promotion (merchant_id, state, id);
select app.protect('promotion', 'select, insert, update');

-- Append-only: what a version says never changes. document is what carts are priced by.
create table promotion_version (
  merchant_id  uuid not null,
  promotion_id uuid not null,
  version      integer not null check (version > 0),
  document     jsonb not null,
  warnings     jsonb not null,
  author       jsonb not null,
  reason       text not null,
  created_at   timestamptz not null default now(),
  primary key (merchant_id, promotion_id, version),
  foreign key (merchant_id, promotion_id) references promotion (merchant_id, id)
);
select app.protect('promotion_version', 'select, insert');

-- How far a version has come: draft, tried in a dry run, live for some buyers or all, retired. It changes, and is kept beside
-- the version for that reason.
create table promotion_stage (
  merchant_id   uuid not null,
  promotion_id  uuid not null,
  version       integer not null,
  stage         text not null check (stage in ('draft', 'dry_run', 'live', 'retired')),
  dry_run_at    timestamptz,
  first_live_at timestamptz,
  changed_at    timestamptz not null default now(),
  primary key (merchant_id, promotion_id, version),
  foreign key (merchant_id, promotion_id, version) references promotion_version (merchant_id, promotion_id, version)
);
select app.protect('promotion_stage', 'select, insert, update');

-- Codes that were asked for in one go. The codes are written in chunks, each with the progress it makes.
create table coupon_batch (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  promotion_id      uuid not null,
  name              text not null,
  prefix            text not null,
  code_length       integer not null check (code_length > 0),
  quantity          integer not null check (quantity > 0),
  generated         integer not null default 0,
  status            text not null check (status in ('queued', 'running', 'done')),
  uses_max          bigint check (uses_max > 0),
  uses_per_customer bigint check (uses_per_customer > 0),
  starts_at         timestamptz,
  expires_at        timestamptz,
  disabled_at       timestamptz,
  author            jsonb not null,
  created_at        timestamptz not null default now(),
  finished_at       timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, promotion_id) references promotion (merchant_id, id),
  constraint no_more_than_asked_for check (generated between 0 and quantity)
);
create index on coupon_batch (merchant_id, promotion_id, id);
create index on coupon_batch (merchant_id, status, id) where status <> 'done';
select app.protect('coupon_batch', 'select, insert, update');

-- code is as it was written, code_key the form codes are compared in. For one customer alone: by account, or by the e-mail
-- address an order goes to. No key to the customer: a code whose customer is gone is nobody's, and must not become everybody's.
create table coupon (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  promotion_id      uuid not null,
  batch_id          uuid,
  code              text not null,
  code_key          text not null,
  customer_id       uuid,
  customer_email    text,
  uses_max          bigint check (uses_max > 0),
  uses_per_customer bigint check (uses_per_customer > 0),
  starts_at         timestamptz,
  expires_at        timestamptz,
  disabled_at       timestamptz,
  created_at        timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, code_key),
  foreign key (merchant_id, promotion_id) references promotion (merchant_id, id),
  foreign key (merchant_id, batch_id) references coupon_batch (merchant_id, id)
);
create index on coupon (merchant_id, promotion_id, id);
create index on coupon (merchant_id, batch_id, id);
select app.protect('coupon', 'select, insert, update');

-- What is used of a limit: of a promotion or a coupon (subject_id), by everybody ('') or by one customer. There is a counter
-- where there is a limit. used_max and spent_max are the limits of the last use, so that no use ever goes past its limit.
create table usage_counter (
  merchant_id  uuid not null,
  subject_id   uuid not null,
  customer_key text not null,
  used         bigint not null check (used >= 0),
  used_max     bigint,
  spent        bigint not null check (spent >= 0),
  spent_max    bigint,
  primary key (merchant_id, subject_id, customer_key),
  constraint never_used_up_twice check (used <= used_max),
  constraint never_over_budget check (spent <= spent_max)
) with (fillfactor = 80);
select app.protect('usage_counter', 'select, insert, update');

-- A use of a promotion by an order, and what it took off, in minor units. counted_*: which counters it moved; a cancelled
-- order gives them back. No keys to promotion and order: neither can be deleted, and checking them would lock a row that all
-- orders share.
create table redemption (
  merchant_id             uuid not null,
  id                      uuid not null default uuidv7(),
  order_id                uuid not null,
  promotion_id            uuid not null,
  version                 integer not null,
  coupon_id               uuid,
  coupon_code             text,
  customer_key            text,
  amount                  bigint not null check (amount >= 0),
  state                   text not null check (state in ('claimed', 'returned')),
  counted_promotion       boolean not null,
  counted_customer        boolean not null,
  counted_coupon          boolean not null,
  counted_coupon_customer boolean not null,
  claimed_at              timestamptz not null default now(),
  returned_at             timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, order_id, promotion_id),
  constraint returned_says_when check ((state = 'returned') = (returned_at is not null))
);
create index on redemption (merchant_id, promotion_id) include (amount, version) where state = 'claimed';
create index on redemption (merchant_id, coupon_id) where coupon_id is not null;
select app.protect('redemption', 'select, insert, update');

-- What a version would have changed. position is the number of the last order that was looked at, of those placed before the
-- run; totals are sums over what was compared, before and after.
create table dry_run (
  merchant_id  uuid not null,
  id           uuid not null default uuidv7(),
  promotion_id uuid not null,
  version      integer not null,
  source       text not null check (source in ('orders', 'carts')),
  sample       integer not null check (sample > 0),
  status       text not null check (status in ('queued', 'running', 'done')),
  position     bigint,
  considered   bigint not null default 0,
  changed      bigint not null default 0,
  skipped      bigint not null default 0,
  total_before bigint not null default 0,
  total_after  bigint not null default 0,
  author       jsonb not null,
  created_at   timestamptz not null default now(),
  finished_at  timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, promotion_id, version) references promotion_version (merchant_id, promotion_id, version)
);
create index on dry_run (merchant_id, promotion_id, id);
create index on dry_run (merchant_id, status, id) where status <> 'done';
select app.protect('dry_run');

create table dry_run_difference (
  merchant_id     uuid not null,
  dry_run_id      uuid not null,
  subject_id      uuid not null,
  order_number    bigint,
  total_before    bigint not null,
  total_after     bigint not null,
  discount_before bigint not null,
  discount_after  bigint not null,
  magnitude       bigint not null check (magnitude >= 0),
  explanation     jsonb not null,
  primary key (merchant_id, dry_run_id, subject_id),
  foreign key (merchant_id, dry_run_id) references dry_run (merchant_id, id) on delete cascade
);
create index on dry_run_difference (merchant_id, dry_run_id, magnitude, subject_id);
select app.protect('dry_run_difference', 'select, insert, delete');
