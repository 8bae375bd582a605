-- Prices as data: the policies a merchant declares, the versions of all its pricing data, and what carts and orders keep
-- of how they were priced.

-- pricing_revision grows with every change of anything a price depends on: whoever makes one says so in the same
-- transaction, and a process that has an older revision in memory reads again. The policies' defaults are what every
-- shop did before it could choose. vat_ids: whether a VAT id that a buyer typed counts when it is well formed, or only when
-- staff have checked it as the customer's.
alter table merchant_settings
  add pricing_revision  bigint not null default 1 check (pricing_revision > 0),
  add time_zone         text not null default 'UTC',
  add rounding          text not null default 'half_up' check (rounding in (
    'half_up', 'half_down', 'half_even', 'half_odd', 'half_ceiling', 'half_floor', 'up', 'down', 'ceiling', 'floor')),
  add discount_rounding text check (discount_rounding in (
    'half_up', 'half_down', 'half_even', 'half_odd', 'half_ceiling', 'half_floor', 'up', 'down', 'ceiling', 'floor')),
  add tax_rounded_per   text not null default 'line' check (tax_rounded_per in ('unit', 'line', 'order')),
  add discounts         text not null default 'before_tax' check (discounts in ('before_tax', 'after_tax')),
  add foreign_tax       text not null default 'same_gross' check (foreign_tax in ('same_gross', 'same_net')),
  add shipping_measures text not null default 'list' check (shipping_measures in ('list', 'discounted')),
  add vat_ids           text not null default 'checked' check (vat_ids in ('checked', 'well_formed'));

-- Everything but the cart that a price was computed from: policies, promotions, taxes, shipping. Content addressed
-- (SHA-256 of its canonical JSON) and never changed or deleted, so that an order's total can be computed again.
create table pricing_version (
  merchant_id uuid not null,
  hash        text not null check (hash ~ '^[0-9a-f]{64}$'),
  document    jsonb not null,
  created_at  timestamptz not null default now(),
  primary key (merchant_id, hash)
);
select app.protect('pricing_version', 'select, insert');

alter table cart
  add channel      text not null default 'web',
  add coupon_codes text[] not null default '{}',
  add vat_id       text;

-- pricing_version is null on orders from before there were any. No key to it: nobody can delete one, and checking it
-- would lock the one row that all orders of a merchant share. discount_total holds what is taken off goods and shipping,
-- shipping_discount_total the part of it that is taken off the shipping.
alter table orders
  add pricing_version         text,
  add tax_treatment           text,
  add channel                 text not null default 'web',
  add location_id             uuid,
  add shipping_discount_total bigint not null default 0 check (shipping_discount_total >= 0),
  add cancelled_at            timestamptz,
  add cancel_reason           text,
  add constraint shipping_discount_is_a_discount check (shipping_discount_total <= discount_total),
  add constraint cancelled_says_when check ((status = 'cancelled') = (cancelled_at is not null)),
  drop constraint orders_payment_status_check,
  add constraint orders_payment_status_check check (payment_status in ('pending', 'paid', 'voided'));
-- An order and its answer fit into a page as they are; compressing what passes 2 kB cost more than writing it.
alter table orders set (toast_tuple_target = 8160);
alter table idempotency_key set (toast_tuple_target = 8160);
-- Whether somebody bought here before.
create index on orders (merchant_id, email) where status = 'placed';

-- pricing_line_id is the line's name in pricing_input and pricing_result, whose stored shares a refund uses.
alter table order_line
  add kind            text not null default 'item' check (kind in ('item', 'gift')),
  add pricing_line_id text;
