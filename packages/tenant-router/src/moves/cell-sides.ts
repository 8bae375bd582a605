import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import postgres from 'postgres'
import { reconnectDelay } from '../cell-pool.ts'
import type { Move } from './move.ts'

/** Where movers reach a cell's database: as souk_mover, and never through a pooler, which knows no replication. */
export interface MoverAddress {
  mover: string
  /** The address by which the other cells' servers reach it, where that is another one. */
  replication?: string | undefined
}

/** One of the two databases of a move. */
export interface Side {
  readonly cell: string
  readonly sql: postgres.Sql
  /** As `sql`, for the commands of the replication protocol. */
  readonly url: string
  readonly applicationName: string
  /** How the other server reaches it. */
  readonly replicationUrl: string
}

/** The merchant's home as it was before the switch in the current direction, and the other database. */
export interface Sides {
  home: Side
  other: Side
}

const CONNECTIONS_MAX = 4
const CONNECT_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 60
/**
 * Whatever a server has set for its sessions: a table is copied or compared in one statement, all of them in one transaction. Text, for
 * the driver leaves out a number 0.
 */
export const NO_LIMITS: object = { statement_timeout: '0', transaction_timeout: '0', idle_in_transaction_session_timeout: '0' }

export function openSide(cell: string, address: MoverAddress, applicationName: string): Side {
  const sql = postgres(address.mover, {
    max: CONNECTIONS_MAX,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    backoff: reconnectDelay,
    onnotice: () => {},
    connection: { application_name: applicationName, ...NO_LIMITS },
    ...{ socket: () => connectWithoutDelay(address.mover) },
  })
  return { cell, sql, applicationName, url: address.mover, replicationUrl: address.replication ?? address.mover }
}

/** A cell that is gone for good. Whoever asks it all the same is told so at once, and does not wait. */
export function lostSide(cell: string): Side {
  const lost = (): never => {
    throw new Error(`The cell ${cell} was given up as lost, and is not asked anything.`)
  }
  return {
    cell,
    applicationName: '',
    get sql() {
      return lost()
    },
    get url() {
      return lost()
    },
    get replicationUrl() {
      return lost()
    },
  }
}

/**
 * Rows that are copied in travel in messages of their own, each of which would wait for an answer to the last one for 40 ms: a
 * hundred small tables took ten seconds.
 */
async function connectWithoutDelay(address: string): Promise<Socket> {
  const { hostname, port } = new URL(address)
  const socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 5432),
    noDelay: true,
    timeout: CONNECT_TIMEOUT_S * 1_000,
  })
  const late = () => socket.destroy(new Error('The database could not be reached in time.'))
  socket.once('timeout', late)
  await once(socket, 'connect')
  socket.off('timeout', late)
  socket.setTimeout(0)
  return socket
}

/**
 * Which server each of them is, by when it was started. Another one may be a standby that has taken over, or a backup that was restored:
 * what the last one had confirmed may be missing there. A connection stays with one.
 */
export async function serversOf(...sides: Pick<Side, 'sql'>[]): Promise<string> {
  const rows = await Promise.all(sides.map(({ sql }) => sql<{ started: string }[]>`select pg_postmaster_start_time()::text as started`))
  return rows.map(([row]) => row!.started).join(' ')
}

/** Which of the two is home until the next switch. */
export function sidesOf<Of extends { cell: string }>(move: Pick<Move, 'fromCell' | 'toCell' | 'direction'>, all: readonly Of[]) {
  const of = (cell: string) => all.find((side) => side.cell === cell)!
  const [home, other] = move.direction === 'forward' ? [move.fromCell, move.toCell] : [move.toCell, move.fromCell]
  return { home: of(home), other: of(other) }
}

/** The merchant's epoch before and after the switch in the current direction. */
export function epochsOf(move: Pick<Move, 'epoch' | 'direction'>): { old: bigint; new: bigint } {
  const old = move.direction === 'forward' ? move.epoch : move.epoch + 1n
  return { old, new: old + 1n }
}
