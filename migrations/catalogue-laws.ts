/** A rule of the schema, as a query over the system catalogue that answers one row for each thing that breaks it. */
export interface Law {
  name: string
  /** Selects one text column, `violation`. */
  query: string
}

/** Append-only by intent: what happened is never edited. */
export const APPEND_ONLY = [
  'event',
  'stock_movement',
  'pricing_version',
  'audit_entry',
  'promotion_version',
  'journal',
  'ledger_entry',
  'refund',
  'refund_line',
  'refund_part',
]

/** Limits that every connection of a role has, whatever the process behind it does. */
export const ROLE_LIMITS = {
  souk_app: ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'],
  souk_platform: ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'],
  souk_queue: ['statement_timeout', 'idle_in_transaction_session_timeout'],
}

const POLICY = '(merchant_id = app.current_merchant())'

// Everything in schema public that holds rows belongs to merchants; so do the partitions of it.
const TENANT_TABLES = `
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
    (select a.attnum from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped) as merchant_column
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')`

const OUR_SCHEMAS = `select oid, nspname from pg_namespace where nspname not like 'pg\\_%' and nspname <> 'information_schema'`

const COLUMNS = `
  select t.relname, a.attname, a.attidentity, a.attnotnull, a.atttypid, pg_get_expr(d.adbin, d.adrelid) as default_value
  from tenant_table t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum`

function overTenantTables(query: string): string {
  return `with tenant_table as (${TENANT_TABLES}), tenant_column as (${COLUMNS}) ${query}`
}

function overOurSchemas(query: string): string {
  return `with our_schema as (${OUR_SCHEMAS}) ${query}`
}

const TABLE_LAWS: Law[] = [
  {
    name: 'every table in schema public has merchant_id uuid not null',
    query: overTenantTables(`
      select t.relname as violation from tenant_table t where not exists (
        select from tenant_column c where c.relname = t.relname and c.attname = 'merchant_id' and c.attnotnull and c.atttypid = 'uuid'::regtype)`),
  },
  {
    name: 'every tenant table has row security, forced on its owner too',
    query: overTenantTables(`select relname as violation from tenant_table where not (relrowsecurity and relforcerowsecurity)`),
  },
  {
    name: 'every tenant table has exactly one policy: permissive, for all commands and roles, and the merchant in scope alone',
    query: overTenantTables(`
      select t.relname || ': ' || count(p.oid) || ' policies, ' || count(p.oid) filter (where exact) || ' as it should be' as violation
      from tenant_table t left join lateral (
        select q.oid, coalesce(q.polpermissive and q.polcmd = '*' and q.polroles = '{0}'
          and pg_get_expr(q.polqual, q.polrelid) = '${POLICY}' and pg_get_expr(q.polwithcheck, q.polrelid) = '${POLICY}', false) as exact
        from pg_policy q where q.polrelid = t.oid) p on true
      group by t.relname having count(p.oid) <> 1 or not bool_and(exact)`),
  },
  {
    name: 'every tenant table has a primary key led by merchant_id',
    query: overTenantTables(`
      select relname as violation from tenant_table t where not exists (
        select from pg_index i where i.indrelid = t.oid and i.indisprimary and i.indkey[0] = t.merchant_column)`),
  },
  {
    name: 'every index of a tenant table, unique or not, is led by merchant_id',
    query: overTenantTables(`
      select t.relname || ': ' || i.indexrelid::regclass as violation from tenant_table t join pg_index i on i.indrelid = t.oid
      where i.indkey[0] is distinct from t.merchant_column`),
  },
  {
    name: 'every foreign key of or to a tenant table is led by merchant_id on both sides',
    query: overTenantTables(`
      select coalesce(t.relname, k.conrelid::regclass::text) || ': ' || k.conname as violation
      from pg_constraint k left join tenant_table t on t.oid = k.conrelid left join tenant_table r on r.oid = k.confrelid
      where k.contype = 'f' and (t.oid is not null or r.oid is not null)
        and (k.conkey[1] is distinct from t.merchant_column or k.confkey[1] is distinct from r.merchant_column)`),
  },
  {
    name: 'no tenant column is an enum, numeric, money or floating, nor a domain or array of these',
    query: overTenantTables(`
      select c.relname || '.' || c.attname || ' ' || c.atttypid::regtype as violation from tenant_column c where exists (
        with recursive inside as (
          select c.atttypid as id
          union select step.id from inside join pg_type t on t.oid = inside.id, lateral (values (t.typelem), (t.typbasetype)) as step (id) where step.id <> 0
        )
        select from inside join pg_type t on t.oid = inside.id
        where t.typtype = 'e' or t.typname in ('numeric', 'money', 'float4', 'float8'))`),
  },
  {
    name: 'no tenant column counts by identity or sequence: such numbers run across merchants',
    query: overTenantTables(`
      select relname || '.' || attname as violation from tenant_column where attidentity <> '' or default_value like '%nextval(%'
      union all select 'sequence ' || relname from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace`),
  },
  {
    name: 'a table that inherits, as a partition or otherwise, is granted to nobody: only the parent`s policy is checked',
    query: overOurSchemas(`
      select c.oid::regclass || ' to ' || r.rolname as violation
      from pg_class c join our_schema n on n.oid = c.relnamespace join pg_inherits i on i.inhrelid = c.oid, pg_roles r
      where c.relkind in ('r', 'p', 'f') and r.rolname in ('souk_app', 'souk_platform', 'souk_queue')
        and (has_table_privilege(r.oid, c.oid, 'select, insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'select, insert, update'))`),
  },
  {
    name: 'append-only tables are never updated or deleted from',
    query: overTenantTables(`
      select t.relname || ': ' || verb as violation from tenant_table t, unnest(array['update', 'delete']) as verb
      where t.relname in (${APPEND_ONLY.map((name) => `'${name}'`).join(', ')}) and (
        has_table_privilege('souk_app', t.oid, verb) or verb = 'update' and has_any_column_privilege('souk_app', t.oid, verb))
      union all select 'no such table: ' || name from unnest(array[${APPEND_ONLY.map((name) => `'${name}'`).join(', ')}]) as name
      where not exists (select from tenant_table t where t.relname = name)`),
  },
]

