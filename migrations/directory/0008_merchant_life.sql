-- What happens to a merchant as a whole: exports, restores, sandboxes, erasures. Each is a row that a worker takes through its
-- steps, and that another takes further when the first one dies.

-- A sandbox is a copy of a merchant that reaches nobody outside: no mail, no webhook, no carrier, no provider that charges. An
-- erased merchant keeps its row, so that its id is never given to another and a restore goes on counting its epochs.
alter table platform.merchant
  drop constraint merchant_status_check,
  -- allow constraint-missing-not-valid: a row a merchant is few rows, and they keep to the narrower check that goes.
  add constraint merchant_status_check check (status in ('provisioning', 'active', 'suspended', 'erasing', 'erased')),
  add sandbox boolean not null default false,
  add sandbox_of uuid,
  add last_epoch bigint not null default 0;
grant delete on platform.home to souk_platform;

-- A copy of all that a merchant had at one moment, in a file that is named after the id.
create table platform.archive (
  id          uuid primary key,
  merchant_id uuid not null,
  slug        text not null,
  made_at     timestamptz not null,
  bytes       bigint not null check (bytes > 0),
  sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  content     jsonb not null,
  deleted_at  timestamptz
);
create index on platform.archive (merchant_id, id);
grant select, insert on platform.archive to souk_platform;
grant update (deleted_at) on platform.archive to souk_platform;

-- merchant_id is the one that it happens to: of a restore and of a sandbox the one that comes to be. A lease is over by this
-- database's clock alone. figures: what has been done so far, for people to look at.
create table platform.merchant_work (
  id           uuid primary key default uuidv7(),
  kind         text not null check (kind in ('export', 'restore', 'sandbox', 'erasure')),
  merchant_id  uuid not null references platform.merchant (id),
  archive_id   uuid,
  parameters   jsonb not null,
  state        text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  step         text not null default '',
  figures      jsonb not null default '{}',
  failure      text,
  attempts     integer not null default 0,
  due_at       timestamptz not null default now(),
  lease        uuid,
  leased_until timestamptz not null default '-infinity',
  requested_by uuid not null references platform.admin (id),
  requested_at timestamptz not null,
  finished_at  timestamptz,
  check ((state in ('done', 'failed')) = (finished_at is not null)),
  check ((state = 'failed') = (failure is not null))
);
create unique index one_unfinished_work on platform.merchant_work (merchant_id) where state in ('queued', 'running');
create index on platform.merchant_work (due_at) where state in ('queued', 'running');
grant select, insert, update on platform.merchant_work to souk_platform;

-- What was erased, when, and by whose order. Its digest stands in the audit log, whose entries are chained.
create table platform.erasure (
  id           uuid primary key,
  merchant_id  uuid not null references platform.merchant (id),
  requested_by uuid not null references platform.admin (id),
  reason       text not null,
  requested_at timestamptz not null,
  erased_at    timestamptz not null,
  content      jsonb not null,
  digest       text not null check (digest ~ '^[0-9a-f]{64}$')
);
create index on platform.erasure (merchant_id);
grant select, insert on platform.erasure to souk_platform;

-- SHA-256 over the canonical text of a JSON array: that of jsonb, with moments in UTC and microseconds.
create function platform.erasure_digest(erasure platform.erasure) returns text
  language sql stable
  set search_path = pg_catalog
  as $$
    select encode(sha256(convert_to(jsonb_build_array(erasure.id, erasure.merchant_id, erasure.requested_by, erasure.reason,
      to_char(erasure.requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      to_char(erasure.erased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), erasure.content)::text, 'UTF8')), 'hex')
  $$;
revoke execute on function platform.erasure_digest(platform.erasure) from public;
grant execute on function platform.erasure_digest(platform.erasure) to souk_platform;

-- Lookups tell a sandbox from other shops, and know nothing of a merchant that is erased or about to be.
alter type platform.directory_entry add attribute sandbox boolean;

create or replace function platform.find_by_slug(wanted text) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch, m.sandbox
    from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.slug = wanted and m.status not in ('erasing', 'erased')
  $$;

create or replace function platform.find_by_domain(wanted text) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch, m.sandbox
    from platform.domain d join platform.merchant m on m.id = d.merchant_id join platform.home h on h.merchant_id = m.id
    where d.host = wanted and d.verified_at is not null and m.status not in ('erasing', 'erased')
  $$;

create or replace function platform.find_by_id(wanted uuid) returns setof platform.directory_entry
  language sql stable security definer rows 1 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch, m.sandbox
    from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.id = wanted and m.status not in ('erasing', 'erased')
  $$;

create or replace function platform.merchants_of_cell(wanted text, after uuid, at_most integer) returns setof platform.directory_entry
  language sql stable security definer rows 100 set search_path = pg_catalog
  as $$
    select m.id, m.slug, m.status, h.cell, h.epoch, m.sandbox
    from platform.home h join platform.merchant m on m.id = h.merchant_id
    where h.cell = wanted and m.status = 'active' and (after is null or m.id > after)
    order by m.id
    limit at_most
  $$;
