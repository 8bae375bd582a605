-- Stock that is held for a while, stock in several places, goods that are sold before they are there, and bundles.

-- Orders are served from active locations: from the one with the highest priority that has all of it, else from several.
alter table location
  add column priority integer not null default 0,
  add column active boolean not null default true;

alter table merchant_settings
  add column reserve_in_cart boolean not null default false,
  add column cart_reservation_minutes integer not null default 60 check (cart_reservation_minutes between 1 and 10080),
  add column payment_reservation_minutes integer not null default 10 check (payment_reservation_minutes between 1 and 1440);

-- Whether so much may be promised of what is on hand. Nothing limits what is not tracked; a bundle is limited by its
-- components. A limit that is null is none. What was promised on preorder stays promised when its day has come.
create function app.may_promise(
  promised bigint, on_hand bigint, tracked boolean, bundle boolean, backorder boolean, backorder_limit bigint, available_from date, preorder_limit bigint
) returns boolean
  language sql immutable parallel safe
  as $$
    select not tracked or bundle
      or backorder and backorder_limit is null
      or available_from is not null and preorder_limit is null
      or on_hand + case when backorder then backorder_limit else 0 end + case when available_from is not null then preorder_limit else 0 end >= promised
  $$;

-- `active` is the location's. A bundle has no stock of its own: what there is of it is what its components make.
-- backorder_limit, preorder_limit: how many may be promised beyond what is on hand. Until available_from a level is sold on
-- preorder.
alter table stock_level
  add column active boolean not null default true,
  add column bundle boolean not null default false,
  add column backorder_limit bigint check (backorder_limit >= 0),
  add column available_from date,
  add column preorder_limit bigint check (preorder_limit >= 0),
  drop constraint never_oversold,
  add constraint never_oversold check (
    app.may_promise(reserved + allocated, on_hand, tracked, bundle, backorder, backorder_limit, available_from, preorder_limit));

create table bundle_component (
  merchant_id  uuid not null,
  bundle_id    uuid not null,
  component_id uuid not null,
  quantity     bigint not null check (quantity between 1 and 1000),
  primary key (merchant_id, bundle_id, component_id),
  foreign key (merchant_id, bundle_id) references variant (merchant_id, id) on delete cascade,
  foreign key (merchant_id, component_id) references variant (merchant_id, id)
);
create index on bundle_component (merchant_id, component_id);
select app.protect('bundle_component');

-- What can still be promised of a level that is no bundle. Without a limit it is a number that no stock reaches, so that
-- every question is a comparison; plain SQL over its columns, so that the planner inlines it.
create function app.level_sellable(l stock_level) returns bigint
  language sql stable parallel safe
  as $$
    select case
      when l.bundle or not l.active then 0
      when not l.tracked or l.backorder and l.backorder_limit is null
        or l.available_from > (now() at time zone 'utc')::date and l.preorder_limit is null then 1000000000000000
      else greatest(0, l.on_hand - l.reserved - l.allocated + case when l.backorder then l.backorder_limit else 0 end
        + case when l.available_from > (now() at time zone 'utc')::date then l.preorder_limit else 0 end)
    end
  $$;

-- A unit of a bundle is put together at one location; there are as many as the scarcest component allows.
create function app.bundle_sellable(of_merchant uuid, of_bundle uuid) returns bigint
  language sql stable parallel safe
  as $$
    select coalesce(least(sum(there.units), 1000000000000000), 0)::bigint
    from (
      select min(app.level_sellable(l) / c.quantity) as units
      from bundle_component c
        join stock_level l on l.merchant_id = of_merchant and l.variant_id = c.component_id
      where c.merchant_id = of_merchant and c.bundle_id = of_bundle
      group by l.location_id
      having count(*) = (select count(*) from bundle_component n where n.merchant_id = of_merchant and n.bundle_id = of_bundle)
    ) there
  $$;

create function app.sellable(l stock_level) returns bigint
  language sql stable parallel safe
  as $$ select case when l.bundle then app.bundle_sellable(l.merchant_id, l.variant_id) else app.level_sellable(l) end $$;

-- From here on a number of units is as good as no limit. Bundles of unlimited goods divide the number above by 1000 at most.
create function app.unlimited(units numeric) returns boolean
  language sql immutable parallel safe
  as $$ select units >= 1000000000000 $$;

