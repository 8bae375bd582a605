-- Products, their variants and images, and the import of product files.

-- price_min, price_max, compare_at_price (of the cheapest variant, where it is above the price) and the featured image
-- are snapshots of the variants and images, written with them.
create table product (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  handle           text not null,
  title            text not null,
  body_html        text not null default '',
  vendor           text not null default '',
  product_type     text not null default '',
  tags             text[] not null default '{}',
  option_names     text[] not null,
  status           text not null check (status in ('draft', 'active', 'archived')),
  published        boolean not null,
  price_min        bigint not null default 0,
  price_max        bigint not null default 0,
  compare_at_price bigint,
  image_url        text,
  image_alt        text,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, handle)
);
-- What a shop shows, newest first: only the rows that are for sale, so that a page never walks past drafts.
create index product_listing on product (merchant_id, id) where status = 'active' and published;
select app.protect('product');

create table product_image (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  product_id  uuid not null,
  position    integer not null,
  url         text not null,
  alt         text not null default '',
  primary key (merchant_id, id),
  unique (merchant_id, product_id, position),
  foreign key (merchant_id, product_id) references product (merchant_id, id) on delete cascade
);
select app.protect('product_image');

-- Amounts in minor units of the merchant's currency. SKUs are the merchant's business: real catalogues repeat them.
create table variant (
  merchant_id       uuid not null,
  id                uuid not null default uuidv7(),
  product_id        uuid not null,
  position          integer not null,
  title             text not null,
  sku               text not null default '',
  barcode           text not null default '',
  option_values     text[] not null,
  price             bigint not null check (price >= 0),
  compare_at_price  bigint check (compare_at_price >= 0),
  grams             bigint not null default 0 check (grams >= 0),
  requires_shipping boolean not null default true,
  taxable           boolean not null default true,
  image_url         text,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, product_id, option_values),
  foreign key (merchant_id, product_id) references product (merchant_id, id) on delete cascade
);
create index on variant (merchant_id, product_id, position);
create index on variant (merchant_id, sku);
select app.protect('variant');

-- One upload of a product file. `products_done` is how far the worker has committed; a killed import goes on there.
create table catalog_import (
  merchant_id     uuid not null,
  id              uuid not null default uuidv7(),
  file_name       text not null,
  status          text not null check (status in ('receiving', 'queued', 'running', 'done', 'failed')),
  stock_mode      text not null check (stock_mode in ('keep', 'set')),
  bytes_received  bigint not null default 0,
  rows_done       bigint not null default 0,
  products_done   bigint not null default 0,
  products_total  bigint,
  created_count   bigint not null default 0,
  updated_count   bigint not null default 0,
  unchanged_count bigint not null default 0,
  failed_count    bigint not null default 0,
  failure         jsonb,
  created_at      timestamptz not null default now(),
  started_at      timestamptz,
  finished_at     timestamptz,
  primary key (merchant_id, id)
);
select app.protect('catalog_import');

create table catalog_import_part (
  merchant_id uuid not null,
  import_id   uuid not null,
  position    integer not null,
  content     bytea not null,
  primary key (merchant_id, import_id, position),
  foreign key (merchant_id, import_id) references catalog_import (merchant_id, id) on delete cascade
);
select app.protect('catalog_import_part');

-- The row report, by line of the file. An error is why a product was left out; a warning says what was taken otherwise.
create table catalog_import_problem (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  import_id   uuid not null,
  severity    text not null check (severity in ('error', 'warning')),
  line        bigint not null,
  handle      text not null,
  field       text not null,
  code        text not null,
  detail      text not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, import_id) references catalog_import (merchant_id, id) on delete cascade
);
create index on catalog_import_problem (merchant_id, import_id, line, id);
select app.protect('catalog_import_problem');
