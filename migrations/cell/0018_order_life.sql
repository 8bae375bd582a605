-- The life of an order: more states, what was paid and sent of it, and who is written to about it. Its row is the fold of its
-- events; revision counts them.

-- pending: submitted, but its payment is not settled. Everything else but cancelled is derived from amounts and quantities.
-- authorized_total, captured_total and refunded_total are sums over its payments, in minor units.
alter table orders
  drop constraint orders_status_check,
  drop constraint orders_payment_status_check,
  drop constraint orders_fulfillment_status_check,
  drop constraint orders_merchant_id_cart_id_key,
  add constraint orders_status_check check (status in (
    'pending', 'placed', 'paid', 'part_fulfilled', 'fulfilled', 'delivered', 'cancelled', 'returned')),
  add constraint orders_payment_status_check check (payment_status in (
    'pending', 'authorized', 'part_paid', 'paid', 'part_refunded', 'refunded', 'voided', 'failed', 'review')),
  add constraint orders_fulfillment_status_check check (fulfillment_status in (
    'unfulfilled', 'part_fulfilled', 'fulfilled', 'delivered', 'part_returned', 'returned')),
  add authorized_total bigint not null default 0,
  add captured_total   bigint not null default 0,
  add refunded_total   bigint not null default 0,
  add tags             text[] not null default '{}',
  add revision         bigint not null default 1 check (revision > 0),
  add contact_revision bigint not null default 1 check (contact_revision > 0),
  add constraint money_adds_up check (0 <= refunded_total and refunded_total <= captured_total and captured_total <= authorized_total);

-- A cart becomes one order, unless that one is cancelled.
create unique index on orders (merchant_id, cart_id) where status <> 'cancelled';
create index on orders (merchant_id, email) where status <> 'cancelled';
drop index orders_merchant_id_email_idx;

-- Quantities of the line; all of them grow only. A line that was edited away keeps its row, with nothing in it.
alter table order_line
  drop constraint order_line_quantity_check,
  add constraint order_line_quantity_check check (quantity >= 0),
  add fulfilled_quantity bigint not null default 0,
  add delivered_quantity bigint not null default 0,
  add returned_quantity  bigint not null default 0,
  add constraint goods_add_up check (
    0 <= returned_quantity and returned_quantity <= fulfilled_quantity and
    0 <= delivered_quantity and delivered_quantity <= fulfilled_quantity and fulfilled_quantity <= quantity);
grant update on order_line to souk_app;

-- Who an order is for, revision by revision: the last one is also on the order. Kept out of the event log, so that a person
-- can be forgotten without touching it.
create table order_contact (
  merchant_id      uuid not null,
  order_id         uuid not null,
  revision         bigint not null check (revision > 0),
  email            text not null,
  shipping_address jsonb,
  billing_address  jsonb,
  valid_from       timestamptz not null default now(),
  primary key (merchant_id, order_id, revision),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
select app.protect('order_contact', 'select, insert, update');

-- What staff write to each other about an order. Nobody else sees it. It goes when the buyer is forgotten.
create table order_note (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  order_id    uuid not null,
  body        text not null,
  actor       jsonb not null,
  created_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
create index on order_note (merchant_id, order_id, id);
select app.protect('order_note', 'select, insert, delete');

-- Every edit of an order: how it was priced before and after. difference = the new total less the old one, in minor units.
create table order_edit (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  order_id      uuid not null,
  input_before  jsonb not null,
  result_before jsonb not null,
  input_after   jsonb not null,
  result_after  jsonb not null,
  difference    bigint not null,
  reason        text not null,
  actor         jsonb not null,
  edited_at     timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, order_id) references orders (merchant_id, id)
);
create index on order_edit (merchant_id, order_id, id);
select app.protect('order_edit', 'select, insert');

-- A draft is a cart that staff fill for a buyer, with what they take off by hand ({amount, reason}, minor units). Its buyer sees it
-- by its token, says where it goes and orders it; or staff do.
alter table cart
  add drafted_by     jsonb,
  add staff_discount jsonb,
  add constraint staff_discount_is_of_a_draft check (staff_discount is null or drafted_by is not null);
create index on cart (merchant_id, id) where drafted_by is not null;
