import type { Side } from './cell-sides.ts'
import { type HeldMove, MoveFailed } from './held-move.ts'
import { passMarker } from './markers.ts'
import { type TenantTable, tenantTables } from './tenant-tables.ts'

/** A row that changed so often that both sides could not be seen alike: to be compared again when nobody writes. */
export interface RestlessRow {
  table: TenantTable
  /** The primary key as a JSON object. */
  key: string
}

export interface Comparison {
  rows: number
  restless: RestlessRow[]
}

interface Bucket {
  bucket: number
  rows: string
  sum: string
}

interface RowHash {
  key: string
  bucket: number
  hash: string
}

interface Suspect {
  table: TenantTable
  bucket: number
  /** What it was at home, pass by pass. */
  seen: (string | undefined)[]
}

const BUCKETS = 256
const PASSES_MAX = 8
const PAUSE_MS = 100
const SUSPECTS_MAX = 5_000
const MARKER_TIMEOUT_MS = 60_000
// Counters that every order changes: looked at under the fence in any case.
const ALWAYS_RESTLESS = ['merchant_counter']

/**
 * Compares everything a merchant has at home with its copy, while it is being changed: hashes of all rows, summed by table and bucket, first
 * at home, then, after a marker has passed, at the copy, which then holds at least as much. Where sums differ the rows are looked at one
 * by one, again and again. A row that stays the same at home and different in the copy is a MoveFailed that names table and bucket.
 */
export async function compare(held: HeldMove, home: Side, copy: Side): Promise<Comparison> {
  const tables = await tenantTables(home)
  const before = await bucketsOfAll(held, home, tables)
  await markerPassed(held, home, copy)
  const after = await bucketsOfAll(held, copy, tables)
  const rows = before.flat().reduce((sum, bucket) => sum + Number(bucket.rows), 0)
  const suspects = new Map<string, Suspect>()
  for (const [index, table] of tables.entries()) {
    const differing = differingBuckets(before[index]!, after[index]!)
    if (differing.length > 0) await suspectRows(held, { home, copy, table, buckets: differing, suspects })
  }
  for (let pass = 1; pass < PASSES_MAX && suspects.size > 0; pass += 1) {
    await held.pause(PAUSE_MS)
    await lookAgain(held, home, copy, suspects)
  }
  return { rows, restless: [...alwaysRestless(tables, held.move.merchantId), ...restlessOf(suspects)] }
}

/** What single rows are at a side, in the order of `rows`' tables. */
export type RowHashes = Map<string, { hash: string }>[]

/** Asks for single rows, all in one round trip on one connection. */
export function hashesOfRows(side: Side, merchantId: string, rows: readonly RestlessRow[]): Promise<RowHashes> {
  return Promise.all([...byTable(rows)].map(([table, keys]) => hashesOfKeys(side, table, merchantId, keys)))
}

/** Throws MoveFailed if a row that was read while nobody wrote is another one in the copy. */
export function assertRowsEqual(rows: readonly RestlessRow[], there: RowHashes, here: RowHashes, copy: string): void {
  for (const [index, [table]] of [...byTable(rows)].entries()) {
    const [original, copied] = [there[index]!, here[index]!]
    for (const key of new Set([...original.keys(), ...copied.keys()]))
      if (original.get(key)?.hash !== copied.get(key)?.hash) throw new MoveFailed(`A row of ${table.name} differs in ${copy}: ${key}.`)
  }
}

/** One after the other: each session that looks at all tables first reads all about them, and several would keep all cores busy. */
async function bucketsOfAll(held: HeldMove, side: Side, tables: readonly TenantTable[]): Promise<Bucket[][]> {
  const sums: Bucket[][] = []
  for (const table of tables) sums.push(await held.piece(() => bucketsOf(side, table, held.move.merchantId)))
  return sums
}

/** The sums of one table. Text that PostgreSQL computes, so that both sides say the same. */
async function bucketsOf({ sql }: Side, { name, row, key }: TenantTable, merchantId: string): Promise<Bucket[]> {
  return sql.unsafe<Bucket[]>(
    `select x.bucket, count(*)::text as rows, sum(x.hash)::text as sum
     from (select ${bucketOf(key)} as bucket, hash_record_extended(row(${row}), 0) as hash from public.${name} t where t.merchant_id = $1) as x
     group by x.bucket`,
    [merchantId],
  )
}

function bucketOf(key: readonly string[]): string {
  return `(hash_record_extended(row(${key.map((column) => `t.${column}`).join(', ')}), 0) & ${BUCKETS - 1})::int`
}

function differingBuckets(before: Bucket[], after: Bucket[]): number[] {
  const text = (buckets: Bucket[]) => new Map(buckets.map(({ bucket, rows, sum }) => [bucket, `${rows} ${sum}`]))
  const [there, here] = [text(before), text(after)]
  return [...new Set([...there.keys(), ...here.keys()])].filter((bucket) => there.get(bucket) !== here.get(bucket))
}

