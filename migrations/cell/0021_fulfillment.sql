-- Who works for a merchant and what they may do; and how goods leave it: pick, pack, ship, deliver, take back.

-- A member who was invited has no password until they set one with a token, of which only the hash is kept.
alter table staff drop constraint staff_role_check;
alter table staff
  add constraint staff_role_check check (role in ('owner', 'manager', 'support', 'warehouse', 'courier')),
  alter column password_hash drop not null,
  add column password_token_hash text,
  add column password_token_expires_at timestamptz,
  add constraint tokens_expire check ((password_token_hash is null) = (password_token_expires_at is null));

-- How a merchant sends goods. opens_on: when an order's goods are put on the list of what to pick by themselves; followed_sequence:
-- the last event of the log that was looked at for it. return_window_days: so long after delivery buyers may ask to return; 0:
-- only staff may.
create table fulfillment_settings (
  merchant_id        uuid primary key,
  opens_on           text not null default 'placed' check (opens_on in ('placed', 'paid', 'staff')),
  return_window_days integer not null default 30 check (return_window_days between 0 and 3650),
  followed_sequence  bigint not null default 0,
  updated_at         timestamptz not null default now()
);
select app.protect('fulfillment_settings', 'select, insert, update');

-- Goods of one order that leave one location together: picked, packed, handed over, delivered. assigned_to is who picks, and
-- when that is done (picked_at) who packs. carrier, tracking_number and
-- tracking_url are what the buyer is told; courier_id is who of the staff brings it.
create table fulfillment (
  merchant_id     uuid not null,
  id              uuid not null default uuidv7(),
  order_id        uuid not null,
  location_id     uuid not null,
  status          text not null default 'to_pick' check (status in ('to_pick', 'picking', 'packed', 'shipped', 'delivered', 'cancelled')),
  assigned_to     uuid,
  courier_id      uuid,
  carrier         text,
  tracking_number text,
  tracking_url    text,
  attempts        integer not null default 0 check (attempts >= 0),
  opened_at       timestamptz not null default now(),
  picked_at       timestamptz,
  packed_at       timestamptz,
  shipped_at      timestamptz,
  delivered_at    timestamptz,
  cancelled_at    timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id),
  foreign key (merchant_id, location_id) references location (merchant_id, id),
  foreign key (merchant_id, assigned_to) references staff (merchant_id, id),
  foreign key (merchant_id, courier_id) references staff (merchant_id, id),
  constraint times_follow_status check (
    (status <> 'packed' or packed_at is not null)
    and (status in ('shipped', 'delivered')) = (shipped_at is not null)
    and (status = 'delivered') = (delivered_at is not null)
    and (status = 'cancelled') = (cancelled_at is not null)),
  constraint somebody_picks check (status <> 'picking' or assigned_to is not null or picked_at is not null)
);
create index on fulfillment (merchant_id, order_id, id);
create index on fulfillment (merchant_id, location_id, id) where status in ('to_pick', 'picking', 'packed');
create index on fulfillment (merchant_id, status, id) where status in ('to_pick', 'picking', 'packed', 'shipped');
create index on fulfillment (merchant_id, courier_id, id) where status in ('packed', 'shipped');
select app.protect('fulfillment', 'select, insert, update');

-- quantity: what it is to contain, and after picking what it does; short: what was looked for and not found.
create table fulfillment_line (
  merchant_id    uuid not null,
  fulfillment_id uuid not null,
  order_line_id  uuid not null,
  quantity       bigint not null check (quantity >= 0),
  short          bigint not null default 0 check (short >= 0),
  picked         boolean not null default false,
  primary key (merchant_id, fulfillment_id, order_line_id),
  foreign key (merchant_id, fulfillment_id) references fulfillment (merchant_id, id),
  foreign key (merchant_id, order_line_id) references order_line (merchant_id, id)
);
create index on fulfillment_line (merchant_id, order_line_id);
select app.protect('fulfillment_line', 'select, insert, update');

-- A carrier's shipment may be of one fulfillment. The key is checked over every merchant's rows: the owner looks past the
-- policies for as long as this transaction takes.
alter table shipment no force row level security;
alter table fulfillment no force row level security;
alter table shipment
  add column fulfillment_id uuid,
  add foreign key (merchant_id, fulfillment_id) references fulfillment (merchant_id, id);
