import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { ReservedCellSql } from './cell-pool.ts'
import { errorCode } from './door-error.ts'

declare const opened: unique symbol

/** A tagged template of the driver: prepared once per connection, sent at once, awaited when wanted. */
export type TxSql = Pick<ReservedCellSql, 'array'> & {
  <Row extends readonly (object | undefined)[] = postgres.Row[]>(
    template: TemplateStringsArray,
    ...parameters: readonly postgres.ParameterOrFragment<bigint>[]
  ): postgres.PendingQuery<Row>
}

export type Query = postgres.PendingQuery<postgres.Row[]>

type Database = PostgresJsDatabase<Record<string, never>>

/**
 * One transaction in one merchant's scope. Only the door makes it. Query through Drizzle (`select`, `insert`, `update`,
 * `delete`) or, on hot paths, through `sql`; both are prepared. Statements that are issued without awaiting the one
 * before travel together.
 */
export interface Tx extends Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'> {
  readonly [opened]: true
  readonly merchantId: string
  readonly sql: TxSql
  /**
   * Sends the last statements together with COMMIT and answers their rows once it is acknowledged. Nothing can be
   * asked of the transaction afterwards. A statement that fails takes all of them back.
   */
  finish(queries: Query[]): Promise<postgres.Row[][]>
}

/** The driver behind Drizzle, made to prepare: unprepared it costs a second round trip and a plan for every query. */
function preparing(connection: ReservedCellSql, isOpen: () => void) {
  return {
    // Drizzle overwrites parsers of the options it finds; these are nobody else's.
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: unknown[]) => {
      isOpen()
      return connection.unsafe(text, parameters as never[], { prepare: true })
    },
  }
}

export type TxState = 'open' | 'finishing' | 'closed'

/** What the door holds of a transaction: the part it lends out, and the switch that ends it. */
export class MerchantTx {
  readonly merchantId: string
  readonly sql: TxSql
  readonly #connection: ReservedCellSql
  readonly #commit: () => Promise<void>
  #database: Database | undefined
  #state: TxState = 'open'

  constructor(connection: ReservedCellSql, merchantId: string, commit: () => Promise<void>) {
    this.merchantId = merchantId
    this.#connection = connection
    this.#commit = commit
    this.sql = Object.assign(
      (template: TemplateStringsArray, ...parameters: readonly postgres.ParameterOrFragment<bigint>[]) => {
        this.#assertOpen()
        return connection(template, ...(parameters as never[]))
      },
      { array: connection.array },
    ) as TxSql
  }

  get state(): TxState {
    return this.#state
  }

  get select(): Database['select'] {
    return this.#drizzle.select.bind(this.#drizzle) as Database['select']
  }

  get insert(): Database['insert'] {
    return this.#drizzle.insert.bind(this.#drizzle)
  }

  get update(): Database['update'] {
    return this.#drizzle.update.bind(this.#drizzle)
  }

  get delete(): Database['delete'] {
    return this.#drizzle.delete.bind(this.#drizzle)
  }

  get execute(): Database['execute'] {
    return this.#drizzle.execute.bind(this.#drizzle)
  }

  async finish(queries: Query[]): Promise<postgres.Row[][]> {
    this.#assertOpen()
    this.#state = 'finishing'
    const sent = Promise.all(queries.map((query) => query.execute()))
    const [rows, committed] = await Promise.allSettled([sent, this.#commit()])
    // A lost COMMIT outranks a lost statement: the outcome is unknown, not negative.
    if (committed.status === 'rejected' && errorCode(committed.reason) === 'commit_unknown') throw committed.reason
    if (rows.status === 'rejected') throw rows.reason
    if (committed.status === 'rejected') throw committed.reason
    return rows.value
  }

  close(): void {
    this.#state = 'closed'
  }

  get #drizzle(): Database {
    this.#assertOpen()
    this.#database ??= drizzle({ client: preparing(this.#connection, () => this.#assertOpen()) as never })
    return this.#database
  }

  // A query after the end would run on a connection that already serves somebody else.
  #assertOpen(): void {
    if (this.#state !== 'open') throw new Error('This transaction has ended: a query was issued after its work returned.')
  }
}
