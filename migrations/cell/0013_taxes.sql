-- What a merchant charges in taxes: rates by place, category and day, the settings that say how they are applied, and who
-- is exempt.

-- rate_ppm in parts per million (19 % = 190000). valid_from and valid_to are days of the merchant's time zone, both included.
-- Postcodes are kept as they are compared: capital letters and digits alone. source and source_key name the file and the entry
-- of it that the rate was imported from. Two rates of the same place, category and priority may differ in when they begin, and
-- then the later one counts; that they begin on the same day would say two things at once.
create table tax_rate (
  merchant_id      uuid not null,
  id               uuid not null default uuidv7(),
  name             text not null,
  country          text not null check (country ~ '^([A-Z]{2}|\*)$'),
  region           text,
  postcode_from    text,
  postcode_to      text,
  postcode_pattern text,
  category         text not null,
  rate_ppm         bigint not null check (rate_ppm between 0 and 1000000),
  valid_from       date check (isfinite(valid_from)),
  valid_to         date check (isfinite(valid_to)),
  compound         boolean not null default false,
  priority         integer not null default 1 check (priority between 1 and 9),
  source           text,
  source_key       text,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (merchant_id, id),
  constraint one_rate_says_one_thing
    unique nulls not distinct (merchant_id, country, region, postcode_from, postcode_to, postcode_pattern, category, priority, valid_from),
  unique (merchant_id, source, source_key),
  constraint postcode_range_has_two_ends check ((postcode_from is null) = (postcode_to is null)),
  constraint validity_does_not_end_before_it_begins check (valid_from <= valid_to)
);
create index on tax_rate (merchant_id, country, id);
select app.protect('tax_rate');

-- One row per merchant that has changed anything; the document is checked when it is saved.
create table tax_settings (
  merchant_id uuid primary key,
  document    jsonb not null,
  version     bigint not null default 1,
  updated_at  timestamptz not null default now()
);
select app.protect('tax_settings', 'select, insert, update');

-- Of a customer or of a group, by its handle: the code that saves one sees to it that it is only one of them.
create table tax_exemption (
  merchant_id    uuid not null,
  id             uuid not null default uuidv7(),
  customer_id    uuid,
  customer_group text,
  certificate    text not null,
  country        text not null default '*' check (country ~ '^([A-Z]{2}|\*)$'),
  region         text,
  category       text,
  valid_from     date check (isfinite(valid_from)),
  valid_to       date check (isfinite(valid_to)),
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  primary key (merchant_id, id),
  foreign key (merchant_id, customer_id) references customer (merchant_id, id) on delete cascade,
  constraint exemption_is_of_somebody check (customer_id is not null or customer_group is not null),
  constraint exemption_does_not_end_before_it_begins check (valid_from <= valid_to)
);
create index on tax_exemption (merchant_id, customer_id);
select app.protect('tax_exemption');
