import type postgres from 'postgres'

export interface Column {
  name: string
  type: string
  generated: boolean
  nullable: boolean
}

export interface ForeignKey {
  name: string
  columns: string[]
  target: string
  targetColumns: string[]
}

/** A table or view that the application can reach, or that lies among tenant tables: what the system catalogue says of it. */
export interface Relation {
  /** As it is written in a statement. */
  name: string
  isTable: boolean
  /** False where rows are not marked with their merchant: then only their content can betray one. */
  hasMerchant: boolean
  columns: Column[]
  /** Of souk_app: select, insert, update, delete. */
  privileges: string[]
  /** Unique keys over plain columns. */
  uniqueKeys: string[][]
  primaryKey: string[]
  foreignKeys: ForeignKey[]
  checks: { name: string; columns: string[]; definition: string }[]
}

export interface DefinerFunction {
  /** Schema and name, without arguments. */
  name: string
  signature: string
  isProcedure: boolean
  argumentTypes: string[]
}

/** Every relation, those that others point at before those that point. */
export async function readRelations(admin: postgres.Sql): Promise<Relation[]> {
  const rows = await admin<Relation[]>`
    select c.oid::regclass::text as name, c.relkind in ('r', 'p') as "isTable",
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped) as "hasMerchant",
      (select json_agg(json_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, null), 'generated', a.attgenerated <> '', 'nullable', not a.attnotnull) order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
      (select coalesce(json_agg(verb), '[]') from unnest(array['select', 'insert', 'update', 'delete']) as verb
        where has_table_privilege('souk_app', c.oid, verb)) as privileges,
      (select coalesce(json_agg(keys.names), '[]') from (
        select (select json_agg(a.attname order by k.position) from unnest(i.indkey::int2[]) with ordinality as k (number, position)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number) as names
        from pg_index i where i.indrelid = c.oid and i.indisunique and i.indexprs is null and i.indpred is null) as keys) as "uniqueKeys",
      (select coalesce(json_agg(a.attname order by k.position), '[]')
        from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (number, position), pg_attribute a
        where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.number) as "primaryKey",
      (select coalesce(json_agg(json_build_object('name', f.conname, 'target', f.confrelid::regclass::text,
          'columns', ${columnNames(admin, 'f.conkey', 'f.conrelid')},
          'targetColumns', ${columnNames(admin, 'f.confkey', 'f.confrelid')})), '[]')
        from pg_constraint f where f.conrelid = c.oid and f.contype = 'f') as "foreignKeys",
      (select coalesce(json_agg(json_build_object('name', k.conname, 'columns', ${columnNames(admin, 'k.conkey', 'k.conrelid')},
          'definition', pg_get_constraintdef(k.oid))), '[]')
        from pg_constraint k where k.conrelid = c.oid and k.contype = 'c') as checks
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
      and (n.nspname = 'public' or has_table_privilege('souk_app', c.oid, 'select, insert, update, delete')
        or has_any_column_privilege('souk_app', c.oid, 'select, insert, update'))
    order by c.relname`
  return parentsFirst(rows)
}

/** The functions that run with other rights than their caller's, and that souk_app may call. */
export async function readDefinerFunctions(admin: postgres.Sql): Promise<DefinerFunction[]> {
  return admin<DefinerFunction[]>`
    select n.nspname || '.' || p.proname as name, p.oid::regprocedure::text as signature,
      p.prokind = 'p' as "isProcedure", (select coalesce(json_agg(format_type(t, null) order by position), '[]')
        from unnest(p.proargtypes::oid[]) with ordinality as a (t, position)) as "argumentTypes"
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
      and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
      and has_function_privilege('souk_app', p.oid, 'execute') and has_schema_privilege('souk_app', n.oid, 'usage')
    order by 1, 2`
}

function columnNames(admin: postgres.Sql, numbers: string, relation: string) {
  return admin.unsafe(`(select json_agg(a.attname order by x.position) from unnest(${numbers}) with ordinality as x (number, position)
    join pg_attribute a on a.attrelid = ${relation} and a.attnum = x.number)`)
}

function parentsFirst(relations: readonly Relation[]): Relation[] {
  const sorted: Relation[] = []
  const visit = (relation: Relation) => {
    if (sorted.includes(relation)) return
    for (const parent of parentsOf(relation, relations)) visit(parent)
    sorted.push(relation)
  }
  for (const relation of relations) visit(relation)
  return sorted
}

/** What a relation's foreign keys point at, but for itself. */
export function parentsOf(relation: Relation, relations: readonly Relation[]): Relation[] {
  const names = new Set(relation.foreignKeys.map((key) => key.target))
  names.delete(relation.name)
  return relations.filter(({ name }) => names.has(name))
}
