-- Stock per variant and location. Levels are counters moved by one conditional statement; movements say why.

create table location (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  name        text not null,
  created_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, name)
);
select app.protect('location');

-- available = on_hand - reserved - allocated. A level that is not tracked, or takes backorders, can always be bought.
create table stock_level (
  merchant_id uuid not null,
  variant_id  uuid not null,
  location_id uuid not null,
  product_id  uuid not null,
  tracked     boolean not null,
  backorder   boolean not null,
  on_hand     bigint not null default 0,
  reserved    bigint not null default 0 check (reserved >= 0),
  allocated   bigint not null default 0 check (allocated >= 0),
  primary key (merchant_id, variant_id, location_id),
  foreign key (merchant_id, variant_id) references variant (merchant_id, id) on delete cascade,
  foreign key (merchant_id, location_id) references location (merchant_id, id),
  foreign key (merchant_id, product_id) references product (merchant_id, id) on delete cascade,
  constraint never_oversold check (not tracked or backorder or on_hand >= reserved + allocated)
) with (fillfactor = 80);
create index on stock_level (merchant_id, product_id);
create index on stock_level (merchant_id, location_id);
select app.protect('stock_level');

-- Append-only. The sums of the changes are the level's counters. No key to the level: history outlives a variant.
create table stock_movement (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  variant_id       uuid not null,
  location_id      uuid not null,
  on_hand_change   bigint not null default 0,
  reserved_change  bigint not null default 0,
  allocated_change bigint not null default 0,
  reason           text not null check (reason in ('import', 'adjustment', 'allocation', 'release', 'shipment', 'return')),
  order_id         uuid,
  note             text not null default '',
  actor            jsonb not null,
  occurred_at      timestamptz not null default now(),
  primary key (merchant_id, id)
);
create index on stock_movement (merchant_id, variant_id, id);
select app.protect('stock_movement', 'select, insert');