-- Units that are kept for a cart, or for an order that is not paid yet, until the database's clock says they are not. A row
-- ends once: claimed by its order, released, or expired. `line_variant_id` is what the buyer wants; `variant_id` the goods:
-- the same, or a component of a bundle, `per_unit` of them for each unit of it.
-- `counted_as` says which counter of the level has the units: a claimed row is counted as reserved until it is folded, so
-- that an order's claim needs no lock on a level that many wait for. What is available is the same before and after.
create table stock_reservation (
  merchant_id     uuid not null,
  id              uuid not null default uuidv7(),
  cart_id         uuid,
  order_id        uuid,
  line_variant_id uuid not null,
  variant_id      uuid not null,
  location_id     uuid not null,
  per_unit        bigint not null check (per_unit > 0),
  quantity        bigint not null check (quantity > 0),
  status          text not null default 'active' check (status in ('active', 'claimed', 'released', 'expired')),
  counted_as      text not null default 'reserved' check (counted_as in ('reserved', 'allocated', 'nothing')),
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  ended_at        timestamptz,
  retaken_at      timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, location_id) references location (merchant_id, id),
  constraint has_a_holder check (cart_id is not null or order_id is not null),
  constraint ends_once check (
    status = 'active' and counted_as = 'reserved' and ended_at is null
    or status = 'claimed' and counted_as in ('reserved', 'allocated') and ended_at is not null and order_id is not null
    or status in ('released', 'expired') and counted_as = 'nothing' and ended_at is not null
  ),
  constraint retaken_after_expiry check (retaken_at is null or status = 'expired')
) with (fillfactor = 80);
create index on stock_reservation (merchant_id, cart_id) where status = 'active';
create index on stock_reservation (merchant_id, order_id) where order_id is not null;
create index on stock_reservation (merchant_id, expires_at) where status = 'active';
create index on stock_reservation (merchant_id, variant_id, location_id) where status = 'claimed' and counted_as = 'reserved';
select app.protect('stock_reservation', 'select, insert, update');

-- What an order has of the stock, and where: `quantity` is still held for it, `shipped` has left, `returned` is back of that.
create table stock_allocation (
  merchant_id     uuid not null,
  order_id        uuid not null,
  line_variant_id uuid not null,
  variant_id      uuid not null,
  location_id     uuid not null,
  per_unit        bigint not null check (per_unit > 0),
  quantity        bigint not null check (quantity >= 0),
  shipped         bigint not null default 0 check (shipped >= 0),
  returned        bigint not null default 0 check (returned >= 0),
  primary key (merchant_id, order_id, line_variant_id, variant_id, location_id),
  foreign key (merchant_id, location_id) references location (merchant_id, id),
  constraint returned_of_shipped check (returned <= shipped)
) with (fillfactor = 80);
select app.protect('stock_allocation', 'select, insert, update');

-- A movement that ends a reservation names it, and only one can.
alter table stock_movement
  add column reservation_id uuid,
  drop constraint stock_movement_reason_check,
  add constraint stock_movement_reason_check check (
    reason in ('import', 'adjustment', 'reservation', 'expiry', 'allocation', 'release', 'shipment', 'return'));
create unique index on stock_movement (merchant_id, reservation_id) where reservation_id is not null;

-- The orders of before have their goods where they were taken from. Every merchant's rows: the owner looks past the policy
-- for as long as this transaction takes.
alter table orders no force row level security;
alter table order_line no force row level security;
alter table merchant_settings no force row level security;
alter table stock_allocation no force row level security;
insert into stock_allocation (merchant_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity)
select o.merchant_id, o.id, l.variant_id, l.variant_id, coalesce(o.location_id, s.default_location_id), 1, sum(l.quantity)
from orders o
  join merchant_settings s on s.merchant_id = o.merchant_id
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.id
where o.status = 'placed' and o.fulfillment_status = 'unfulfilled'
group by o.merchant_id, o.id, l.variant_id, coalesce(o.location_id, s.default_location_id);
alter table orders force row level security;
alter table order_line force row level security;
alter table merchant_settings force row level security;
alter table stock_allocation force row level security;
