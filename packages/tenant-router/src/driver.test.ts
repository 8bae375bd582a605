import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { answered, CONNECTION_LOST, eventually } from './driver-load.ts'

let database: TestDatabase
let admin: postgres.Sql

beforeAll(async () => {
  database = await createTestDatabase()
  admin = postgres(database.adminUrl, { max: 2, onnotice: () => {} })
  await admin`create table note (text text not null)`
})

beforeEach(async () => {
  await admin`truncate note`
})

afterAll(async () => {
  await admin.end()
  await database.drop()
})

describe('a scope whose connection has closed', () => {
  test('refuses what its callback sends later, and leaves no half of a transaction behind', async () => {
    const sql = pool({ max: 1 })
    let credit: Promise<unknown> | undefined
    const transfer = sql.begin(async (scope) => {
      await scope`insert into note values ('debit')`
      await kill(scope)
      await sql`select 'the connection that replaced it is up'`
      credit = codeOf(scope`insert into note values ('credit')`)
      await credit
    })
    expect(await codeOf(transfer)).toBe('CONNECTION_CLOSED')
    await eventually(async () => credit !== undefined, 'the callback has gone on')
    expect(await answered(credit!)).toBe('CONNECTION_CLOSED')
    expect(await notes()).toEqual([])
  })

  test('never joins the transaction that has its replacement', async () => {
    const sql = pool({ max: 1 })
    const killed = Promise.withResolvers<void>()
    const otherIsOpen = Promise.withResolvers<void>()
    const lateIsAnswered = Promise.withResolvers<string>()
    const first = sql.begin(async (scope) => {
      await kill(scope)
      killed.resolve()
      await otherIsOpen.promise
      lateIsAnswered.resolve(await codeOf(scope`insert into note values ('a stranger')`))
      throw new Error('its rollback must not reach the other either')
    })
    const outcome = codeOf(first)
    await killed.promise
    await sql.begin(async (scope) => {
      await scope`insert into note values ('mine')`
      otherIsOpen.resolve()
      expect(await answered(lateIsAnswered.promise)).toBe('CONNECTION_CLOSED')
      await scope`insert into note values ('mine too')`
    })
    expect(await outcome).toBe('CONNECTION_CLOSED')
    expect(await notes()).toEqual(['mine', 'mine too'])
  })

  test.each([
    ['a transaction', (sql: postgres.Sql, work: (scope: postgres.ISql) => Promise<void>) => sql.begin(work)],
    ['a reservation', async (sql: postgres.Sql, work: (scope: postgres.ISql) => Promise<void>) => work(await sql.reserve())],
  ])('answers all that was sent and all that was still queued: %s', async (_name, open) => {
    const sql = pool({ max: 1, max_pipeline: 4 })
    const answers: string[] = []
    const work = async (scope: postgres.ISql) => {
      const pid = await pidOf(scope)
      const flight = Array.from({ length: 20 }, (_, n) => (n === 0 ? scope`select pg_sleep(4)` : scope`select ${n}::int`))
      const settled = Promise.all(flight.map(async (query) => answers.push(await codeOf(query))))
      await terminate(pid)
      await settled
    }
    await answered(open(sql, work).catch(() => {}))
    await eventually(async () => answers.length === 20, 'every query is answered')
    expect(answers.filter((code) => !CONNECTION_LOST.has(code))).toEqual([])
  })
})

