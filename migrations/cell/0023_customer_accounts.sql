-- Customers who sign in. Nothing here by itself opens anything: passwords are hashed, and the tokens of requests and sessions are
-- signatures over the ids below, made with keys that live outside the database.

-- A customer with an account has proved to read the mailbox of the customer's address.
create table customer_account (
  merchant_id         uuid not null,
  customer_id         uuid not null,
  password_hash       text not null,
  password_changed_at timestamptz not null default now(),
  email_verified_at   timestamptz not null default now(),
  created_at          timestamptz not null default now(),
  primary key (merchant_id, customer_id),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade
);
select app.protect('customer_account');

-- What somebody asked for who says that an address is theirs, until they come back with the token that was mailed to it. There is a
-- row whether the address is known or not. customer_id: of whoever was signed in.
create table customer_request (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  kind          text not null check (kind in ('registration', 'password_reset', 'email_change')),
  email         text not null,
  customer_id   uuid,
  name          text not null default '',
  locale        text,
  password_hash text,
  created_at    timestamptz not null default now(),
  expires_at    timestamptz not null,
  completed_at  timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade,
  constraint a_registration_has_a_password check (kind <> 'registration' or password_hash is not null),
  constraint a_change_is_of_somebody check (kind <> 'email_change' or customer_id is not null)
);
create index on customer_request (merchant_id, email, created_at);
create index on customer_request (merchant_id, expires_at);
create index on customer_request (merchant_id, customer_id) where customer_id is not null;
select app.protect('customer_request');

-- One device that signed in. Its refresh token names the session and its generation; each one is good once.
create table customer_session (
  merchant_id  uuid not null,
  id           uuid not null default uuidv7(),
  customer_id  uuid not null,
  device       text not null default '',
  generation   bigint not null default 1 check (generation > 0),
  created_at   timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  end_reason   text check (end_reason in ('signed_out', 'token_reused', 'password_changed')),
  primary key (merchant_id, id),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade,
  constraint an_end_has_a_reason check ((ended_at is null) = (end_reason is null))
);
create index on customer_session (merchant_id, customer_id, id);
create index on customer_session (merchant_id, expires_at);
select app.protect('customer_session');

create table customer_address (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  customer_id      uuid not null,
  address          jsonb not null,
  default_shipping boolean not null default false,
  default_billing  boolean not null default false,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade
);
create index on customer_address (merchant_id, customer_id, id);
create unique index customer_address_default_shipping on customer_address (merchant_id, customer_id) where default_shipping;
create unique index customer_address_default_billing on customer_address (merchant_id, customer_id) where default_billing;
select app.protect('customer_address');
