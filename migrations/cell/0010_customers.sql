-- Who buys, as far as prices need to know it: customers, the groups they are in, and what they have bought.

-- email is kept in the form addresses are compared in; groups is a snapshot of the handles of the customer's groups, in their
-- order, written with them. orders_count, total_spent (minor units of the merchant's
-- currency) and last_order_at are of the orders that were placed and not cancelled; they move in the transaction that
-- places or cancels one. vat_id_valid: staff have checked that the number belongs to the customer.
create table customer (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  email         text not null,
  name          text not null default '',
  locale        text,
  tax_exempt    boolean not null default false,
  vat_id        text,
  vat_id_valid  boolean not null default false,
  orders_count  bigint not null default 0 check (orders_count >= 0),
  total_spent   bigint not null default 0 check (total_spent >= 0),
  last_order_at timestamptz,
  groups        text[] not null default '{}',
  version       bigint not null default 1,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, email),
  constraint only_a_vat_id_is_valid check (vat_id is not null or not vat_id_valid)
);
select app.protect('customer');

-- Rules name a group by its handle.
create table customer_group (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  handle      text not null,
  name        text not null,
  created_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, handle)
);
select app.protect('customer_group');

create table customer_group_member (
  merchant_id uuid not null,
  group_id    uuid not null,
  customer_id uuid not null,
  added_at    timestamptz not null default now(),
  primary key (merchant_id, group_id, customer_id),
  foreign key (merchant_id, group_id) references customer_group (merchant_id, id) on delete cascade,
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade
);
create index on customer_group_member (merchant_id, customer_id, group_id);
select app.protect('customer_group_member');

-- An order or cart outlives its customer, and then belongs to nobody. A new key is checked against the rows there are,
-- which are behind row security: all of them have null here, so it may be seen through the eyes of any merchant.
select set_config('app.merchant_id', gen_random_uuid()::text, true);
alter table cart
  add customer_id uuid,
  add foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete set null (customer_id);
create index on cart (merchant_id, customer_id) where customer_id is not null;

alter table orders
  add customer_id uuid,
  add foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete set null (customer_id);
create index on orders (merchant_id, customer_id, number) where customer_id is not null;
