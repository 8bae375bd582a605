-- How far a database is, for whoever looks at it without owning it: a release that was rolled out before its migrations is told of.
create function tenancy.schema_version() returns integer
  language sql stable security definer
  set search_path = pg_catalog
  as $$ select coalesce(max(left(name, 4)::integer), 0) from migration.history where set = 'cell' $$;
revoke execute on function tenancy.schema_version() from public;
grant execute on function tenancy.schema_version() to souk_platform;
