-- Plugins of a merchant: the releases pushed to it, what is installed and how, what each call was given and answered.

create table plugin_release (
  merchant_id  uuid not null,
  id           uuid not null default uuidv7(),
  plugin       text not null check (plugin ~ '^[a-z][a-z0-9-]{1,63}$'),
  version      text not null,
  digest       text not null check (digest ~ '^[0-9a-f]{64}$'),
  manifest     jsonb not null,
  hooks        jsonb not null,
  bundle       text not null check (octet_length(bundle) <= 524288),
  pushed_by    jsonb not null,
  pushed_at    timestamptz not null default now(),
  withdrawn_at timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, plugin, version)
);
select app.protect('plugin_release', 'select, insert, update');

-- `release_id` serves; a candidate serves its share of buyers; to the last good one it returns when a release keeps failing.
create table plugin_install (
  merchant_id          uuid not null,
  id                   uuid not null default uuidv7(),
  plugin               text not null,
  state                text not null check (state in ('active', 'disabled', 'suspended')),
  version_range        text not null,
  release_id           uuid not null,
  candidate_release_id uuid,
  candidate_ppm        bigint not null default 0 check (candidate_ppm between 0 and 1000000),
  last_good_release_id uuid,
  failed_release_id    uuid,
  configuration        jsonb not null,
  note                 text not null default '',
  log_all_until        timestamptz,
  version              bigint not null default 1,
  installed_at         timestamptz not null default now(),
  updated_at           timestamptz not null default now(),
  primary key (merchant_id, id),
  unique (merchant_id, plugin),
  foreign key (merchant_id, release_id) references plugin_release (merchant_id, id),
  foreign key (merchant_id, candidate_release_id) references plugin_release (merchant_id, id),
  foreign key (merchant_id, last_good_release_id) references plugin_release (merchant_id, id),
  foreign key (merchant_id, failed_release_id) references plugin_release (merchant_id, id),
  check ((candidate_release_id is null) = (candidate_ppm = 0))
);
create index on plugin_install (merchant_id, release_id);
create index on plugin_install (merchant_id, candidate_release_id);
create index on plugin_install (merchant_id, last_good_release_id);
create index on plugin_install (merchant_id, failed_release_id);
select app.protect('plugin_install');

create table plugin_provider (
  merchant_id    uuid not null,
  install_id     uuid not null,
  point          text not null check (point in ('discount', 'tax', 'fulfillment')),
  position       integer not null,
  failure_policy text not null check (failure_policy in ('skip', 'refuse', 'fallback')),
  primary key (merchant_id, install_id, point),
  foreign key (merchant_id, install_id) references plugin_install (merchant_id, id) on delete cascade
);
select app.protect('plugin_provider');

-- Secrets a plugin's requests may carry: sealed outside the database, never given to the plugin.
create table plugin_secret (
  merchant_id uuid not null,
  install_id  uuid not null,
  name        text not null check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  sealed      text not null,
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, install_id, name),
  foreign key (merchant_id, install_id) references plugin_install (merchant_id, id) on delete cascade
);
select app.protect('plugin_secret');

create table plugin_call (
  merchant_id   uuid not null,
  id            uuid not null default uuidv7(),
  install_id    uuid not null,
  release_id    uuid not null,
  plugin        text not null,
  version       text not null,
  hook          text not null,
  outcome       text not null check (outcome in ('ok', 'failed')),
  reason        text,
  detail        text,
  input         jsonb not null,
  configuration jsonb not null,
  output        jsonb,
  logs          jsonb not null,
  cpu_us        bigint not null,
  wall_us       bigint not null,
  called_at     timestamptz not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, install_id) references plugin_install (merchant_id, id) on delete cascade
);
create index on plugin_call (merchant_id, install_id, id);
create index on plugin_call (merchant_id, called_at);
select app.protect('plugin_call', 'select, insert, delete');

create table plugin_usage (
  merchant_id uuid not null,
  day         date not null,
  calls       bigint not null,
  failures    bigint not null,
  cpu_us      bigint not null,
  primary key (merchant_id, day)
);
select app.protect('plugin_usage');

create table plugin_budget (
  merchant_id    uuid primary key,
  calls_per_day  bigint not null check (calls_per_day >= 0),
  cpu_ms_per_day bigint not null check (cpu_ms_per_day >= 0),
  updated_at     timestamptz not null default now()
);
select app.protect('plugin_budget');
