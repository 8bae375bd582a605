import { pipeline } from 'node:stream/promises'
import type postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import type { Side } from './cell-sides.ts'
import { type HeldMove, PIECE_MS } from './held-move.ts'
import { countRows, inSession, type TenantTable, tablesWithRows, tenantTables } from './tenant-tables.ts'

// Small tables are copied several to a transaction; no transaction is longer than its last table makes it.
const TRANSACTION_MS = 1_000
const LOOK_EVERY_MS = 250

/** A copy under way: when something last came through, and the sessions that make it. */
interface Copying {
  at: number
  sessions: { side: Side; pid: number }[]
}

/**
 * Copies what the merchant has, as of a snapshot. Answers how many rows. Ends in the middle of a table too where the move must not go
 * on, or where nothing has come through for a while: its sessions are ended then, whatever they wait for.
 */
export async function copyRows(
  held: HeldMove,
  { from, to, snapshot, stalledAfterMs }: { from: Side; to: Side; snapshot: string; stalledAfterMs: number },
): Promise<number> {
  await held.noteObject({ cell: to.cell, kind: 'rows', name: held.move.merchantId })
  const progress: Copying = { at: performance.now(), sessions: [] }
  const copying = copyTables(held, from, to, snapshot, progress)
  let timer: NodeJS.Timeout | undefined
  const stopped = new Promise<never>((_, reject) => {
    const look = () => {
      try {
        held.assertHeld()
        if (performance.now() - progress.at > stalledAfterMs) throw new Error('Nothing came through the copy any more.')
      } catch (error) {
        reject(error)
      }
    }
    timer = setInterval(look, LOOK_EVERY_MS)
  })
  let tables: TenantTable[]
  try {
    tables = await Promise.race([copying, stopped])
  } catch (error) {
    await Promise.all(progress.sessions.map(({ side, pid }) => side.sql`select pg_terminate_backend(${pid})`))
    await copying.catch(() => {})
    throw error
  } finally {
    clearInterval(timer)
  }
  return inSession(to, (session) => countRows(held, session, tables))
}

/** Answers the tables in which there was something. */
async function copyTables(held: HeldMove, from: Side, to: Side, snapshot: string, progress: Copying): Promise<TenantTable[]> {
  const { merchantId } = held.move
  const source = await from.sql.reserve()
  try {
    progress.sessions.push(await sessionOf(source, from))
    await source.unsafe('begin isolation level repeatable read read only')
    await source.unsafe(`set transaction snapshot '${snapshot.replaceAll("'", "''")}'`)
    const tables = await tablesWithRows(held, source, await tenantTables(held, from))
    const left = [...tables]
    while (left.length > 0) {
      const until = performance.now() + TRANSACTION_MS
      await to.sql.begin(async (sql) => {
        const session = await sessionOf(sql, to)
        progress.sessions.push(session)
        await sql`select tenancy.hold_number(${merchantId}, ${held.number})`
        // What triggers and foreign keys had to say was said at the source.
        await sql.unsafe('set local session_replication_role = replica')
        for (let table = left.shift(); table; table = performance.now() < until ? left.shift() : undefined) {
          held.assertHeld()
          await copyTable(held, source, sql, table, progress)
        }
        progress.sessions.splice(progress.sessions.indexOf(session), 1)
      })
      crashPoint('move.tables_copied')
    }
    return tables
  } finally {
    await source.unsafe('rollback').catch(() => {})
    source.release()
  }
}

async function sessionOf(sql: postgres.ISql, side: Side): Promise<Copying['sessions'][number]> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  return { side, pid: row!.pid }
}

async function copyTable(
  held: HeldMove,
  from: postgres.ReservedSql,
  to: postgres.TransactionSql,
  { name, columns }: TenantTable,
  progress: Copying,
): Promise<void> {
  const rows = `select ${columns} from public.${name} where merchant_id = '${held.move.merchantId}'`
  let pieceFrom = performance.now()
  const reading = await from.unsafe(`copy (${rows}) to stdout (format binary)`).readable()
  const writing = await to.unsafe(`copy public.${name} (${columns}) from stdin (format binary)`).writable()
  const noting = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      yield chunk
      const workedMs = performance.now() - pieceFrom
      if (workedMs > PIECE_MS) {
        await held.rest(workedMs)
        pieceFrom = performance.now()
      }
      progress.at = performance.now()
    }
  }
  await pipeline(reading, noting, writing)
  await held.rest(performance.now() - pieceFrom)
  progress.at = performance.now()
}
