-- Orders, their lines and payments. The plural is for PostgreSQL's sake: `order` is a reserved word.

-- Amounts in minor units. With tax_included the tax is part of the other amounts, else it comes on top.
-- pricing_input is everything priceCart was given, pricing_result all it answered: any total can be computed again.
create table orders (
  merchant_id        uuid not null,
  id                 uuid not null default uuidv7(),
  number             bigint not null check (number > 0),
  cart_id            uuid not null,
  status             text not null check (status in ('placed', 'cancelled')),
  payment_status     text not null check (payment_status in ('pending', 'paid')),
  fulfillment_status text not null check (fulfillment_status in ('unfulfilled', 'fulfilled')),
  currency           text not null,
  email              text not null,
  shipping_address   jsonb,
  billing_address    jsonb,
  subtotal           bigint not null check (subtotal >= 0),
  discount_total     bigint not null check (discount_total >= 0),
  shipping_total     bigint not null check (shipping_total >= 0),
  tax_total          bigint not null check (tax_total >= 0),
  tax_included       boolean not null,
  total              bigint not null check (total >= 0),
  pricing_input      jsonb not null,
  pricing_result     jsonb not null,
  placed_at          timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, number),
  unique (merchant_id, cart_id),
  constraint total_adds_up check (total = subtotal - discount_total + shipping_total + case when tax_included then 0 else tax_total end)
);
select app.protect('orders', 'select, insert, update');

-- A snapshot of what was bought; catalogue rows may change or go.
create table order_line (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  order_id       uuid not null,
  position       integer not null,
  product_id     uuid not null,
  variant_id     uuid not null,
  product_title  text not null,
  variant_title  text not null,
  sku            text not null,
  quantity       bigint not null check (quantity > 0),
  unit_price     bigint not null check (unit_price >= 0),
  subtotal       bigint not null,
  discount_total bigint not null check (discount_total >= 0),
  tax_total      bigint not null check (tax_total >= 0),
  total          bigint not null check (total >= 0),
  primary key (merchant_id, id),
  unique (merchant_id, order_id, position),
  foreign key (merchant_id, order_id) references orders (merchant_id, id),
  constraint subtotal_adds_up check (subtotal = unit_price * quantity)
);
select app.protect('order_line', 'select, insert');

create table payment (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  order_id    uuid not null,
  provider    text not null check (provider in ('manual')),
  method      text not null check (method in ('invoice', 'cash_on_delivery')),
  status      text not null check (status in ('pending', 'captured', 'voided')),
  amount      bigint not null check (amount >= 0),
  currency    text not null,
  created_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
create index on payment (merchant_id, order_id);
select app.protect('payment', 'select, insert, update');
