import type postgres from 'postgres'
import type { Side } from './cell-sides.ts'
import { type HeldMove, MoveFailed } from './held-move.ts'
import { markerPassed } from './markers.ts'
import { RowsAtOnce } from './rows-at-once.ts'
import { aboveKey, inKeyOrder, inSession, keyText, type TenantTable, tenantTables } from './tenant-tables.ts'

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

/** By number: how many rows, and the sum of their hashes. */
type Buckets = Map<number, { rows: number; sum: bigint }>

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
// More that differ are taken for what they usually are, a bulk change that came between two looks: their table is compared again.
const SUSPECTS_MAX = 5_000
const ROUNDS_MAX = 3
// So many rows of a table are looked at one by one at a time, however many there are.
const ROWS_AT_ONCE_MAX = 100_000
// Counters that every order changes: looked at under the fence in any case.
const ALWAYS_RESTLESS = ['merchant_counter']

/**
 * Compares everything a merchant has at home with its copy, while it is being changed: hashes of all rows, summed by table and bucket, first
 * at home, then, after a marker has passed, at the copy, which then holds at least as much. Where sums differ the rows are looked at one
 * by one, again and again. A row that stays the same at home and different in the copy is a MoveFailed that names table and bucket.
 */
export async function compare(held: HeldMove, home: Side, copy: Side): Promise<Comparison> {
  const tables = await tenantTables(held, home)
  const restless = alwaysRestless(tables, held.move.merchantId)
  let rows = 0
  let left = tables
  for (let round = 1; left.length > 0; round += 1) {
    if (round > ROUNDS_MAX) throw new Error(`More rows of ${left[0]!.name} change than can be compared at a time.`)
    const compared = await compareTables(held, home, copy, left)
    if (round === 1) rows = compared.rows
    restless.push(...compared.restless)
    left = compared.left
  }
  return { rows, restless }
}

