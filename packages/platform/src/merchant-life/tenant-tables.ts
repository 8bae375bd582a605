import type postgres from 'postgres'

export interface TenantColumn {
  name: string
  /** As PostgreSQL writes it: 'bigint', 'text[]', 'timestamp with time zone'. */
  type: string
  nullable: boolean
}

/** A table that holds rows of merchants. */
export interface TenantTable {
  name: string
  /** Without merchant_id, which is the same in every row of a merchant. */
  columns: TenantColumn[]
  /** Without merchant_id too; empty where there is one row a merchant. */
  primaryKey: string[]
  /** The tenant tables its foreign keys point at. */
  references: string[]
}

/**
 * Every table with a merchant_id, those that others point at before those that point: the order in which rows can be written. It is
 * read from the system catalogue, so that a new table takes part by being there.
 */
export async function readTenantTables(sql: postgres.Sql | postgres.TransactionSql): Promise<TenantTable[]> {
  const tables = await sql<TenantTable[]>`
    select c.relname as name,
      (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, null), 'nullable', not a.attnotnull) order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname <> 'merchant_id') as columns,
      (select coalesce(json_agg(a.attname order by k.position) filter (where a.attname <> 'merchant_id'), '[]')
        from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (number, position), pg_attribute a
        where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.number) as "primaryKey",
      (select coalesce(json_agg(distinct r.relname), '[]') from pg_constraint f join pg_class r on r.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f' and r.oid <> c.oid) as references
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped)
    order by c.relname`
  return parentsFirst(tables)
}

/** Throws when tables point at each other in a circle: no order would do. */
export function parentsFirst(tables: readonly TenantTable[]): TenantTable[] {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const sorted = new Set<TenantTable>()
  const visit = (table: TenantTable, path: readonly TenantTable[]) => {
    if (sorted.has(table)) return
    if (path.includes(table)) throw new Error(`foreign keys go round in a circle: ${[...path, table].map(({ name }) => name).join(' -> ')}`)
    for (const name of table.references) {
      const parent = byName.get(name)
      if (parent) visit(parent, [...path, table])
    }
    sorted.add(table)
  }
  for (const table of tables) visit(table, [])
  return [...sorted]
}