const FUNCTION_LAWS: Law[] = [
  {
    name: 'a function that reads the merchant is never IMMUTABLE: its answer would be kept for the next merchant',
    query: overOurSchemas(`
      select p.oid::regprocedure::text as violation from pg_proc p join our_schema n on n.oid = p.pronamespace
      where p.prokind in ('f', 'p') and p.provolatile = 'i' and pg_get_functiondef(p.oid) ~ 'app\\.merchant_id|current_merchant'`),
  },
  {
    name: 'app.current_merchant is plain STABLE SQL that the planner can inline',
    query: `
      select 'app.current_merchant()' as violation where not exists (
        select from pg_proc p join pg_language l on l.oid = p.prolang
        where p.oid = to_regprocedure('app.current_merchant()') and l.lanname = 'sql' and p.provolatile = 's' and p.proparallel = 's'
          and not p.prosecdef and not p.proisstrict and not p.proretset and p.proconfig is null and p.prorettype = 'uuid'::regtype)`,
  },
  {
    name: 'a SECURITY DEFINER function has a fixed search_path without any schema of ours',
    query: overOurSchemas(`
      select p.oid::regprocedure::text as violation from pg_proc p join our_schema n on n.oid = p.pronamespace
      where p.prosecdef and not exists (
        select from unnest(p.proconfig) as setting where setting in ('search_path=pg_catalog', 'search_path=pg_catalog, pg_temp'))`),
  },
  {
    name: 'a SECURITY DEFINER function cannot be executed by everybody',
    query: overOurSchemas(`
      select p.oid::regprocedure::text as violation from pg_proc p join our_schema n on n.oid = p.pronamespace
      where p.prosecdef and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as g where g.grantee = 0)`),
  },
]

const VIEW_LAWS: Law[] = [
  {
    name: 'a view that the application can read, or that lies among tenant tables, runs with the rights of its reader',
    query: overOurSchemas(`
      select c.oid::regclass::text as violation from pg_class c join our_schema n on n.oid = c.relnamespace
      where c.relkind = 'v' and (n.nspname = 'public' or has_any_column_privilege('souk_app', c.oid, 'select'))
        and not coalesce('security_invoker=true' = any(c.reloptions) or 'security_invoker=on' = any(c.reloptions), false)`),
  },
  {
    name: 'a materialised view is granted to nobody: it has no row security',
    query: overOurSchemas(`
      select c.oid::regclass || ' to ' || r.rolname as violation from pg_class c join our_schema n on n.oid = c.relnamespace, pg_roles r
      where c.relkind = 'm' and r.rolname in ('souk_app', 'souk_platform', 'souk_queue') and has_any_column_privilege(r.oid, c.oid, 'select')`),
  },
]

