-- Collections: products that belong together, in a merchant's words. Rules and storefronts name one by its handle.

create table collection (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  handle      text not null,
  title       text not null,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, handle)
);
select app.protect('collection');

create table collection_product (
  merchant_id   uuid not null,
  collection_id uuid not null,
  product_id    uuid not null,
  added_at      timestamptz not null default now(),
  primary key (merchant_id, collection_id, product_id),
  foreign key (merchant_id, collection_id) references collection (merchant_id, id) on delete cascade,
  foreign key (merchant_id, product_id) references product (merchant_id, id) on delete cascade
);
create index on collection_product (merchant_id, product_id, collection_id);
select app.protect('collection_product');

-- A snapshot of the handles of the collections a product is in, in their order, written with them: every cart asks for it.
alter table product add collections text[] not null default '{}';

-- tax_category: by which of the merchant's tax rates a variant is taxed; null: the standard one. minimum_price: below it no
-- discount takes a piece; null: no such limit.
alter table variant
  add tax_category  text,
  add minimum_price bigint check (minimum_price >= 0);
