import postgres from 'postgres'
import { DoorError } from './door-error.ts'

/** The driver as a cell uses it: bigint for int8, JSON parameters passed as JSON text. */
export type CellSql = postgres.Sql<{ bigint: bigint; json: unknown }>
export type ReservedCellSql = postgres.ReservedSql<{ bigint: bigint; json: unknown }>

export interface CellPoolOptions {
  /** As souk_app, at the cell's database. */
  url: string
  connectionsMax: number
  /** How many callers may wait for a connection, and how long. Past either the answer is `cell_busy`. */
  waitersMax: number
  waitMs: number
}

const CONNECT_TIMEOUT_S = 5
// The driver goes on trying when a server takes connections and drops them; whoever asked does not wait for that.
const RESERVE_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_S = 60
// Closing: how long those who hold or await a connection may go on, then how long the driver may take to hang up.
const DRAIN_TIMEOUT_MS = 5_000
const CLOSE_TIMEOUT_S = 1

interface Waiter {
  resolve(): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

/** The connections to one cell: a fixed number for all its merchants, with a bounded queue in front. */
export class CellPool {
  readonly #options: CellPoolOptions
  readonly #sql: CellSql
  readonly #waiters = new Set<Waiter>()
  #taken = 0
  #closing: Promise<void> | undefined
  #closed = false
  #drained = () => {}

  constructor(options: CellPoolOptions) {
    this.#options = options
    this.#sql = postgres(options.url, {
      max: options.connectionsMax,
      idle_timeout: IDLE_TIMEOUT_S,
      connect_timeout: CONNECT_TIMEOUT_S,
      backoff: reconnectDelay,
      onnotice: () => {},
      connection: { application_name: 'souk' },
      types: {
        bigint: postgres.BigInt,
        // Drizzle hands over JSON as text already; the driver's own serializer would encode it twice.
        json: { to: 3802, from: [114, 3802], serialize: (text: unknown) => text as string, parse: (text: string) => JSON.parse(text) },
      },
    })
  }

  /** Callers who hold a connection, and who wait for one. */
  get load(): { taken: number; waiting: number } {
    return { taken: this.#taken, waiting: this.#waiters.size }
  }

  /** Lends a connection for the time of `use`. */
  async borrow<T>(use: (connection: ReservedCellSql) => Promise<T>): Promise<T> {
    if (this.#closing) throw new DoorError('cell_unavailable', 'The connections to this database are being closed.')
    await this.#admit()
    try {
      const connection = await this.#reserve()
      try {
        return await use(connection)
      } finally {
        connection.release()
      }
    } finally {
      this.#leave()
    }
  }

  /** Takes nobody new, lets those finish who hold a connection or wait for one, and then closes all connections. */
  async close(): Promise<void> {
    this.#closing ??= this.#drain()
    await this.#closing
  }

  async #drain(): Promise<void> {
    if (this.#taken > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS)
        this.#drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#closed = true
    await this.#sql.end({ timeout: CLOSE_TIMEOUT_S })
  }

  async #reserve(): Promise<ReservedCellSql> {
    // Asked for a connection after its end, the driver would never answer.
    if (this.#closed) throw new DoorError('cell_unavailable', 'The connections to this database are closed.')
    const reserving = this.#sql.reserve()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reserving.then(
          (connection) => connection.release(),
          () => {},
        )
        reject(new Error(`No connection within ${RESERVE_TIMEOUT_MS} ms.`))
      }, RESERVE_TIMEOUT_MS)
    })
    try {
      return await Promise.race([reserving, late])
    } catch (error) {
      throw new DoorError('cell_unavailable', 'The database could not be reached.', error)
    } finally {
      clearTimeout(timer)
    }
  }

  #admit(): Promise<void> | undefined {
    if (this.#taken < this.#options.connectionsMax) {
      this.#taken += 1
      return undefined
    }
    if (this.#waiters.size >= this.#options.waitersMax) throw new DoorError('cell_busy', 'Too many callers wait for this database.')
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        timer: setTimeout(() => {
          this.#waiters.delete(waiter)
          reject(new DoorError('cell_busy', 'No connection to this database became free in time.'))
        }, this.#options.waitMs),
      }
      this.#waiters.add(waiter)
    })
  }

  /** Hands the place to whoever has waited longest, so that it is never free in between. */
  #leave(): void {
    const next = this.#waiters.values().next()
    if (next.done) {
      this.#taken -= 1
      if (this.#taken === 0) this.#drained()
      return
    }
    this.#waiters.delete(next.value)
    clearTimeout(next.value.timer)
    next.value.resolve()
  }
}

/** Seconds before the next attempt to connect. The driver's own goes up to 20: long after a database is back. */
export function reconnectDelay(retries: number): number {
  return (0.5 + Math.random() / 2) * Math.min(0.02 * 2 ** retries, 1)
}
