import postgres from 'postgres'
import type { Statement } from './isolation-cases.ts'

/**
 * What a connection has been through before a statement: nothing; a transaction of another merchant with the same statement; one that
 * failed half way.
 */
export const STATES = ['fresh', 'reused', 'failed transaction'] as const
export type State = (typeof STATES)[number]

export type Outcome =
  | { error: postgres.PostgresError }
  | { rows: Record<string, unknown>[]; count: number; text: string; scope: string | undefined }

interface Run {
  /** The merchant that is entered; null for none. */
  scope: string | null
  before: readonly Statement[]
  statement: Statement
  commit?: boolean
  tellScope?: boolean
}

/** Connections of souk_app in one state. Each `connection()` is to be used for one transaction. */
export function connections(url: string, state: State) {
  // Types are not asked for: that would be a query of its own on every connection.
  const connect = () => postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  let sql = connect()
  return {
    /** Puts the connection in its state, as `other`. */
    async prepare(statement: Statement, other: string): Promise<void> {
      if (state === 'fresh') {
        await sql.end()
        sql = connect()
        return
      }
      if (state === 'reused') {
        // The statement is taken back and the transaction after it committed: a setting could survive either.
        await run(sql, { scope: other, before: [], statement })
        await run(sql, { scope: other, before: [], statement: { text: 'select 1', parameters: [] }, commit: true })
      } else {
        await run(sql, { scope: other, before: [statement], statement: { text: 'select 1 / 0', parameters: [] } })
      }
    },
    connection: async () => sql,
    [Symbol.asyncDispose]: () => sql.end(),
  }
}

/** One transaction, sent in one flight. What follows a failed statement fails as well; the outcome is that of the first failure. */
export async function run(sql: postgres.Sql, { scope, before, statement, commit = false, tellScope = false }: Run): Promise<Outcome> {
  // `simple: false`: without parameters the driver would choose the protocol that cannot prepare, and no plan would be kept.
  const prepared = { prepare: true, simple: false } as { prepare: boolean }
  const send = ({ text, parameters }: Statement) => sql.unsafe(text, parameters as never[], prepared)
  const leading = [
    { text: 'begin', parameters: [] },
    ...(scope === null ? [] : [{ text: 'select tenancy.enter($1::uuid, 1)', parameters: [scope] }]),
    ...before,
  ]
  const sent = [
    ...leading.map(send),
    send(statement),
    ...(tellScope ? [send({ text: `select current_setting('app.merchant_id', true) as scope`, parameters: [] })] : []),
    send({ text: commit ? 'commit' : 'rollback', parameters: [] }),
  ]
  const results = await Promise.allSettled(sent)
  const failed = results.findIndex(({ status }) => status === 'rejected')
  if (failed !== -1 && failed < leading.length && before.length > 0 && scope !== null && statement.text !== 'select 1 / 0') {
    throw new Error(`A statement that prepares a case failed: ${leading[failed]!.text}`, {
      cause: (results[failed] as PromiseRejectedResult).reason,
    })
  }
  if (failed !== -1) {
    const { reason } = results[failed] as PromiseRejectedResult
    if (reason instanceof postgres.PostgresError) return { error: reason }
    throw reason
  }
  const [result, after] = results
    .slice(leading.length)
    .map((settled) => (settled as PromiseFulfilledResult<postgres.RowList<postgres.Row[]>>).value)
  return {
    rows: [...result!],
    count: result!.count,
    text: JSON.stringify(result, (_key, value) => (value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value)),
    scope: tellScope ? (after![0]!.scope as string) : undefined,
  }
}
