-- Shipments that a merchant's carrier plugin makes: asked for by staff, made with the carrier by the worker.

create table shipment (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  order_id          uuid not null,
  install_id        uuid not null,
  method            text not null,
  pickup_point_id   text,
  status            text not null check (status in ('requested', 'created', 'labelled', 'failed', 'cancelling', 'cancelled')),
  sender            jsonb not null,
  parcels           jsonb not null,
  carrier_reference text,
  tracking_number   text,
  tracking_url      text,
  label_type        text,
  label             bytea check (octet_length(label) <= 5242880),
  tracking_status   text,
  tracking_events   jsonb not null default '[]',
  tracked_at        timestamptz,
  failure           jsonb,
  requested_by      jsonb not null,
  requested_at      timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
create index on shipment (merchant_id, order_id, id);
-- What the worker still has to do.
create index on shipment (merchant_id, updated_at) where status in ('requested', 'created', 'cancelling');
select app.protect('shipment', 'select, insert, update');
