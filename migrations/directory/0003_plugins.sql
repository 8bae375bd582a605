-- What the platform has stopped: a bundle by its digest, a plugin by its name, or all plugins of one merchant. Every API and
-- worker process holds the list in memory and hears of a change on the channel souk_plugin_blocks.

create table platform.plugin_block (
  id          uuid primary key default uuidv7(),
  digest      text check (digest ~ '^[0-9a-f]{64}$'),
  plugin      text check (plugin ~ '^[a-z][a-z0-9-]{1,63}$'),
  merchant_id uuid references platform.merchant (id),
  reason      text not null,
  blocked_by  uuid not null references platform.admin (id),
  blocked_at  timestamptz not null default now(),
  lifted_by   uuid references platform.admin (id),
  lifted_at   timestamptz,
  check (num_nonnulls(digest, plugin, merchant_id) >= 1),
  check ((lifted_by is null) = (lifted_at is null))
);
grant select, insert on platform.plugin_block to souk_platform;
grant update (lifted_by, lifted_at) on platform.plugin_block to souk_platform;

create function platform.plugin_blocks() returns table (digest text, plugin text, merchant_id uuid)
  language sql stable security definer set search_path = pg_catalog
  as $$ select b.digest, b.plugin, b.merchant_id from platform.plugin_block b where b.lifted_at is null $$;
revoke execute on function platform.plugin_blocks() from public;
grant execute on function platform.plugin_blocks() to souk_app, souk_platform;

create function platform.announce_plugin_blocks() returns trigger
  language plpgsql set search_path = pg_catalog
  as $$
begin
  perform pg_notify('souk_plugin_blocks', '');
  return null;
end $$;
revoke execute on function platform.announce_plugin_blocks() from public;
create trigger announce after insert or update or delete on platform.plugin_block
  for each statement execute function platform.announce_plugin_blocks();
