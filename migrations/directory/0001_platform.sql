-- The directory: which merchants there are, by what names they are reached, and where they live. Only souk_platform
-- writes here; the application looks up through two functions and learns of changes on the channel souk_directory.

create schema platform;
grant usage on schema platform to souk_app, souk_platform;

create table platform.cell (
  id         uuid primary key default uuidv7(),
  name       text not null unique check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  kind       text not null check (kind in ('shared', 'dedicated')),
  status     text not null default 'open' check (status in ('open', 'draining', 'retired')),
  created_at timestamptz not null default now()
);

create table platform.merchant (
  id         uuid primary key default uuidv7(),
  slug       text not null unique check (slug ~ '^[a-z0-9](-?[a-z0-9])*$' and length(slug) between 3 and 40),
  name       text not null,
  status     text not null check (status in ('provisioning', 'active', 'suspended')),
  created_at timestamptz not null default now()
);

create table platform.home (
  merchant_id uuid primary key references platform.merchant (id),
  cell        text not null references platform.cell (name),
  epoch       bigint not null check (epoch > 0)
);

-- A merchant's own host names, lower case, without port. Only a verified one is served.
create table platform.domain (
  host        text primary key check (host = lower(host) and length(host) between 3 and 253),
  merchant_id uuid not null references platform.merchant (id),
  challenge   text not null,
  verified_at timestamptz,
  created_at  timestamptz not null default now()
);
create index on platform.domain (merchant_id);

create table platform.admin (
  id                 uuid primary key default uuidv7(),
  email              text not null unique,
  password_hash      text not null,
  tokens_valid_after timestamptz not null default now(),
  disabled_at        timestamptz,
  created_at         timestamptz not null default now()
);

-- Answers of the platform API to requests that carried an Idempotency-Key.
create table platform.idempotency_key (
  admin_id      uuid not null references platform.admin (id),
  route         text not null,
  key           text not null,
  fingerprint   text not null,
  status_code   integer not null,
  response_body text not null,
  created_at    timestamptz not null default now(),
  expires_at    timestamptz not null,
  primary key (admin_id, route, key)
);

create table platform.audit (
  id          uuid primary key default uuidv7(),
  admin_id    uuid,
  action      text not null,
  merchant_id uuid,
  data        jsonb not null,
  occurred_at timestamptz not null default now()
);

grant select, insert, update on platform.cell, platform.merchant, platform.home, platform.admin to souk_platform;
grant select, insert, update, delete on platform.domain, platform.idempotency_key to souk_platform;
grant select, insert on platform.audit to souk_platform;

create type platform.directory_entry as (merchant_id uuid, slug text, status text, cell text, epoch bigint);

create function platform.find_by_slug(wanted text) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch
    from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.slug = wanted
  $$;

create function platform.find_by_domain(wanted text) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch
    from platform.domain d join platform.merchant m on m.id = d.merchant_id join platform.home h on h.merchant_id = m.id
    where d.host = wanted and d.verified_at is not null
  $$;

create function platform.find_by_id(wanted uuid) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch
    from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.id = wanted
  $$;

-- The ids of all merchants at home in a cell, after a given id, in id order: the one list behind eachMerchant.
create function platform.merchants_of_cell(wanted text, after uuid, at_most integer) returns setof platform.directory_entry
  language sql stable security definer rows 100 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch
    from platform.home h join platform.merchant m on m.id = h.merchant_id
    where h.cell = wanted and m.status = 'active' and (after is null or m.id > after)
    order by m.id
    limit at_most
  $$;

revoke execute on all functions in schema platform from public;
grant execute on all functions in schema platform to souk_app, souk_platform;