const ROLE_LAWS: Law[] = [
  {
    name: 'souk_app owns nothing',
    query: `
      select pg_describe_object(classid, objid, objsubid) as violation from pg_shdepend
      where deptype = 'o' and refclassid = 'pg_authid'::regclass and refobjid = 'souk_app'::regrole
        and dbid in (0, (select oid from pg_database where datname = current_database()))`,
  },
  {
    name: 'no role that serves can bypass row security, or make itself one that does',
    query: `
      select rolname as violation from pg_roles r
      where rolname in ('souk_app', 'souk_platform', 'souk_queue')
        and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or exists (select from pg_auth_members m where m.member = r.oid))
      union all select rolname from pg_roles where rolname = 'souk_owner' and (rolsuper or rolbypassrls or rolreplication)`,
  },
  {
    name: 'souk_app has no right on a tenant table beyond reading and writing rows: no TRUNCATE, REFERENCES, TRIGGER or MAINTAIN',
    query: overOurSchemas(`
      select c.oid::regclass || ': ' || verb as violation
      from pg_class c join our_schema n on n.oid = c.relnamespace, unnest(array['truncate', 'references', 'trigger', 'maintain']) as verb
      where c.relkind in ('r', 'p', 'f', 'v', 'm') and has_table_privilege('souk_app', c.oid, verb)`),
  },
  {
    name: 'souk_app reads and writes nothing outside schema public',
    query: overOurSchemas(`
      select c.oid::regclass::text as violation from pg_class c join our_schema n on n.oid = c.relnamespace
      where n.nspname <> 'public' and (
        c.relkind in ('r', 'p', 'f', 'v', 'm') and (
          has_table_privilege('souk_app', c.oid, 'delete') or has_any_column_privilege('souk_app', c.oid, 'select, insert, update'))
        or c.relkind = 'S' and has_sequence_privilege('souk_app', c.oid, 'usage, select, update'))`),
  },
  {
    name: 'souk_platform and souk_queue have no tenant table',
    query: overTenantTables(`
      select t.relname || ' to ' || r.rolname as violation from tenant_table t, pg_roles r
      where r.rolname in ('souk_platform', 'souk_queue') and (
        has_table_privilege(r.oid, t.oid, 'delete, truncate') or has_any_column_privilege(r.oid, t.oid, 'select, insert, update'))`),
  },
  {
    name: 'no role that serves can create anything in a schema that it does not own',
    query: overOurSchemas(`
      select n.nspname || ' by ' || r.rolname as violation from our_schema n join pg_namespace s on s.oid = n.oid, pg_roles r
      where r.rolname in ('souk_app', 'souk_platform', 'souk_queue') and s.nspowner <> r.oid and has_schema_privilege(r.oid, n.oid, 'create')`),
  },
  {
    name: 'nothing is granted to everybody, now or by default',
    query: overOurSchemas(`
      select c.oid::regclass::text as violation from pg_class c join our_schema n on n.oid = c.relnamespace, aclexplode(c.relacl) as g where g.grantee = 0
      union all select 'by default: ' || defaclobjtype::text from pg_default_acl, aclexplode(defaclacl) as g
      where g.grantee in (0, 'souk_app'::regrole) and defaclobjtype in ('r', 'S', 'n')`),
  },
  {
    name: 'the roles that serve have their limits',
    query: Object.entries(ROLE_LIMITS)
      .flatMap(([role, settings]) => settings.map((setting) => ({ role, setting })))
      .map(
        ({ role, setting }) => `
          select '${role}: ${setting}' as violation where not exists (
            select from pg_db_role_setting s, unnest(s.setconfig) as value
            where s.setrole = '${role}'::regrole and s.setdatabase = 0 and value ~ '^${setting}=[1-9]')`,
      )
      .join(' union all '),
  },
]

const MOVE_LAWS: Law[] = [
  {
    name: 'pitfall 3: merchant_id is in the replica identity of every tenant table, or a move would make every update of it fail',
    query: overTenantTables(`
      select t.relname as violation from tenant_table t join pg_class c on c.oid = t.oid
      where c.relreplident <> 'f' and not exists (
        select from pg_index i where i.indrelid = t.oid and t.merchant_column = any(i.indkey::int2[])
          and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end)`),
  },
  {
    name: 'pitfall 6: which merchants live in a database is told to no other',
    query: `
      select p.pubname || ': ' || c.oid::regclass as violation from pg_publication p, pg_class c
      where c.oid = 'tenancy.home'::regclass and (p.puballtables
        or exists (select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = c.oid)
        or exists (select from pg_publication_namespace n where n.pnpubid = p.oid and n.pnnspid = c.relnamespace))`,
  },
  {
    name: 'pitfall 16: souk_mover can take every tenant table along, and owns nothing',
    query: overTenantTables(`
      select t.relname || ': ' || verb as violation from tenant_table t, unnest(array['select', 'insert', 'update', 'delete']) as verb
      where not t.relispartition and not has_table_privilege('souk_mover', t.oid, verb)
      union all
      select pg_describe_object(classid, objid, objsubid) from pg_shdepend
      where deptype = 'o' and refclassid = 'pg_authid'::regclass and refobjid = 'souk_mover'::regrole
        and classid <> 'pg_subscription'::regclass and dbid in (0, (select oid from pg_database where datname = current_database()))`),
  },
]

export const CATALOGUE_LAWS: Law[] = [...TABLE_LAWS, ...FUNCTION_LAWS, ...VIEW_LAWS, ...ROLE_LAWS, ...MOVE_LAWS]