/** Answers also the tables of which more differed than were looked at: those are to be compared again. */
async function compareTables(
  held: HeldMove,
  home: Side,
  copy: Side,
  tables: readonly TenantTable[],
): Promise<Comparison & { left: TenantTable[] }> {
  const before = await bucketsOfAll(held, home, tables)
  await markerPassed(held, home, copy)
  const after = await bucketsOfAll(held, copy, tables)
  const rows = before.reduce((sum, buckets) => sum + rowsOf(buckets), 0)
  const suspects = new Map<string, Suspect>()
  const left: TenantTable[] = []
  for (const [index, table] of tables.entries()) {
    const groups = groupsOf(differingBuckets(before[index]!, after[index]!), before[index]!)
    for (const buckets of groups) {
      if (await suspectRows(held, { home, copy, table, buckets, suspects })) continue
      // Most were only late.
      await lookAgain(held, home, copy, suspects)
      if (await suspectRows(held, { home, copy, table, buckets, suspects })) continue
      left.push(table)
      break
    }
  }
  for (let pass = 1; pass < PASSES_MAX && suspects.size > 0; pass += 1) {
    await held.pause(PAUSE_MS)
    await lookAgain(held, home, copy, suspects)
  }
  return { rows, restless: restlessOf(suspects).filter(({ table }) => !left.includes(table)), left }
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

function bucketsOfAll(held: HeldMove, side: Side, tables: readonly TenantTable[]): Promise<Buckets[]> {
  return inSession(side, async (session) => {
    const pieces = new RowsAtOnce(held)
    const sums: Buckets[] = []
    for (const table of tables) sums.push(await bucketsOf({ session, pieces, table, merchantId: held.move.merchantId }))
    return sums
  })
}

/** Where rows of a table are read piece by piece, and whose. */
interface Reading {
  session: postgres.ReservedSql
  pieces: RowsAtOnce
  table: TenantTable
  merchantId: string
}

/** The sums of one table. */
async function bucketsOf(reading: Reading): Promise<Buckets> {
  const { row, key } = reading.table
  const sums: Buckets = new Map()
  const hashes = `select ${bucketOf(key)} as bucket, hash_record_extended(row(${row}), 0) as hash from piece t`
  const found = `select bucket, count(*)::int as rows, sum(hash)::text as sum from (${hashes}) as h group by bucket`
  await inPieces<{ bucket: number; rows: number; sum: string }>(reading, found, ({ bucket, rows, sum }) => {
    const known = sums.get(bucket) ?? { rows: 0, sum: 0n }
    sums.set(bucket, { rows: known.rows + rows, sum: known.sum + BigInt(sum) })
  })
  return sums
}

/**
 * Asks the same of a table's rows, `piece t`, piece by piece in the order of its key: a row that is there all the time is in one of them,
 * whatever comes and goes meanwhile.
 */
async function inPieces<Found>(
  { session, pieces, table: { name, key, ownKey }, merchantId }: Reading,
  query: string,
  use: (found: Found) => void,
): Promise<void> {
  const descending = key.map((column) => `${column} desc`).join(', ')
  const read = async (after: string[] | undefined, atMost: number) => {
    const [piece] = await session.unsafe<{ found: Found[]; count: number; last: string[] | null }[]>(
      `with piece as materialized (
         select * from public.${name} where merchant_id = $1 ${aboveKey(ownKey, after)} order by ${key.join(', ')} limit ${atMost}),
       found as (${query})
       select (select coalesce(json_agg(found), '[]') from found) as found, (select count(*)::int from piece) as count,
         (select ${keyText(ownKey)} from piece order by ${descending} limit 1) as last`,
      [merchantId, ...(after ? [after] : [])],
    )
    return piece!
  }
  for (let after: string[] | undefined, isLast = false; !isLast; ) {
    const piece = await pieces.piece((atMost) => inKeyOrder(session, () => read(after, atMost)))
    for (const found of piece.found) use(found)
    after = piece.last ?? undefined
    isLast = piece.isLast
  }
}

function bucketOf(key: readonly string[]): string {
  return `(hash_record_extended(row(${key.map((column) => `t.${column}`).join(', ')}), 0) & ${BUCKETS - 1})::int`
}

function differingBuckets(before: Buckets, after: Buckets): number[] {
  const isSame = (bucket: number) => {
    const [there, here] = [before.get(bucket), after.get(bucket)]
    return there?.rows === here?.rows && there?.sum === here?.sum
  }
  return [...new Set([...before.keys(), ...after.keys()])].filter((bucket) => !isSame(bucket))
}

const rowsOf = (buckets: Buckets): number => [...buckets.values()].reduce((sum, { rows }) => sum + rows, 0)

/** Buckets to be looked at together. */
function groupsOf(buckets: readonly number[], before: Buckets): number[][] {
  const groups: number[][] = []
  let rows = Infinity
  for (const bucket of buckets) {
    const more = before.get(bucket)?.rows ?? 0
    rows += more
    if (rows > ROWS_AT_ONCE_MAX) {
      groups.push([])
      rows = more
    }
    groups.at(-1)!.push(bucket)
  }
  return groups
}

/** False: more rows differ than are looked at. */
async function suspectRows(
  held: HeldMove,
  {
    home,
    copy,
    table,
    buckets,
    suspects,
  }: { home: Side; copy: Side; table: TenantTable; buckets: number[]; suspects: Map<string, Suspect> },
): Promise<boolean> {
  const there = await hashesOfBuckets(held, home, table, buckets)
  await markerPassed(held, home, copy)
  const here = await hashesOfBuckets(held, copy, table, buckets)
  for (const key of new Set([...there.keys(), ...here.keys()])) {
    if (there.get(key)?.hash === here.get(key)?.hash) continue
    if (suspects.size === SUSPECTS_MAX) return false
    suspects.set(`${table.name} ${key}`, { table, bucket: (there.get(key) ?? here.get(key))!.bucket, seen: [there.get(key)?.hash] })
  }
  return true
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

async function hashesOfBuckets(held: HeldMove, side: Side, table: TenantTable, buckets: number[]): Promise<Map<string, RowHash>> {
  const { row, key } = table
  const { merchantId } = held.move
  const found = `select ${keyOf(key)} as key, ${bucketOf(key)} as bucket, hash_record_extended(row(${row}), 0)::text as hash
    from piece t where ${bucketOf(key)} = any('{${buckets.join(',')}}'::int[])`
  const hashes = new Map<string, RowHash>()
  await inSession(side, (session) =>
    inPieces<RowHash>({ session, pieces: new RowsAtOnce(held), table, merchantId }, found, (row) => hashes.set(row.key, row)),
  )
  return hashes
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
