import { globSync } from 'node:fs'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import type postgres from 'postgres'

/** What a table promises, in words that can be compared: from a Drizzle table, and from the database. */
export interface TableShape {
  name: string
  columns: string[]
  primaryKey: string
  foreignKeys: string[]
  uniqueKeys: string[]
}

type Querier = postgres.Sql | postgres.TransactionSql

/**
 * Foreign keys against core's import order: stock lies below the catalogue, which opens its levels, so stock/tables.ts
 * cannot name the catalogue's tables. The database has these keys all the same.
 */
const UPWARD_FOREIGN_KEYS = [
  'bundle_component: foreign key (merchant_id, bundle_id) to variant (merchant_id, id)',
  'bundle_component: foreign key (merchant_id, component_id) to variant (merchant_id, id)',
  'stock_level: foreign key (merchant_id, product_id) to product (merchant_id, id)',
  'stock_level: foreign key (merchant_id, variant_id) to variant (merchant_id, id)',
]

const TABLES = new URL('../packages/core/src/', import.meta.url)

/** Every Drizzle table of core, found by looking for files called tables.ts: a new one is covered by being there. */
export async function drizzleShapes(): Promise<TableShape[]> {
  const shapes: TableShape[] = []
  for (const file of globSync('**/tables.ts', { cwd: TABLES.pathname }).sort()) {
    const exported = (await import(new URL(file, TABLES).href)) as Record<string, unknown>
    for (const value of Object.values(exported)) if (is(value, PgTable)) shapes.push(shapeOf(value))
  }
  return shapes
}

function shapeOf(table: PgTable): TableShape {
  const config = getTableConfig(table)
  const key = config.primaryKeys[0]?.columns ?? config.columns.filter((column) => column.primary)
  const uniqueIndexes = config.indexes.filter((index) => index.config.unique)
  return {
    name: config.name,
    columns: config.columns
      .map((column) => describeColumn(column.name, column.getSQLType(), column.notNull || key.includes(column)))
      .sort(),
    primaryKey: list(key.map((column) => column.name)),
    foreignKeys: config.foreignKeys
      .map((foreignKey) => foreignKey.reference())
      .map(({ columns, foreignColumns, foreignTable }) => {
        return describeForeignKey(columns.map(nameOf), getTableConfig(foreignTable as PgTable).name, foreignColumns.map(nameOf))
      })
      .sort(),
    uniqueKeys: [
      ...config.uniqueConstraints.map((unique) => list(unique.columns.map(nameOf))),
      ...uniqueIndexes.map((index) => list(index.config.columns.map((column) => ('name' in column ? String(column.name) : 'expression')))),
      ...config.columns.filter((column) => column.isUnique).map((column) => list([column.name])),
    ].sort(),
  }
}

/** The tenant tables as the database has them. */
export async function databaseShapes(sql: Querier): Promise<TableShape[]> {
  const tables = await sql<{ oid: number; name: string }[]>`
    select c.oid::int as oid, c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 2`
  const columns = await sql<{ table: number; name: string; type: string; required: boolean }[]>`
    select attrelid::int as table, attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required
    from pg_attribute where attnum > 0 and not attisdropped and attrelid = any(${tables.map((table) => table.oid)})`
  const keys = await sql<{ table: number; kind: 'p' | 'u' | 'f'; columns: string[]; target: string | null; target_columns: string[] }[]>`
    select i.indrelid::int as table, case when i.indisprimary then 'p' else 'u' end as kind,
      array(
        select coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, n, true))
        from generate_series(1, i.indnkeyatts) as n left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[n - 1]
        order by n
      ) as columns,
      null as target, '{}'::text[] as target_columns
    from pg_index i where i.indisunique
    union all
    select k.conrelid::int, 'f', ${namesOf(sql, 'conrelid', 'conkey')}, k.confrelid::regclass::text, ${namesOf(sql, 'confrelid', 'confkey')}
    from pg_constraint k where k.contype = 'f'`
  return tables.map(({ oid, name }) => {
    const of = (kind: string) => keys.filter((key) => key.table === oid && key.kind === kind)
    return {
      name,
      columns: columns
        .filter((column) => column.table === oid)
        .map((column) => describeColumn(column.name, column.type, column.required))
        .sort(),
      primaryKey: list(of('p')[0]?.columns ?? []),
      foreignKeys: of('f')
        .map((key) => describeForeignKey(key.columns, key.target ?? '', key.target_columns))
        .sort(),
      uniqueKeys: of('u')
        .map((key) => list(key.columns))
        .sort(),
    }
  })
}

function namesOf(sql: Querier, relation: string, numbers: string): postgres.PendingQuery<postgres.Row[]> {
  return sql`array(
    select a.attname::text from unnest(k.${sql(numbers)}) with ordinality as n (attnum, position)
    join pg_attribute a on a.attrelid = k.${sql(relation)} and a.attnum = n.attnum order by n.position)`
}

/** Every disagreement between the two, in words. */
export function disagreements(drizzle: TableShape[], database: TableShape[]): string[] {
  const found: string[] = []
  for (const { name } of database) {
    const count = drizzle.filter((table) => table.name === name).length
    if (count !== 1) found.push(`${name}: ${count} Drizzle tables in core, one is needed`)
  }
  for (const ours of drizzle) {
    const theirs = database.find((table) => table.name === ours.name)
    if (!theirs) {
      found.push(`${ours.name}: not in the database`)
      continue
    }
    if (ours.primaryKey !== theirs.primaryKey)
      found.push(`${ours.name}: primary key ${ours.primaryKey}, in the database ${theirs.primaryKey}`)
    for (const part of ['columns', 'foreignKeys', 'uniqueKeys'] as const) {
      found.push(...ours[part].filter((line) => !theirs[part].includes(line)).map((line) => `${ours.name}: ${line} is only in tables.ts`))
      const unknown = theirs[part].filter((line) => !ours[part].includes(line) && !UPWARD_FOREIGN_KEYS.includes(`${ours.name}: ${line}`))
      found.push(...unknown.map((line) => `${ours.name}: ${line} is only in the database`))
    }
  }
  return found
}

function describeColumn(name: string, type: string, required: boolean): string {
  return `column ${name} ${type}${required ? ' not null' : ''}`
}

function describeForeignKey(columns: string[], target: string, targetColumns: string[]): string {
  return `foreign key ${list(columns)} to ${target} ${list(targetColumns)}`
}

function list(names: string[]): string {
  return `(${names.join(', ')})`
}

function nameOf(column: { name: string }): string {
  return column.name
}
