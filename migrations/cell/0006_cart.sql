-- A buyer's cart. It is open until it becomes one order, or is cleared when nobody touched it for a while.

create table cart (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  status           text not null default 'open' check (status in ('open', 'ordered')),
  currency         text not null,
  email            text,
  shipping_address jsonb,
  billing_address  jsonb,
  shipping_option  text,
  version          bigint not null default 1,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (merchant_id, id)
);
create index on cart (merchant_id, status, updated_at);
select app.protect('cart');

create table cart_line (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  cart_id     uuid not null,
  variant_id  uuid not null,
  quantity    bigint not null check (quantity > 0),
  primary key (merchant_id, id),
  unique (merchant_id, cart_id, variant_id),
  foreign key (merchant_id, cart_id) references cart (merchant_id, id) on delete cascade,
  foreign key (merchant_id, variant_id) references variant (merchant_id, id) on delete cascade
);
create index on cart_line (merchant_id, variant_id);
select app.protect('cart_line');
