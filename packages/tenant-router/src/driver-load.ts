import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type postgres from 'postgres'

/** What the tests of the driver use of a transaction, however it was opened. */
export type Scope = postgres.ISql

/** Opens a transaction for a merchant and hands it over; commits when the work returns, rolls back when it throws. */
export type Door = (sql: postgres.Sql, merchant: number, work: (scope: Scope) => Promise<void>) => Promise<void>

interface Transfer {
  id: number
  merchant: number
  /** The work is done and COMMIT is on its way: from here on a lost connection leaves the outcome open. */
  finishing: boolean
  outcome: 'open' | 'committed' | 'failed'
}

// Against hanging: a busy machine may take its time.
const ANSWER_WITHIN_MS = 60_000
const SECONDS_OF_SLOW_STATEMENT = 4
/** What a query is refused with: by the driver, by the socket that broke, or by the server's own farewell. */
export const CONNECTION_LOST = new Set(['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01'])

/** Two legs make a transfer. `intended` is the merchant the code meant, `merchant` the one the transaction was set to. */
export const LEDGER = `
  create table driver_leg (
    transfer int not null,
    leg text not null,
    intended int not null,
    merchant int not null default current_setting('driver.merchant')::int,
    primary key (merchant, transfer, leg)
  );
  alter table driver_leg enable row level security, force row level security;
  create policy own_rows on driver_leg using (merchant = current_setting('driver.merchant')::int);
  grant select, insert on driver_leg to souk_app;
  create function driver_linger() returns trigger language plpgsql as 'begin perform pg_sleep(${SECONDS_OF_SLOW_STATEMENT}); return null; end';
  create constraint trigger linger after insert on driver_leg deferrable initially deferred
    for each row when (new.leg = 'lingering') execute function driver_linger();
`

/** By `begin()`, one round trip for every statement. */
export const throughBegin: Door = async (sql, merchant, work) => {
  await sql.begin(async (scope) => {
    await scope`select set_config('driver.merchant', ${merchant}, true)`
    await work(scope)
  })
}

/** By a savepoint in a transaction. */
export const throughSavepoint: Door = async (sql, merchant, work) => {
  await sql.begin(async (scope) => {
    await scope`select set_config('driver.merchant', ${merchant}, true)`
    await scope.savepoint((inner) => work(inner))
  })
}

/** By a reserved connection, with BEGIN and the setting sent in one flight. */
export const throughReserve: Door = async (sql, merchant, work) => {
  const scope = await sql.reserve()
  try {
    await Promise.all([scope`begin`, scope`select set_config('driver.merchant', ${merchant}, true)`])
    await work(scope)
    const committed = await scope`commit`
    if (committed.command !== 'COMMIT') throw new Error('rolled back by the server')
  } catch (error) {
    await scope`rollback`.catch(() => {})
    throw error
  } finally {
    scope.release()
  }
}

const DOORS = [throughBegin, throughReserve, throughSavepoint]

/**
 * A pool under load while backends die in the middle of its transactions. Every second transaction is a victim: its own
 * backend is killed, and its work carries on as if it had not noticed. The others, and single queries among them, must
 * never feel it. Everything that breaks a promise of the driver is written down in `findings`, as a sentence.
 */
export class DriverLoad {
  readonly findings: string[] = []
  readonly transfers = new Map<number, Transfer>()
  killed = 0
  #started = 0
  #nextTurn = 0
  #stopped = false
  readonly #sql: postgres.Sql
  readonly #admin: postgres.Sql

  constructor(sql: postgres.Sql, admin: postgres.Sql) {
    this.#sql = sql
    this.#admin = admin
  }

  /** Returns once `kills` backends have been killed and every call has been answered, or at the first finding. */
  async run(kills: number, workers: number): Promise<void> {
    const work = async () => {
      while (this.killed < kills && this.findings.length === 0) await this.#take(this.#nextTurn++)
    }
    const working = Promise.all(Array.from({ length: workers }, work))
    await working.finally(() => {
      this.#stopped = true
    })
  }

