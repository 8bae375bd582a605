-- What the planner knows of young tables. A connection keeps the plans it made, those of foreign key checks too, until a
-- table is analysed: plans made over ten rows read whole ranges of ten thousand. Autovacuum looks once a minute or less
-- often; an import of ten thousand products was two minutes slower for it.

-- Analyses the tables that have more than doubled since they were looked at last. Cheap when there are none.
create function app.refresh_statistics() returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  stale regclass;
  analysed integer := 0;
begin
  for stale in
    select s.relid::regclass
    from pg_stat_all_tables s join pg_class c on c.oid = s.relid
    where s.schemaname = 'public' and s.n_mod_since_analyze > 200 and s.n_mod_since_analyze > c.reltuples
    order by s.relid
  loop
    execute format('analyze (skip_locked) %s', stale);
    analysed := analysed + 1;
  end loop;
  return analysed;
end $$;
revoke execute on function app.refresh_statistics() from public;
grant execute on function app.refresh_statistics() to souk_app;