describe('a transaction that has ended', () => {
  test('refuses what a part of its callback sends after another part made it roll back', async () => {
    const sql = pool({ max: 1 })
    let late: Promise<string> | undefined
    const rolledBack = Promise.withResolvers<void>()
    const transaction = sql.begin((scope) => {
      late = rolledBack.promise.then(() => codeOf(scope`insert into note values ('too late')`))
      return Promise.all([scope`select 1`, Promise.reject(new Error('gives up'))])
    })
    await expect(transaction).rejects.toThrow('gives up')
    rolledBack.resolve()
    expect(await late).toBe('TRANSACTION_ENDED')
    expect(await notes()).toEqual([])
  })

  test('does not send a statement again that a migration made stale: it would come after its COMMIT', async () => {
    const sql = pool({ max: 1 })
    await admin`create table widened (id int)`
    const scope = await sql.reserve()
    const insert = (id: number) => scope`insert into widened values (${id}) returning *`
    await insert(1)
    await admin`alter table widened add extra int`
    const outcomes = await Promise.all([scope`begin`, insert(2), scope`commit`].map((query) => codeOf(query)))
    expect(outcomes).toEqual(['answered', '0A000', 'answered'])
    expect(await codeOf(insert(3))).toBe('answered')
    scope.release()
    expect(await admin`select id from widened order by id`).toEqual([{ id: 1 }, { id: 3 }])
  })
})

describe('reserve', () => {
  test('answers on a fresh connection that fetches no types', async () => {
    const sql = pool({ max: 1, fetch_types: false })
    const scope = await answered(sql.reserve())
    expect(await scope`select 1 as one`).toEqual([{ one: 1 }])
    scope.release()
  })

  test('answers those who waited when the connection they waited for is killed', async () => {
    const sql = pool({ max: 1 })
    const first = await sql.reserve()
    const waiting = [sql.reserve(), sql.reserve()]
    await kill(first)
    // The backend is gone before its end has arrived here: until then the connection looks alive, and may be lent on.
    await expect(answered(first`select 1`)).rejects.toThrow()
    first.release()
    for (const waiter of waiting) {
      const scope = await answered(waiter)
      expect(await scope`select 1 as one`).toEqual([{ one: 1 }])
      scope.release()
    }
  })

  test('gives nothing away by a release after the connection died, and loses no place by it', async () => {
    const sql = pool({ max: 2 })
    const dead = await sql.reserve()
    await kill(dead)
    const holders = [await sql.reserve(), await sql.reserve()]
    dead.release()
    dead.release()
    const third = sql.reserve()
    const before = await Promise.race([third.then(() => 'given away'), holders[0]!`select pg_sleep(0.1)`.then(() => 'kept')])
    expect(before).toBe('kept')
    expect(new Set(await Promise.all(holders.map(pidOf))).size).toBe(2)
    for (const holder of holders) holder.release()
    ;(await answered(third)).release()
  })

  test('refuses queries after the release', async () => {
    const sql = pool({ max: 1 })
    const scope = await sql.reserve()
    scope.release()
    expect(await codeOf(scope`insert into note values ('late')`)).toBe('CONNECTION_RELEASED')
    expect(await notes()).toEqual([])
  })

  test('answers what was queued before the release, and only then lends the connection on', async () => {
    const sql = pool({ max: 1 })
    const scope = await sql.reserve()
    const queued = Array.from({ length: 5 }, (_, n) => scope.unsafe(`select $1::int as n_${n}`, [n], { prepare: true }).execute())
    await Promise.resolve()
    scope.release()
    const next = sql`select 'next' as who`
    expect(await answered(Promise.all(queued.map(async (rows) => Object.values((await rows)[0]!)[0])))).toEqual([0, 1, 2, 3, 4])
    expect(await answered(next)).toEqual([{ who: 'next' }])
  })

  test('does not lend on a connection that was released inside a transaction', async () => {
    const sql = pool({ max: 1 })
    const scope = await sql.reserve()
    await scope`begin`
    await scope`insert into note values ('abandoned')`
    const abandoned = await pidOf(scope)
    scope.release()
    const [next] = await answered(sql<{ pid: number; begun: boolean }[]>`select pg_backend_pid() as pid`)
    expect(next!.pid).not.toBe(abandoned)
    expect(await notes()).toEqual([])
  })
})

