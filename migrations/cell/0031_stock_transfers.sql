-- Goods on their way from one location to another, and goods that need no sending.

-- While it is in transit, what it holds is on hand nowhere. What arrived is on hand where it went; what did not is lost; what was
-- called back is where it came from.
create table stock_transfer (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  from_location_id uuid not null,
  to_location_id   uuid not null,
  status           text not null default 'in_transit' check (status in ('in_transit', 'part_received', 'received', 'cancelled')),
  note             text not null default '',
  actor            jsonb not null,
  sent_at          timestamptz not null default now(),
  closed_at        timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, from_location_id) references location (merchant_id, id),
  foreign key (merchant_id, to_location_id) references location (merchant_id, id),
  constraint goes_somewhere check (from_location_id <> to_location_id),
  constraint closed_says_when check ((status in ('received', 'cancelled')) = (closed_at is not null))
);
create index on stock_transfer (merchant_id, status, id);
select app.protect('stock_transfer', 'select, insert, update');

-- No key to the variant: history outlives it.
create table stock_transfer_line (
  merchant_id uuid not null,
  transfer_id uuid not null,
  variant_id  uuid not null,
  quantity    bigint not null check (quantity > 0),
  received    bigint not null default 0 check (received >= 0),
  lost        bigint not null default 0 check (lost >= 0),
  called_back bigint not null default 0 check (called_back >= 0),
  primary key (merchant_id, transfer_id, variant_id),
  foreign key (merchant_id, transfer_id) references stock_transfer (merchant_id, id),
  constraint no_more_than_was_sent check (received + lost + called_back <= quantity)
);
select app.protect('stock_transfer_line', 'select, insert, update');

-- A movement that is a step of a transfer names it.
alter table stock_movement add column transfer_id uuid;
alter table stock_movement drop constraint stock_movement_reason_check;
alter table stock_movement
  add constraint stock_movement_reason_check check (
    reason in ('import', 'adjustment', 'reservation', 'expiry', 'allocation', 'release', 'shipment', 'return', 'transfer')) not valid;

-- Whether goods that need no sending are fulfilled by themselves once their order is paid.
alter table fulfillment_settings add column fulfils_unsent boolean not null default false;
