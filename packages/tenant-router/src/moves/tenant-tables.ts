import type postgres from 'postgres'
import type { Side } from './cell-sides.ts'

/** A table whose rows belong to merchants, and how its rows are copied and compared. All text is quoted as SQL wants it. */
export interface TenantTable {
  name: string
  /** What is copied: generated columns are computed again. */
  columns: string
  /** Every column of a row `t`, generated ones too, by name: the order in which they were added may differ. */
  row: string
  key: string[]
}

/** The tables that travel with a merchant: every table of schema public, read from the catalogue. */
export async function tenantTables({ sql }: Side): Promise<TenantTable[]> {
  return sql<TenantTable[]>`
    select quote_ident(t.name) as name,
      (select string_agg(quote_ident(a.attname), ', ' order by a.attname) from pg_attribute a
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      -- json has no hash of its own.
      (select string_agg('t.' || quote_ident(a.attname) || case when a.atttypid = 'json'::regtype then '::text' else '' end, ', ' order by a.attname)
        from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as row,
      (select json_agg(quote_ident(a.attname) order by k.position)
        from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (number, position), pg_attribute a
        where i.indrelid = t.oid and i.indisprimary and a.attrelid = t.oid and a.attnum = k.number) as key
    from tenancy.tenant_table t order by t.name`
}

/** Those of the tables in which the merchant has rows. One statement, on whatever connection. */
export async function tablesWithRows(
  sql: Pick<postgres.Sql, 'unsafe'>,
  tables: readonly TenantTable[],
  merchantId: string,
): Promise<TenantTable[]> {
  const asks = tables.map(({ name }, index) => `select ${index} as index where exists (select from public.${name} where merchant_id = $1)`)
  const found = await sql.unsafe<{ index: number }[]>(asks.join(' union all '), [merchantId])
  return found.map(({ index }) => tables[index]!).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** How many rows the merchant has in all of the tables. */
export async function countRows(sql: Pick<postgres.Sql, 'unsafe'>, tables: readonly TenantTable[], merchantId: string): Promise<number> {
  if (tables.length === 0) return 0
  const asks = tables.map(({ name }) => `(select count(*) from public.${name} where merchant_id = $1)`)
  const [counted] = await sql.unsafe<{ rows: string }[]>(`select (${asks.join(' + ')})::text as rows`, [merchantId])
  return Number(counted!.rows)
}