alter table shipment force row level security;
alter table fulfillment force row level security;
create unique index on shipment (merchant_id, fulfillment_id)
  where fulfillment_id is not null and status not in ('failed', 'cancelled');

-- A courier at the door. received_by and note are people's: they go when the buyer is forgotten.
create table delivery_attempt (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  fulfillment_id uuid not null,
  outcome        text not null check (outcome in ('delivered', 'failed')),
  reason         text check (reason in ('nobody_home', 'wrong_address', 'refused', 'damaged', 'other')),
  received_by    text not null default '',
  note           text not null default '',
  actor          jsonb not null,
  attempted_at   timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, fulfillment_id) references fulfillment (merchant_id, id),
  constraint failures_have_a_reason check ((outcome = 'failed') = (reason is not null))
);
create index on delivery_attempt (merchant_id, fulfillment_id, id);
create unique index on delivery_attempt (merchant_id, fulfillment_id) where outcome = 'delivered';
select app.protect('delivery_attempt', 'select, insert, update');

-- What shows that it was delivered, for the merchant's staff alone.
create table delivery_proof (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  attempt_id  uuid not null,
  kind        text not null check (kind in ('photo', 'signature')),
  media_type  text not null check (media_type in ('image/png', 'image/jpeg', 'image/webp')),
  content     bytea not null check (octet_length(content) between 1 and 524288),
  primary key (merchant_id, id),
  unique (merchant_id, attempt_id, kind),
  foreign key (merchant_id, attempt_id) references delivery_attempt (merchant_id, id)
);
select app.protect('delivery_proof', 'select, insert, delete');

-- Goods that a buyer sends back. note is the buyer's or staff's own words. exchange_cart_id: the draft of what they get instead,
-- with exchange_credit (minor units) taken off for what they send back.
create table order_return (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  order_id          uuid not null,
  status            text not null check (status in ('requested', 'approved', 'rejected', 'received', 'cancelled')),
  note              text not null default '',
  decision_note     text not null default '',
  location_id       uuid,
  requested_by      jsonb not null,
  refund_id         uuid,
  exchange_cart_id  uuid,
  exchange_credit   bigint check (exchange_credit > 0),
  requested_at      timestamptz not null default now(),
  decided_at        timestamptz,
  received_at       timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id),
  foreign key (merchant_id, location_id) references location (merchant_id, id),
  constraint credit_is_for_an_exchange check ((exchange_cart_id is null) = (exchange_credit is null)),
  constraint received_somewhere check ((status = 'received') = (received_at is not null) and (received_at is null or location_id is not null))
);
create index on order_return (merchant_id, order_id, id);
create index on order_return (merchant_id, status, id);
select app.protect('order_return', 'select, insert, update');

create table order_return_line (
  merchant_id   uuid not null,
  return_id     uuid not null,
  order_line_id uuid not null,
  quantity      bigint not null check (quantity > 0),
  reason        text not null check (reason in ('unwanted', 'wrong_item', 'damaged', 'defective', 'not_as_described', 'undeliverable', 'other')),
  primary key (merchant_id, return_id, order_line_id),
  foreign key (merchant_id, return_id) references order_return (merchant_id, id),
  foreign key (merchant_id, order_line_id) references order_line (merchant_id, id)
);
create index on order_return_line (merchant_id, order_line_id);
select app.protect('order_return_line', 'select, insert');

-- What was found when the goods were looked at. Restocked ones are for sale again; damaged ones came back and are not;
-- missing ones did not come.
create table order_return_inspection (
  merchant_id   uuid not null,
  return_id     uuid not null,
  order_line_id uuid not null,
  decision      text not null check (decision in ('restock', 'damaged', 'missing')),
  quantity      bigint not null check (quantity > 0),
  condition     text not null default '',
  primary key (merchant_id, return_id, order_line_id, decision),
  foreign key (merchant_id, return_id, order_line_id) references order_return_line (merchant_id, return_id, order_line_id)
);
select app.protect('order_return_inspection', 'select, insert');
