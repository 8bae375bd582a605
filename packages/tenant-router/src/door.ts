import type { CellPool, ReservedCellSql } from './cell-pool.ts'
import { DoorError, errorCode, isLostConnection } from './door-error.ts'
import type { MerchantEntry } from './merchant-entry.ts'
import { MerchantTx, type Query, type Tx, type TxSql } from './tx.ts'
import { committing } from './use-case.ts'

type Row = Record<string, unknown>

/** `write` waits out a fence and is refused on a stale epoch; `read` takes no lock and works on a fenced home too. */
export type DoorMode = 'write' | 'read'

/** Decides when, and whether, the door is opened on a connection that was long in coming. */
export type Turn = <T>(open: () => Promise<T>) => Promise<T>

const AT_ONCE: Turn = (open) => open()

/** Runs `work` in one transaction of one merchant. Commits when it returns, rolls back when it throws. */
export async function enter<T>(
  pool: CellPool,
  merchant: MerchantEntry,
  mode: DoorMode,
  work: (tx: Tx) => Promise<T>,
  turn: Turn = AT_ONCE,
): Promise<T> {
  return pool.borrow((connection) => turn(() => enterOn(connection, merchant, mode, work)))
}

async function enterOn<T>(connection: ReservedCellSql, merchant: MerchantEntry, mode: DoorMode, work: (tx: Tx) => Promise<T>): Promise<T> {
  const opening = open(connection, merchant, mode)
  const commit = () =>
    mode === 'write' ? committing(() => commitAfter(connection, opening, mode)) : commitAfter(connection, opening, mode)
  const tx = new MerchantTx(connection, merchant.id, commit)
  try {
    // Not awaited: the first query of the work travels with BEGIN. A failed opening fails every query after it.
    const result = await work(tx as unknown as Tx)
    tx.close()
    // Also when the work did not wait for its `finish`, or swallowed what it threw.
    await (tx.finished ?? commit())
    return result
  } catch (error) {
    tx.abandon()
    throw await abandon(connection, opening, tx.causeOf(error))
  }
}

/** Runs statements that need no answer of each other in a single flight: BEGIN, enter, the statements, COMMIT. */
export async function enterOnce(
  pool: CellPool,
  merchant: MerchantEntry,
  mode: DoorMode,
  work: (tx: Pick<Tx, 'merchantId' | 'sql'>) => Query[],
) {
  return enter(pool, merchant, mode, (tx) => tx.finish(work(tx)))
}

/**
 * The door inside a single statement, for the hottest reads: no BEGIN and COMMIT around it, so one message each way instead
 * of four, and it may travel with others' statements on one connection. The statement begins with `with door as materialized (${entered})`, and asks each table in a lateral subquery
 * that says `merchant_id = door.merchant_id` and ends in LIMIT or OFFSET: PostgreSQL then cannot look at the table before
 * the merchant is entered. A statement that breaks this raises for want of a merchant; it cannot show another's rows.
 */
export interface ReadDoor {
  readonly merchantId: string
  readonly sql: TxSql
  /** Enters the merchant and answers its id as `merchant_id`. */
  readonly entered: Query
}

/** Runs one statement that opens the door itself. */
export async function enterInStatement(pool: CellPool, merchant: MerchantEntry, statement: (door: ReadDoor) => Query): Promise<Row[]> {
  try {
    return await pool.send((connection) => {
      const entered = connection`select tenancy.entered(${merchant.id}::uuid, ${merchant.epoch}::bigint) as merchant_id`
      return statement({ merchantId: merchant.id, sql: connection as unknown as TxSql, entered: entered as unknown as Query })
    })
  } catch (error) {
    throw isLostConnection(error) ? new DoorError('cell_unavailable', 'The database did not answer.', error) : error
  }
}

/** BEGIN and the check of the merchant's home, sent and not waited for. */
function open(connection: ReservedCellSql, merchant: MerchantEntry, mode: DoorMode): Promise<unknown> {
  // Readers hold no lock against a move: what they wrote could be lost, so PostgreSQL refuses it.
  const begin = (mode === 'write' ? connection`begin` : connection`begin read only`).execute()
  const entered =
    mode === 'write'
      ? connection`select tenancy.enter(${merchant.id}::uuid, ${merchant.epoch}::bigint)`.execute()
      : connection`select tenancy.entered(${merchant.id}::uuid, ${merchant.epoch}::bigint)`.execute()
  const opening = Promise.all([begin, entered])
  opening.catch(() => {})
  return opening
}

async function commitAfter(connection: ReservedCellSql, opening: Promise<unknown>, mode: DoorMode): Promise<void> {
  const committing = connection`commit`.execute()
  try {
    const [, result] = await Promise.all([opening, committing])
    // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and without an error.
    if (result.command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed.')
  } catch (error) {
    if (mode === 'write' && isLostConnection(error))
      throw new DoorError('commit_unknown', 'The connection was lost while committing.', error)
    throw error
  }
}

/** Rolls back and says why: what went wrong in opening explains every failure after it. */
async function abandon(connection: ReservedCellSql, opening: Promise<unknown>, error: unknown): Promise<unknown> {
  await connection`rollback`.execute().catch(() => {})
  const cause = await opening.then(
    () => error,
    (openingError) => (errorCode(error) === 'commit_unknown' ? error : openingError),
  )
  if (cause instanceof DoorError) return cause
  return isLostConnection(cause) ? new DoorError('cell_unavailable', 'The database did not answer.', cause) : cause
}
