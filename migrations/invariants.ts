import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'

export interface Violation {
  invariant: string
  /** At most VIOLATIONS_SHOWN rows of what was found. */
  rows: Record<string, unknown>[]
}

const VIOLATIONS_SHOWN = 5
const FOLDER = new URL('invariants/', import.meta.url)
const LEFT_OPEN = '39_nothing_left_open'
const AT_REST_WITHIN_MS = 300_000
const LOOKED_EVERY_MS = 100

/**
 * What must hold at any quiet moment, whatever happened before. Each is a query in `invariants/` that finds the rows
 * which break it; numbers are fixed. Needs a role that sees every merchant's rows (a superuser, or souk_mover with
 * rights to read). Answers the broken ones.
 */
export async function checkInvariants(url: string): Promise<Violation[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const broken: Violation[] = []
    for (const { name, text } of await readInvariants()) {
      const rows = await sql.unsafe(text)
      if (rows.length > 0) broken.push({ invariant: name, rows: rows.slice(0, VIOLATIONS_SHOWN) })
    }
    broken.push(...(await checkScope(sql)))
    return broken
  } finally {
    await sql.end()
  }
}

/**
 * The same of a database that comes to rest: what is open in it for another moment is looked at again, for five minutes at most. Where jobs
 * have more to do than that, only what was open all the time is left open.
 */
export async function checkInvariantsAtRest(url: string, withinMs = AT_REST_WITHIN_MS): Promise<Violation[]> {
  const end = performance.now() + withinMs
  for (;;) {
    const lookedAt = performance.now()
    const broken = await checkInvariants(url)
    const open = broken.find(({ invariant }) => invariant === LEFT_OPEN)
    if (!open) return broken
    if (lookedAt > end) {
      const isLeft = open.rows.some(({ seconds }) => Number(seconds) * 1_000 > withinMs)
      return isLeft ? broken : broken.filter((violation) => violation !== open)
    }
    await pause(LOOKED_EVERY_MS)
  }
}

/** The texts of all invariants, by name. */
export async function readInvariants(): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(names.map(async (name) => ({ name: name.slice(0, -4), text: await readFile(new URL(name, FOLDER), 'utf8') })))
}

/** Number 24: as souk_app without a merchant no tenant table shows a row; with one, none of another merchant. */
async function checkScope(sql: postgres.Sql): Promise<Violation[]> {
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'merchant_id'
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`
  const [merchant] = await sql<{ merchant_id: string }[]>`select merchant_id from tenancy.home order by merchant_id limit 1`
  const rows: Record<string, unknown>[] = []
  for (const { name } of tables) {
    // Raising is the rule; a table without rows has nothing to raise about.
    const open = await inScope(sql, null, name).catch((error: { code?: string }) => {
      if (error.code === '42704' || error.code === '22P02') return 0
      throw error
    })
    if (open > 0) rows.push({ table: name, problem: 'readable without a merchant' })
    if (merchant && (await inScope(sql, merchant.merchant_id, name)) > 0)
      rows.push({ table: name, problem: "shows another merchant's rows" })
  }
  return rows.length > 0 ? [{ invariant: '24_rows_stay_with_their_merchant', rows: rows.slice(0, VIOLATIONS_SHOWN) }] : []
}

/** How many rows of others souk_app can see in a table, in a transaction that is always rolled back. */
async function inScope(sql: postgres.Sql, merchantId: string | null, table: string): Promise<number> {
  return sql.begin(async (tx) => {
    await tx`set local role souk_app`
    if (merchantId) await tx`select set_config('app.merchant_id', ${merchantId}, true)`
    const [row] = await tx.unsafe<{ count: number }[]>(
      `select count(*)::int as count from ${table} where merchant_id is distinct from ${merchantId ? `'${merchantId}'` : 'null'}`,
    )
    return row?.count ?? 0
  })
}
