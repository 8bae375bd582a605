-- How a merchant sends goods: zones of the world, and methods with their prices. Both are checked when they are saved; the
-- documents are what carts are priced by.

create table shipping_zone (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  name        text not null,
  places      jsonb not null,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, name)
);
select app.protect('shipping_zone');

-- Buyers see the active ones by position, then by id. Orders keep the code, so it never changes.
create table shipping_method (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  code        text not null,
  name        text not null,
  active      boolean not null default true,
  position    integer not null,
  document    jsonb not null,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, code)
);
create index on shipping_method (merchant_id, position, id);
select app.protect('shipping_method');
