-- Payments in phases: what a provider was asked for and what it answered, and what is still to be found out.

-- A merchant's account with a payment provider. The keys are in payment_account_secret, sealed under keys that are in no
-- database.
create table payment_account (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  provider    text not null check (provider ~ '^[a-z][a-z0-9_]{0,30}$'),
  enabled     boolean not null default true,
  api_base    text,
  settings    jsonb not null default '{}',
  capture     text not null default 'now' check (capture in ('now', 'later')),
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, provider)
);
select app.protect('payment_account', 'select, insert, update');

create table payment_account_secret (
  merchant_id uuid not null,
  account_id  uuid not null,
  name        text not null,
  sealed      text not null,
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, account_id, name),
  foreign key (merchant_id, account_id) references payment_account (merchant_id, id)
);
select app.protect('payment_account_secret');

-- What a customer may pay with again without entering it. provider_reference is of use only with the merchant's own key.
create table saved_payment_method (
  merchant_id        uuid not null,
  id                 uuid not null default uuidv7(),
  customer_id        uuid not null,
  provider           text not null,
  provider_reference text not null,
  type               text not null,
  brand              text,
  last4              text check (last4 ~ '^[0-9]{4}$'),
  expiry_month       integer check (expiry_month between 1 and 12),
  expiry_year        integer check (expiry_year between 2000 and 2200),
  created_at         timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, customer_id, provider, provider_reference),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade
);
select app.protect('saved_payment_method');

-- One attempt to pay an order, or a part of it. capture: whether the money is taken with the authorization or later.
-- source_id: the gift card or the account that paid. expires_at: until when the attempt may be settled by its buyer.
-- The sums are those of payment_operation.
alter table payment
  drop constraint payment_provider_check,
  drop constraint payment_method_check,
  drop constraint payment_status_check,
  add constraint payment_provider_check check (provider ~ '^[a-z][a-z0-9_]{0,30}$'),
  add constraint payment_status_check check (status in (
    'pending', 'requires_action', 'authorized', 'part_captured', 'captured', 'failed', 'voided', 'review')),
  add authorized_amount  bigint not null default 0 check (authorized_amount >= 0),
  add captured_amount    bigint not null default 0 check (captured_amount >= 0),
  add refunded_amount    bigint not null default 0 check (refunded_amount >= 0),
  add capture            text not null default 'now' check (capture in ('now', 'later')),
  add source_id          uuid,
  add provider_reference text,
  add method_facts       jsonb,
  add next_action        jsonb,
  add failure            jsonb,
  add review             jsonb,
  add expires_at         timestamptz,
  add settled_at         timestamptz,
  add updated_at         timestamptz not null default now(),
  add constraint captured_was_authorized check (captured_amount <= authorized_amount),
  add constraint refunded_was_captured check (refunded_amount <= captured_amount),
  add constraint review_says_why check ((status = 'review') = (review is not null));
-- One attempt at a time may be open between a buyer and a provider.
create unique index one_open_attempt on payment (merchant_id, order_id)
  where status in ('pending', 'requires_action') and provider not in ('manual', 'store_credit', 'gift_card');
create index on payment (merchant_id, provider, provider_reference) where provider_reference is not null;

-- Everything that is asked of a provider. The id is the provider's idempotency key; of an authorization it is the payment's.
-- attempts: calls that were begun. A row is written before its call and settled after it; while it is pending, due_at says
-- when it is looked at next, whoever asks.
create table payment_operation (
  merchant_id        uuid not null,
  id                 uuid not null,
  payment_id         uuid not null,
  order_id           uuid not null,
  kind               text not null check (kind in ('authorize', 'capture', 'void', 'refund')),
  amount             bigint not null check (amount >= 0),
  currency           text not null,
  status             text not null default 'pending' check (status in ('pending', 'succeeded', 'failed', 'review')),
  refund_id          uuid,
  detail             jsonb not null default '{}',
  provider_reference text,
  failure            jsonb,
  attempts           integer not null default 0 check (attempts >= 0),
  due_at             timestamptz not null default now(),
  requested_by       jsonb not null,
  requested_at       timestamptz not null default now(),
  settled_at         timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, payment_id) references payment (merchant_id, id),
  constraint settled_says_when check ((status = 'pending') = (settled_at is null))
);
create index on payment_operation (merchant_id, payment_id);
create index on payment_operation (merchant_id, refund_id) where refund_id is not null;
create index on payment_operation (merchant_id, due_at) where status = 'pending';
select app.protect('payment_operation', 'select, insert, update');

-- What providers told us: verified, kept once however often it comes, acted on afterwards. Not the body itself: it can
-- hold more of a buyer than we want to know.
create table payment_callback (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  provider          text not null,
  provider_event_id text not null,
  kind              text not null check (kind in ('payment', 'refund', 'dispute', 'other')),
  payment_id        uuid,
  reference         text,
  dispute           jsonb,
  received_at       timestamptz not null default now(),
  processed_at      timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, provider, provider_event_id)
);
create index on payment_callback (merchant_id, received_at) where processed_at is null;
select app.protect('payment_callback', 'select, insert, update, delete');

create table dispute (
  merchant_id        uuid not null,
  id                 uuid not null default uuidv7(),
  payment_id         uuid not null,
  order_id           uuid not null,
  provider           text not null,
  provider_reference text not null,
  status             text not null check (status in ('opened', 'won', 'lost')),
  amount             bigint not null check (amount >= 0),
  currency           text not null,
  reason             text not null,
  due_by             timestamptz,
  opened_at          timestamptz not null default now(),
  closed_at          timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, provider, provider_reference),
  foreign key (merchant_id, payment_id) references payment (merchant_id, id),
  constraint closed_says_when check ((status = 'opened') = (closed_at is null))
);
create index on dispute (merchant_id, order_id);
select app.protect('dispute', 'select, insert, update');

-- A request whose work goes over several transactions says how far it came, and until when somebody is at it.
alter table idempotency_key
  add recovery_point text,
  add locked_until   timestamptz;
