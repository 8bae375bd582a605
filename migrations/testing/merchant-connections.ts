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

const TRIES_MAX = 10
// A deadlock, and a lock or a statement that took too long.
const HELD_UP = new Set(['40P01', '55P03', '57014'])

/**
 * One transaction, sent in one flight. What follows a failed statement fails as well; the outcome is that of the first failure. Cases
 * that run at the same time prepare the same rows, and may hold each other up: then it is sent again.
 */
export async function run(sql: postgres.Sql, asked: Run): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const results = await send(sql, asked)
    const failure = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
    const { code = '' } = (failure?.reason ?? {}) as { code?: string }
    if (HELD_UP.has(code) && tries < TRIES_MAX) continue
    return outcomeOf(results, asked)
  }
}

type Answers = PromiseSettledResult<postgres.RowList<postgres.Row[]>>[]

async function send(sql: postgres.Sql, asked: Run): Promise<Answers> {
  const { statement, commit = false, tellScope = false } = asked
  // `simple: false`: without parameters the driver would choose the protocol that cannot prepare, and no plan would be kept.
  const prepared = { prepare: true, simple: false } as { prepare: boolean }
  const sendOne = ({ text, parameters }: Statement) => sql.unsafe(text, parameters as never[], prepared)
  return Promise.allSettled([
    ...leadingOf(asked).map(sendOne),
    sendOne(statement),
    ...(tellScope ? [sendOne({ text: `select current_setting('app.merchant_id', true) as scope`, parameters: [] })] : []),
    sendOne({ text: commit ? 'commit' : 'rollback', parameters: [] }),
  ])
}

/** What comes before the statement that is tried. */
function leadingOf({ scope, before }: Run): Statement[] {
  return [
    { text: 'begin', parameters: [] },
    ...(scope === null ? [] : [{ text: 'select tenancy.enter($1::uuid, 1)', parameters: [scope] }]),
    ...before,
  ]
}

function outcomeOf(results: Answers, asked: Run): Outcome {
  const { scope, before, statement, tellScope = false } = asked
  const leading = leadingOf(asked)
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
