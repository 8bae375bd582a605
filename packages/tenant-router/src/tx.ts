import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { ReservedCellSql } from './cell-pool.ts'
import { errorCode } from './door-error.ts'

declare const opened: unique symbol

/**
 * A tagged template of the driver, prepared once per connection. It is sent when it is awaited, executed or handed to
 * `finish`, or becomes part of another one. One that never is fails the transaction: it was forgotten.
 */
export type TxSql = Pick<ReservedCellSql, 'array'> &
  (<Row extends readonly (object | undefined)[] = postgres.Row[]>(
    template: TemplateStringsArray,
    ...parameters: readonly postgres.ParameterOrFragment<bigint>[]
  ) => postgres.PendingQuery<Row>)

export type Query = postgres.PendingQuery<postgres.Row[]>

/** What the driver's query objects have beside their documented face: whether one was sent, what sends it, and what tells it that it failed. */
interface DriverQuery extends Query {
  executed: boolean
  handler(query: { reject(error: Error): void }): void
  reject(error: Error): void
}

/** An earlier statement of the transaction has failed: this is what every later one says. */
const FAILED_BEFORE = '25P02'

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
function preparing(connection: ReservedCellSql, isOpen: () => void, follow: (query: DriverQuery) => DriverQuery) {
  return {
    // Drizzle overwrites parsers of the options it finds; these are nobody else's.
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: unknown[]) => {
      isOpen()
      // `simple: false`: without parameters the driver would choose the protocol that cannot prepare.
      return follow(
        connection.unsafe(text, parameters as never[], { prepare: true, simple: false } as { prepare: boolean }) as unknown as DriverQuery,
      )
    },
  }
}

/** What the door holds of a transaction: the part it lends out, and the switch that ends it. */
export class MerchantTx {
  readonly merchantId: string
  readonly sql: TxSql
  readonly #connection: ReservedCellSql
  readonly #commit: () => Promise<void>
  #database: Database | undefined
  readonly #made = new Set<DriverQuery>()
  #finished: Promise<postgres.Row[][]> | undefined
  #open = true
  #failure: Error | undefined

  constructor(connection: ReservedCellSql, merchantId: string, commit: () => Promise<void>) {
    this.merchantId = merchantId
    this.#connection = connection
    this.#commit = commit
    this.sql = Object.assign(
      (template: TemplateStringsArray, ...parameters: readonly postgres.ParameterOrFragment<bigint>[]) => {
        this.#assertOpen()
        const query = this.#follow(connection(template, ...(parameters as never[])) as unknown as DriverQuery)
        for (const parameter of parameters) this.#takeAsPart(parameter)
        this.#made.add(query)
        return query
      },
      { array: connection.array },
    ) as TxSql
  }

  /** The outcome of `finish`, if the work called it. */
  get finished(): Promise<postgres.Row[][]> | undefined {
    return this.#finished
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

  finish(queries: Query[]): Promise<postgres.Row[][]> {
    this.#assertOpen()
    this.#open = false
    this.#finished = this.#sendWithCommit(queries)
    this.#finished.catch(() => {})
    return this.#finished
  }

  async #sendWithCommit(queries: Query[]): Promise<postgres.Row[][]> {
    const sent = Promise.all(queries.map((query) => query.execute()))
    sent.catch(() => {})
    if (this.abandon() > 0) throw forgotten()
    const [rows, committed] = await Promise.allSettled([sent, this.#commit()])
    // A lost COMMIT outranks a lost statement: the outcome is unknown, not negative.
    if (committed.status === 'rejected' && errorCode(committed.reason) === 'commit_unknown') throw committed.reason
    if (rows.status === 'rejected') throw rows.reason
    if (committed.status === 'rejected') throw committed.reason
    return rows.value
  }

  /** Ends the lending. Throws if a statement was made and forgotten, which otherwise would be lost without a word. */
  close(): void {
    if (this.abandon() > 0) throw forgotten()
  }

  /** Ends the lending. Statements that were not sent by now never are; answers how many there were. */
  abandon(): number {
    this.#open = false
    const unsent = [...this.#made].filter((query) => !query.executed)
    for (const query of unsent) query.handler = ({ reject }) => reject(ended())
    this.#made.clear()
    return unsent.length
  }

  /** What went wrong first, where an error only says that something had: statements that travel together may be awaited in any order. */
  causeOf(error: unknown): unknown {
    return errorCode(error) === FAILED_BEFORE ? (this.#failure ?? error) : error
  }

  #follow(query: DriverQuery): DriverQuery {
    const reject = query.reject
    query.reject = (error) => {
      this.#failure ??= error
      reject(error)
    }
    return query
  }

  /** A query inside another's template is sent as part of it. */
  #takeAsPart(parameter: unknown): void {
    if (parameter instanceof Promise) this.#made.delete(parameter as DriverQuery)
    else if (Array.isArray(parameter) && parameter[0] instanceof Promise) for (const part of parameter) this.#made.delete(part)
  }

  get #drizzle(): Database {
    this.#assertOpen()
    this.#database ??= drizzle({
      client: preparing(
        this.#connection,
        () => this.#assertOpen(),
        (query) => this.#follow(query),
      ) as never,
    })
    return this.#database
  }

  // A query after the end would run on a connection that already serves somebody else.
  #assertOpen(): void {
    if (!this.#open) throw ended()
  }
}

function ended(): Error {
  return new Error('This transaction has ended: a query was issued after its work returned.')
}

function forgotten(): Error {
  return new Error('A statement of this transaction was made and never sent: its query was not awaited.')
}