  async #take(turnNumber: number): Promise<void> {
    const door = DOORS[turnNumber % DOORS.length]!
    if (turnNumber % 2 === 0) return this.#victim(turnNumber, door)
    if (turnNumber % 5 === 0) return this.#single(turnNumber)
    return this.#bystander(turnNumber, door)
  }

  async #single(number: number): Promise<void> {
    const rows = await this.#answer('a single query', this.#sql<{ number: number }[]>`select ${number}::int as number`)
    if (rows?.[0]?.number !== number) this.findings.push(`a single query was answered with ${JSON.stringify(rows)} instead of ${number}`)
  }

  async #bystander(id: number, door: Door): Promise<void> {
    const transfer = await this.#transfer(id, door, async (scope, merchant) => {
      await this.#write(scope, id, merchant, 'debit')
      await this.#read(scope, merchant)
      await turn()
      await Promise.all([this.#write(scope, id, merchant, 'credit'), this.#read(scope, merchant)])
    })
    if (transfer.outcome !== 'committed') this.findings.push(`transfer ${id} failed although nobody killed its backend`)
  }

  async #victim(id: number, door: Door): Promise<void> {
    const deaths = [this.#waitingElsewhere, this.#waitingForAnAnswer, this.#pipelining, this.#unsuspecting, this.#committing]
    const die = deaths[Math.floor(id / 6) % deaths.length]!
    const transfer = await this.#transfer(id, door, async (scope, merchant) => {
      const [backend] = await scope<{ pid: number }[]>`select pg_backend_pid() as pid`
      await die.call(this, scope, id, merchant, backend!.pid)
      if (id % 4 === 0 && die !== this.#committing) throw new Error('the work gives up')
    })
    if (transfer.outcome === 'committed') this.findings.push(`transfer ${id} was committed although its backend was killed`)
  }

  /** The callback waits for something else; others take the pool meanwhile; then it goes on. */
  async #waitingElsewhere(scope: Scope, id: number, merchant: number, pid: number): Promise<void> {
    await this.#write(scope, id, merchant, 'debit')
    await this.#kill(pid)
    await this.#othersMovedOn()
    await this.#refused('a write after the kill', this.#write(scope, id, merchant, 'credit'))
    await this.#refused('a read after the kill', this.#read(scope, merchant))
  }

  async #waitingForAnAnswer(scope: Scope, id: number, merchant: number, pid: number): Promise<void> {
    await this.#write(scope, id, merchant, 'debit')
    const slow = this.#refused('a query in flight', scope`select pg_sleep(${SECONDS_OF_SLOW_STATEMENT})`)
    await this.#kill(pid)
    await slow
    await this.#refused('a write after the kill', this.#write(scope, id, merchant, 'credit'))
    await this.#othersMovedOn()
    await this.#refused('a late read', this.#read(scope, merchant))
  }

  /** More than the connection takes at once: a statement it has not met holds the rest back in the scope's own queue. */
  async #pipelining(scope: Scope, id: number, merchant: number, pid: number): Promise<void> {
    const flight = [
      this.#answer(
        'the first of a flight',
        this.#write(scope, id, merchant, 'debit').catch(() => {}),
      ),
      this.#refused('a slow one of a flight', scope`select pg_sleep(${SECONDS_OF_SLOW_STATEMENT})`),
      this.#refused('a sent one of a flight', scope`select 1`),
      this.#refused('a new one of a flight', scope.unsafe(`select $1::int as fresh_${id}`, [id], { prepare: true })),
      this.#refused('a queued one of a flight', this.#write(scope, id, merchant, 'credit')),
      this.#refused('the last of a flight', this.#read(scope, merchant)),
    ]
    await this.#kill(pid)
    await Promise.all(flight)
  }

  /** The kill strikes wherever it does, between queries that nobody holds back. */
  async #unsuspecting(scope: Scope, id: number, merchant: number, pid: number): Promise<void> {
    await this.#write(scope, id, merchant, 'debit')
    const kill = this.#kill(pid)
    const deadline = performance.now() + ANSWER_WITHIN_MS
    let refusals = 0
    while (refusals < 3 && performance.now() < deadline) await this.#read(scope, merchant).catch(() => (refusals += 1))
    await kill
    await this.#refused('a write after three refusals', this.#write(scope, id, merchant, 'credit'))
  }

  /** A deferred trigger holds COMMIT up, so that the kill strikes it. */
  async #committing(scope: Scope, id: number, merchant: number, pid: number): Promise<void> {
    await Promise.all([this.#write(scope, id, merchant, 'debit'), this.#write(scope, id, merchant, 'lingering')])
    void this.#kill(pid)
  }

  async #transfer(id: number, door: Door, work: (scope: Scope, merchant: number) => Promise<void>): Promise<Transfer> {
    const transfer: Transfer = { id, merchant: 1 + (id % 7), finishing: false, outcome: 'open' }
    this.transfers.set(id, transfer)
    let callback: Promise<void> | undefined
    const done = door(this.#sql, transfer.merchant, (scope) => {
      this.#started += 1
      callback = work(scope, transfer.merchant).then(() => {
        transfer.finishing = true
      })
      return callback
    })
    const ended = done.then(
      () => 'committed' as const,
      () => 'failed' as const,
    )
    transfer.outcome = (await this.#answer(`transfer ${id}`, ended)) ?? 'open'
    // begin() does not wait for a callback that lost its connection; the load does, or its last queries would go unseen.
    await this.#answer(
      `the callback of transfer ${id}`,
      Promise.resolve(callback).catch(() => {}),
    )
    return transfer
  }

  async #write(scope: Scope, id: number, merchant: number, leg: string): Promise<void> {
    await scope`insert into driver_leg (transfer, leg, intended) values (${id}, ${leg}, ${merchant})`
  }

  async #read(scope: Scope, merchant: number): Promise<void> {
    const rows = await scope<{ merchant: number; setting: string }[]>`
      select merchant, current_setting('driver.merchant') as setting from driver_leg
      union all select ${merchant}, current_setting('driver.merchant') limit 50`
    const foreign = rows.find((row) => row.merchant !== merchant || row.setting !== String(merchant))
    if (foreign) this.findings.push(`merchant ${merchant} read a row of ${foreign.merchant} in a transaction of ${foreign.setting}`)
  }

  async #kill(pid: number): Promise<void> {
    const [answer] = await this.#admin<{ killed: boolean }[]>`select pg_terminate_backend(${pid}) as killed`
    if (answer?.killed) this.killed += 1
    else this.findings.push(`backend ${pid} was gone before it was killed`)
  }

  /** Until two more transactions have begun: on a pool of one, that is on the connection which replaced the killed one. */
  async #othersMovedOn(): Promise<void> {
    const after = this.#started + 2
    const deadline = performance.now() + 250
    while (this.#started < after && !this.#stopped && performance.now() < deadline) await pause(1)
  }

  async #refused(what: string, query: PromiseLike<unknown>): Promise<void> {
    const outcome = query.then(
      () => 'it ran',
      (error) => (CONNECTION_LOST.has(error.code) ? undefined : `the server answered it: ${error.message}`),
    )
    const reached = await this.#answer(what, outcome)
    if (reached) this.findings.push(`${what} reached a connection that was not its own: ${reached}`)
  }

  async #answer<T>(what: string, promise: PromiseLike<T>): Promise<T | undefined> {
    return answered(promise).catch((error) => {
      this.findings.push(`${what}: ${error instanceof Error ? error.message : error}`)
      return undefined
    })
  }
}

/** The promise's own outcome, or a rejection once the time within which everything must be answered is over. */
export async function answered<T>(promise: PromiseLike<T>, withinMs = ANSWER_WITHIN_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not answered within ${withinMs} ms`)), withinMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Polls until the condition holds; fails after the time within which everything must be answered. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + ANSWER_WITHIN_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: still not so after ${ANSWER_WITHIN_MS} ms`)
    await pause(5)
  }
}