async function suspectRows(
  held: HeldMove,
  {
    home,
    copy,
    table,
    buckets,
    suspects,
  }: { home: Side; copy: Side; table: TenantTable; buckets: number[]; suspects: Map<string, Suspect> },
): Promise<void> {
  const { merchantId } = held.move
  const there = await held.piece(() => hashesOfBuckets(home, table, merchantId, buckets))
  await markerPassed(held, home, copy)
  const here = await held.piece(() => hashesOfBuckets(copy, table, merchantId, buckets))
  for (const key of new Set([...there.keys(), ...here.keys()])) {
    if (there.get(key)?.hash === here.get(key)?.hash) continue
    suspects.set(`${table.name} ${key}`, { table, bucket: (there.get(key) ?? here.get(key))!.bucket, seen: [there.get(key)?.hash] })
    if (suspects.size > SUSPECTS_MAX) throw new MoveFailed(`More than ${SUSPECTS_MAX} rows differ, in ${table.name} among others.`)
  }
}

async function lookAgain(held: HeldMove, home: Side, copy: Side, suspects: Map<string, Suspect>): Promise<void> {
  const { merchantId } = held.move
  const rows = [...suspects].map(([name, { table }]) => ({ table, key: name.slice(table.name.length + 1) }))
  for (const [table, keys] of byTable(rows)) {
    const there = await hashesOfKeys(home, table, merchantId, keys)
    await markerPassed(held, home, copy)
    const here = await hashesOfKeys(copy, table, merchantId, keys)
    for (const key of keys) {
      const name = `${table.name} ${key}`
      suspects.get(name)!.seen.push(there.get(key)?.hash)
      if (there.get(key)?.hash === here.get(key)?.hash) suspects.delete(name)
    }
  }
}

/** What changed in one of the last passes may be late; what did not is wrong. */
function restlessOf(suspects: Map<string, Suspect>): RestlessRow[] {
  return [...suspects].map(([name, { table, bucket, seen }]) => {
    const last = seen.slice(-Math.ceil(PASSES_MAX / 2))
    if (new Set(last).size === 1) throw new MoveFailed(`The copy of ${table.name} differs in bucket ${bucket}.`)
    return { table, key: name.slice(table.name.length + 1) }
  })
}

function alwaysRestless(tables: readonly TenantTable[], merchantId: string): RestlessRow[] {
  return tables
    .filter(({ name }) => ALWAYS_RESTLESS.includes(name))
    .map((table) => ({ table, key: JSON.stringify({ merchant_id: merchantId }) }))
}

async function hashesOfBuckets({ sql }: Side, { name, row, key }: TenantTable, merchantId: string, buckets: number[]) {
  const rows = await sql.unsafe<RowHash[]>(
    `select ${keyOf(key)} as key, ${bucketOf(key)} as bucket, hash_record_extended(row(${row}), 0)::text as hash
     from public.${name} t where t.merchant_id = $1 and ${bucketOf(key)} = any($2::int[])`,
    [merchantId, buckets],
  )
  return new Map(rows.map((found) => [found.key, found]))
}

async function hashesOfKeys({ sql }: Side, { name, row, key }: TenantTable, merchantId: string, keys: readonly string[]) {
  const rows = await sql.unsafe<RowHash[]>(
    `select ${keyOf(key)} as key, ${bucketOf(key)} as bucket, hash_record_extended(row(${row}), 0)::text as hash
     from jsonb_populate_recordset(null::public.${name}, $2::text::jsonb) w
       join public.${name} t on ${key.map((column) => `t.${column} = w.${column}`).join(' and ')}
     where t.merchant_id = $1`,
    [merchantId, `[${keys.join(',')}]`],
    { prepare: true },
  )
  return new Map(rows.map((found) => [found.key, found]))
}

/** A primary key as JSON text, the same on both sides. */
function keyOf(key: readonly string[]): string {
  return `(select to_jsonb(k)::text from (select ${key.map((column) => `t.${column}`).join(', ')}) as k)`
}

function byTable(rows: readonly RestlessRow[]): Map<TenantTable, string[]> {
  const tables = new Map<TenantTable, string[]>()
  for (const { table, key } of rows) tables.set(table, [...(tables.get(table) ?? []), key])
  return tables
}

async function markerPassed(held: HeldMove, home: Side, copy: Side): Promise<void> {
  if ((await passMarker(held, home, copy, MARKER_TIMEOUT_MS)) === undefined)
    throw new Error(`Changes do not reach ${copy.cell} within ${MARKER_TIMEOUT_MS} ms.`)
}