describe('a pool', () => {
  test('lends the connection that was used last', async () => {
    const sql = pool({ max: 4 })
    const scopes = await Promise.all([1, 2, 3, 4].map(() => sql.reserve()))
    const pids = await Promise.all(scopes.map(pidOf))
    for (const scope of scopes) scope.release()
    expect(new Set(pids).size).toBe(4)
    const next = [await pidOf(sql), await pidOf(sql), await sql.begin(pidOf)]
    expect(next).toEqual([pids[3], pids[3], pids[3]])
    const [first, second] = [await sql.reserve(), await sql.reserve()]
    expect([await pidOf(first), await pidOf(second)]).toEqual([pids[3], pids[2]])
    first.release()
    second.release()
    expect(await pidOf(sql)).toBe(pids[2])
  })

  test('ends after a query was killed in flight', async () => {
    const sql = pool({ max: 1 })
    const pid = await pidOf(sql)
    const slow = codeOf(sql`select pg_sleep(4)`)
    await terminate(pid)
    expect(CONNECTION_LOST).toContain(await slow)
    await answered(sql.end())
  })

  test('ends once a reservation that was held at that time is released', async () => {
    const sql = pool({ max: 2 })
    const scope = await sql.reserve()
    const ended = sql.end()
    await Promise.resolve()
    expect(await codeOf(sql.reserve())).toBe('CONNECTION_ENDED')
    expect(await scope`select 1 as one`).toEqual([{ one: 1 }])
    scope.release()
    await answered(ended)
  })

  test('ends after the work that was waiting, and leaves no connection', async () => {
    const sql = pool({ max: 1, connection: { application_name: 'ending' } })
    await sql`select 1`
    const done: number[] = []
    const work = [1, 2, 3, 4].map((n) => sql.begin((scope) => scope`select pg_sleep(0.02)`).then(() => done.push(n)))
    await Promise.resolve()
    await answered(sql.end())
    expect(done).toEqual([1, 2, 3, 4])
    await Promise.all(work)
    await eventually(async () => (await admin`select 1 from pg_stat_activity where application_name = 'ending'`).length === 0, 'it is gone')
  })

  test('keeps answers apart when one of several queries cannot be built', async () => {
    const sql = pool({ max: 1 })
    await sql`select 1`
    const queries = [sql`select 1 as n`, sql`select ${undefined as unknown as number} as n`, sql`select 2 as n`]
    const answers = await answered(Promise.all(queries.map((query) => query.then((rows) => rows[0]!.n).catch((error) => error.code))))
    expect(answers).toEqual([1, 'UNDEFINED_VALUE', 2])
  })

  test('gives a transaction its connection even when BEGIN fills the pipeline', async () => {
    const sql = pool({ max: 1, max_pipeline: 2 })
    await sql`select 1`
    const before = [sql`select pg_sleep(0.05)`.execute(), sql`select 1`.execute()]
    await Promise.resolve()
    const transactions = [1, 2].map((n) =>
      sql.begin(async (scope) => {
        await scope`insert into note values (${`first of ${n}`})`
        await scope`insert into note values (${`second of ${n}`})`
      }),
    )
    await answered(Promise.all([...before, ...transactions]))
    expect(await notes()).toEqual(['first of 1', 'second of 1', 'first of 2', 'second of 2'])
  })

  test('leaves a connection with its scope when the socket has drained', async () => {
    const sockets: Socket[] = []
    const sql = pool({ max: 1, socket: () => connected(sockets) })
    const scope = await sql.reserve()
    await scope`begin`
    sockets[0]!.emit('drain')
    const other = sql`insert into note values ('of another')`.then(() => 'given away')
    expect(await Promise.race([other, scope`select pg_sleep(0.05)`.then(() => 'kept')])).toBe('kept')
    await scope`rollback`
    scope.release()
    expect(await answered(other)).toBe('given away')
    expect(await notes()).toEqual(['of another'])
  })

  test('opens again when the socket closes while the password is being fetched', async () => {
    const sockets: Socket[] = []
    const password = async () => {
      const [first] = sockets
      if (sockets.length === 1) {
        first!.destroy()
        await once(first!, 'close')
      }
      return decodeURIComponent(new URL(database.adminUrl).password)
    }
    const sql = pool({ max: 1, socket: () => connected(sockets), password })
    expect(await answered(sql`select 1 as one`)).toEqual([{ one: 1 }])
    expect(sockets.length).toBe(2)
  })

  test('tells each query that its socket could not be made, however often, and opens again when one can', async () => {
    const sockets: Socket[] = []
    let isReachable = false
    const socket = async () => {
      if (!isReachable) throw Object.assign(new Error('nobody listens'), { code: 'ECONNREFUSED' })
      return connected(sockets)
    }
    const sql = pool({ max: 2, socket, backoff: () => 0.001 })
    for (let time = 0; time < 5; time++) expect(await codeOf(sql`select 1`)).toBe('ECONNREFUSED')
    expect(await Promise.all([1, 2, 3, 4, 5].map(() => codeOf(sql.reserve())))).toEqual(Array(5).fill('ECONNREFUSED'))
    isReachable = true
    expect(await answered(sql`select 1 as one`)).toEqual([{ one: 1 }])
    isReachable = false
    await answered(sql.end())
  })

  test('says so when a cursor breaks off, instead of ending it early', async () => {
    const sql = pool({ max: 1 })
    const pid = await pidOf(sql)
    let rows = 0
    const reading = (async () => {
      for await (const batch of sql`select generate_series(1, 100)`.cursor(10)) {
        rows += batch.length
        if (rows !== 20) continue
        await terminate(pid)
        await eventually(async () => (await codeOf(sql`select 1`)) === 'answered', 'the pool is up again')
      }
    })()
    expect(CONNECTION_LOST).toContain(await codeOf(reading))
    expect(rows).toBe(20)
  })

  test('opens again, unnoticed, when a connection is killed before it has sent its first query', async () => {
    for (let round = 0; round < 20; round++) {
      let strike: Promise<unknown> | undefined
      const sql = pool({
        max: 1,
        connection: { application_name: `opening ${round}` },
        // The driver asks for the types first; the kill sets out at the same moment.
        debug: () => {
          strike ??= admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${`opening ${round}`}`.execute()
        },
      })
      const code = await codeOf(sql`select 1`)
      await strike
      // Struck later than meant, the query itself was in flight. An error of the session before is never its answer.
      expect(['answered', 'CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE']).toContain(code)
      await answered(sql.end())
    }
  })
})

interface PoolOptions extends postgres.Options<Record<string, never>> {
  // The driver's types leave these out.
  max_pipeline?: number
  socket?: () => Promise<Socket>
}

function pool(options: PoolOptions): postgres.Sql {
  const sql = postgres(database.adminUrl, { onnotice: () => {}, ...options })
  // Bounded, so that a test which fails with a connection held is not followed by a minute of waiting.
  onTestFinished(() => answered(sql.end({ timeout: 1 }), 2_000).catch(() => {}))
  return sql
}

async function connected(sockets: Socket[]): Promise<Socket> {
  const { hostname, port } = new URL(database.adminUrl)
  const socket = connect(Number(port), hostname)
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

async function pidOf(scope: postgres.ISql): Promise<number> {
  const [backend] = await scope<{ pid: number }[]>`select pg_backend_pid() as pid`
  return backend!.pid
}

async function kill(scope: postgres.ISql): Promise<void> {
  await terminate(await pidOf(scope))
}

/** Returns once the backend is gone. */
async function terminate(pid: number): Promise<void> {
  await admin`select pg_terminate_backend(${pid}, 4000)`
}

async function notes(): Promise<string[]> {
  return (await admin<{ text: string }[]>`select text from note order by ctid`).map((row) => row.text)
}

/** `answered`, or the code of the error it was refused with. */
async function codeOf(query: PromiseLike<unknown>): Promise<string> {
  return answered(
    query.then(
      () => 'answered',
      (error) => error.code ?? error.message,
    ),
  )
}
