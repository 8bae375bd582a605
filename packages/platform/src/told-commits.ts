import { type CrashPoint, crashPoint, isArmed } from '@souk/tenant-router/crash-point.ts'
import { currentUseCase } from '@souk/tenant-router/use-case.ts'
import type postgres from 'postgres'

/** What the driver's queries have beside their documented face: what sends them, and what takes their answer. */
interface DriverQuery {
  handler(query: unknown): unknown
  resolve(rows: unknown): void
}

/** Statements that change something, by themselves or by a function that does. */
const CHANGES = /\b(insert|update|delete)\b|\b(platform|tenancy|queue)\.\w+\(/i

/**
 * A client whose statements are each a transaction of their own, made to pass the crash points around their commits. Where nobody is
 * to be killed it is the client itself.
 */
export function tellCommits<Sql extends postgres.Sql>(sql: Sql): Sql {
  if (!isArmed()) return sql
  return new Proxy(sql, {
    apply: (target, self, given: unknown[]) => {
      const made = Reflect.apply(target, self, given)
      return isTemplate(given[0]) && CHANGES.test(given[0].join('')) ? aroundCommit(made as DriverQuery) : made
    },
    get: (target, name) => (name === 'begin' ? begin(target) : Reflect.get(target, name)),
  })
}

/** Passed when it is sent by itself: as part of another it never is. */
function aroundCommit(query: DriverQuery): DriverQuery {
  const { handler, resolve } = query
  let name = ''
  query.handler = (sent) => {
    name = currentUseCase()
    crashPoint(`${name}.committing`)
    return handler(sent)
  }
  query.resolve = (rows) => {
    if (name !== '') crashPoint(`${name}.committed`)
    resolve(rows)
  }
  return query
}

function begin(sql: postgres.Sql) {
  return async (...given: unknown[]) => {
    const work = given.pop() as (tx: unknown) => Promise<unknown>
    const point = (moment: 'committing' | 'committed'): CrashPoint => `${currentUseCase()}.${moment}`
    const result = await Reflect.apply(sql.begin, sql, [
      ...given,
      async (tx: unknown) => {
        const made = await work(tx)
        crashPoint(point('committing'))
        return made
      },
    ])
    crashPoint(point('committed'))
    return result
  }
}

function isTemplate(given: unknown): given is TemplateStringsArray {
  return Array.isArray(given) && 'raw' in given
}
