import type postgres from 'postgres'
import type { Side } from './cell-sides.ts'
import type { HeldMove } from './held-move.ts'

const ASKED_AT_ONCE = 8

/** A table whose rows belong to merchants, and how its rows are copied and compared. All text is quoted as SQL wants it. */
export interface TenantTable {
  name: string
  /** What is copied: generated columns are computed again. */
  columns: string
  /** Every column of a row `t`, generated ones too, by name: the order in which they were added may differ. */
  row: string
  /** The columns of the primary key; and those after the merchant's, with their types. */
  key: string[]
  ownKey: { column: string; type: string }[]
}

/** The tables that travel with a merchant: every table of schema public, read from the catalogue. */
export async function tenantTables(held: HeldMove, { sql }: Side): Promise<TenantTable[]> {
  return held.piece(
    () => sql<TenantTable[]>`
    select quote_ident(t.name) as name,
      (select string_agg(quote_ident(a.attname), ', ' order by a.attname) from pg_attribute a
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      -- json has no hash of its own.
      (select string_agg('t.' || quote_ident(a.attname) || case when a.atttypid = 'json'::regtype then '::text' else '' end, ', ' order by a.attname)
        from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as row,
      k.key, k."ownKey"
    from tenancy.tenant_table t, lateral (
      select json_agg(quote_ident(a.attname) order by k.position) as key,
        coalesce(json_agg(json_build_object('column', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod)) order by k.position)
          filter (where a.attname <> 'merchant_id'), '[]') as "ownKey"
      from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (number, position), pg_attribute a
      where i.indrelid = t.oid and i.indisprimary and a.attrelid = t.oid and a.attnum = k.number) k
    order by t.name`,
  )
}

/** Those of the tables in which the merchant has rows, asked a few at a time: who asks first reads all about a table. */
export async function tablesWithRows(held: HeldMove, sql: AsksOne, tables: readonly TenantTable[]): Promise<TenantTable[]> {
  const found: TenantTable[] = []
  for (const some of inTurn(tables, held.portion(ASKED_AT_ONCE))) {
    const asks = some.map(({ name }, index) => `select ${index} as index where exists (select from public.${name} where merchant_id = $1)`)
    const rows = await held.piece(() => sql.unsafe<{ index: number }[]>(asks.join(' union all '), [held.move.merchantId]))
    found.push(...rows.map(({ index }) => some[index]!))
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** How many rows the merchant has in all of the tables. */
export async function countRows(held: HeldMove, sql: AsksOne, tables: readonly TenantTable[]): Promise<number> {
  let count = 0
  for (const some of inTurn(tables, held.portion(ASKED_AT_ONCE))) {
    const asks = some.map(({ name }) => `(select count(*) from public.${name} where merchant_id = $1)`)
    const [row] = await held.piece(() =>
      sql.unsafe<{ rows: string }[]>(`select (${asks.join(' + ')})::text as rows`, [held.move.merchantId]),
    )
    count += Number(row!.rows)
  }
  return count
}

/** Asks one after the other in one session: each that looks at all tables first reads all about them, which several would do as often. */
export async function inSession<Answer>({ sql }: Side, work: (session: postgres.ReservedSql) => Promise<Answer>): Promise<Answer> {
  const session = await sql.reserve()
  try {
    return await work(session)
  } finally {
    session.release()
  }
}

/** A transaction of such a session that looks rows up in the order of their key. `settings` are of this transaction, too. */
export async function inKeyOrder<Answer>(session: postgres.ReservedSql, work: () => Promise<Answer>, settings = ''): Promise<Answer> {
  // Without statistics of a table, and for numbers that it does not know, the planner would rather sort all of it each time.
  await session.unsafe(`begin; set local enable_sort = off; set local enable_bitmapscan = off; ${settings}`)
  try {
    const answer = await work()
    await session.unsafe('commit')
    return answer
  } catch (error) {
    await session.unsafe('rollback').catch(() => {})
    throw error
  }
}

/**
 * A condition for the rows after that key, which is the statement's second parameter. Without the merchant, who is the same: an index is
 * entered at a key that says no more than what it has to be above.
 */
export function aboveKey(ownKey: TenantTable['ownKey'], after: readonly string[] | undefined): string {
  if (after === undefined) return ''
  const values = ownKey.map(({ type }, index) => `($2::text[])[${index + 1}]::${type}`)
  return `and (${ownKey.map(({ column }) => column).join(', ')}) > (${values.join(', ')})`
}

/** What `aboveKey` takes: empty for a table in which a merchant has one row. */
export function keyText(ownKey: TenantTable['ownKey']): string {
  return `array[${ownKey.map(({ column }) => `${column}::text`).join(', ')}]::text[]`
}

type AsksOne = Pick<postgres.Sql, 'unsafe'>

function* inTurn(tables: readonly TenantTable[], atOnce: number): Generator<TenantTable[]> {
  for (let from = 0; from < tables.length; from += atOnce) yield tables.slice(from, from + atOnce)
}
