import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import { errorCode } from '../door-error.ts'
import { NO_LIMITS, type Side } from './cell-sides.ts'
import { type HeldMove, MoveFailed, MoveLost, type MoveObject, StateChanged } from './held-move.ts'
import { markerPassed } from './markers.ts'
import type { Move } from './move.ts'

/** One merchant's changes on their way from one database to the other: a publication, a slot and a subscription of one name. */
export function streamName(move: Pick<Move, 'id'>, direction: 'forward' | 'back'): string {
  return `souk_move_${move.id.replaceAll('-', '')}_${direction}`
}

const SLOT_TIMEOUT_S = 60
const REMOVAL_ORDER = ['subscription', 'slot', 'publication'] as const
const SLOT_RELEASE_TIMEOUT_MS = 30_000
const POLL_MS = 25
const SUBSCRIBING = 7_350_003
// Every session of the database reads about a table again that comes into a publication, or goes, and plans its statements anew: about
// what some twenty of them take together for a table. Of several at a time a checkout that follows would meet all.
const TABLES_AT_ONCE = 8
const TABLE_READ_AGAIN_MS = 5
const UNDEFINED_FUNCTION = '42883'
// A subscription that told what it met does so again with the first commit after this (PGSTAT_MIN_INTERVAL, a second), and a bit.
const TELLS_AGAIN_AFTER_MS = 1_050
// Not counted: rows whose origin differs. Those are what a stream back is made of.
const CONFLICTS = ['insert_exists', 'update_exists', 'update_missing', 'delete_missing', 'multiple_unique_conflicts']

/** What is to be sent is settled before the slot is made, which cannot look further back than its own beginning. */
export async function publish(held: HeldMove, name: string, from: Side): Promise<void> {
  await held.noteObject({ cell: from.cell, kind: 'publication', name })
  const { merchantId } = held.move
  await tablesInTurn(
    held,
    () =>
      inTime(held, from, async (sql) => {
        const [row] = await sql`select tenancy.publish_some(${merchantId}, ${name}, ${held.portion(TABLES_AT_ONCE)}) as more`
        return row!.more
      }),
    () => inTime(held, from, (sql) => sql`select tenancy.publish(${merchantId}, ${name})`),
  )
  crashPoint('move.published')
}

async function unpublish(held: HeldMove, name: string, { sql }: Side): Promise<void> {
  await tablesInTurn(
    held,
    async () => (await sql`select tenancy.unpublish_some(${name}, ${held.portion(TABLES_AT_ONCE)}) as more`)[0]!.more,
    () => sql`select tenancy.unpublish(${name})`,
  )
}

/** `some` answers whether there is more to do. A cell that is not migrated yet knows only `all`. */
async function tablesInTurn(held: HeldMove, some: () => Promise<boolean>, all: () => PromiseLike<unknown>): Promise<void> {
  try {
    for (let isMore = true; isMore; ) {
      const startedAt = performance.now()
      isMore = await some()
      if (isMore) await held.rest(performance.now() - startedAt + held.portion(TABLES_AT_ONCE) * TABLE_READ_AGAIN_MS)
    }
  } catch (error) {
    if (errorCode(error) !== UNDEFINED_FUNCTION) throw error
    await all()
  }
}

/** Makes a slot and hands over a snapshot of exactly the moment from which it will send changes. */
export async function makeSlotWithSnapshot(
  held: HeldMove,
  name: string,
  from: Side,
  use: (snapshot: string) => Promise<void>,
): Promise<void> {
  await held.noteObject({ cell: from.cell, kind: 'slot', name })
  const applicationName = `${from.applicationName} slot`
  // The snapshot is there for as long as this connection is, and does nothing else.
  const replication = postgres(from.url, {
    max: 1,
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: applicationName, replication: 'database', ...NO_LIMITS } as object,
  })
  try {
    const late = setTimeout(() => void terminate(from, applicationName), SLOT_TIMEOUT_S * 1_000)
    const create = `CREATE_REPLICATION_SLOT ${name} LOGICAL pgoutput (SNAPSHOT 'export')`
    const [made] = await inTime(held, from, () => replication.unsafe(create).simple()).finally(() => clearTimeout(late))
    crashPoint('move.slot_made')
    await use(made!.snapshot_name as string)
  } finally {
    await replication.end({ timeout: 1 })
  }
}

export async function makeSlot(held: HeldMove, name: string, from: Side): Promise<void> {
  await held.noteObject({ cell: from.cell, kind: 'slot', name })
  await inTime(held, from, async (sql) => {
    await sql.unsafe(`set local statement_timeout = '${SLOT_TIMEOUT_S}s'`)
    await sql`select pg_create_logical_replication_slot(${name}, 'pgoutput')`
  })
  crashPoint('move.slot_made')
}

/**
 * Begins to apply. As the role of movers, which row security does not hold (`run_as_owner`); without what came from
 * elsewhere (`origin`), or two streams would send each other their own changes for ever; and without a copy.
 */
export async function subscribe(held: HeldMove, name: string, from: Side, to: Side): Promise<void> {
  await held.noteObject({ cell: to.cell, kind: 'subscription', name })
  await inTime(held, to, async (sql) => {
    // One at a time in a database: two that change its privileges at once meet as an error.
    await sql`select pg_advisory_xact_lock(${SUBSCRIBING})`
    await sql`select tenancy.allow_subscriptions(true)`
    await sql.unsafe(
      `create subscription ${name} connection ${literal(conninfo(from.replicationUrl))} publication ${name}
       with (slot_name = '${name}', create_slot = false, copy_data = false, run_as_owner = true, origin = none)`,
    )
    await sql`select tenancy.allow_subscriptions(false)`
  })
  crashPoint('move.subscribed')
}

/** Undefined while a stream can bring everything over, or else what is wrong with it. */
export async function brokenStream(name: string, from: Side, to: Side): Promise<string | undefined> {
  const [slot] = await from.sql<{ lost: string | null }[]>`
    select coalesce(invalidation_reason, case when wal_status = 'lost' then wal_status end) as lost
    from pg_replication_slots where slot_name = ${name}`
  if (!slot) return `the slot in ${from.cell} is gone`
  if (slot.lost !== null) return `the slot in ${from.cell} is invalid: ${slot.lost}`
  const [subscription] = await to.sql<{ enabled: boolean; conflicts: string | null; ready: boolean }[]>`
    select s.subenabled as enabled,
      not exists (select from pg_subscription_rel r where r.srsubid = s.oid and r.srsubstate <> 'r') as ready,
      (select string_agg(c.name || ' ' || (to_jsonb(t) ->> ('confl_' || c.name)), ', ') from unnest(${CONFLICTS}::text[]) as c (name)
        where (to_jsonb(t) ->> ('confl_' || c.name))::bigint > 0) as conflicts
    from pg_subscription s left join pg_stat_subscription_stats t on t.subid = s.oid
    where s.subname = ${name} and s.subdbid = (select oid from pg_database where datname = current_database())`
  if (!subscription) return `the subscription in ${to.cell} is gone`
  if (!subscription.enabled) return `the subscription in ${to.cell} is disabled`
  if (!subscription.ready) return `the subscription in ${to.cell} does not cover every table`
  return subscription.conflicts === null ? undefined : `changes met other rows in ${to.cell}: ${subscription.conflicts}`
}

export async function assertWhole(name: string, from: Side, to: Side): Promise<void> {
  const broken = await brokenStream(name, from, to)
  if (broken !== undefined) throw new MoveFailed(`The stream of changes broke: ${broken}.`)
}

/**
 * Waits until whatever had arrived at `to` by `since` (as of `performance.now()`) and met other rows is in the statistics of its
 * subscription. By itself that tells once the log it reads has rested for a second, and the log of a busy server never does.
 */
export async function conflictsTold(held: HeldMove, from: Side, to: Side, since: number): Promise<void> {
  await held.pause(Math.max(0, since + TELLS_AGAIN_AFTER_MS - performance.now()))
  await markerPassed(held, from, to)
  // It tells after a commit, before it goes on to the next.
  await markerPassed(held, from, to)
}

/**
 * Has a stream that does not run connect to where its source is by now, and as who: an address may change while a merchant is on its way,
 * and a password in the day that a move is watched.
 */
export async function reconnect(name: string, from: Side, to: Side): Promise<void> {
  const [running] = await to.sql`select 1 from pg_stat_subscription where subname = ${name} and pid is not null`
  if (!running) await to.sql.unsafe(`alter subscription ${name} connection ${literal(conninfo(from.replicationUrl))}`)
}

/**
 * Removes what a stream consists of, as far as it was made: those who read first. `all` are the sides of the move. What can be removed
 * is, whatever becomes of the rest: while one database is out of reach a slot in the other one would keep its log.
 */
export async function dropStream(held: HeldMove, name: string, all: readonly Side[]): Promise<void> {
  const objects = (await held.objects()).filter((object) => object.name === name)
  const inOrder = REMOVAL_ORDER.flatMap((kind) => objects.filter((object) => object.kind === kind))
  await allInTurn(
    inOrder.map((object) => async () => {
      held.assertHeld()
      await dropObject(held, object, all.find(({ cell }) => cell === object.cell)!)
      await held.forgetObject(object)
    }),
  )
}

/** Drops it, noted or not: a server that a standby or a backup has taken back has again what was removed from it. */
export async function sweepStream(held: HeldMove, name: string, all: readonly Side[]): Promise<void> {
  await dropStream(held, name, all)
  await allInTurn(
    all.flatMap((side) =>
      REMOVAL_ORDER.map((kind) => async () => {
        held.assertHeld()
        await dropObject(held, { cell: side.cell, kind, name }, side)
      }),
    ),
  )
}

/** Does all of them, whatever becomes of each, and throws then what went wrong first. */
export async function allInTurn(works: readonly (() => Promise<void>)[]): Promise<void> {
  const troubles: unknown[] = []
  for (const work of works) {
    try {
      await work()
    } catch (error) {
      if (error instanceof MoveLost || error instanceof StateChanged) throw error
      troubles.push(error)
    }
  }
  if (troubles.length > 0) throw troubles[0]
}

async function dropObject(held: HeldMove, { kind, name }: MoveObject, side: Side): Promise<void> {
  if (kind === 'subscription') await dropSubscription(side, name)
  if (kind === 'slot') await dropSlot(side, name)
  if (kind === 'publication') await unpublish(held, name, side)
}

async function dropSubscription({ sql }: Side, name: string): Promise<void> {
  const [found] = await sql`
    select 1 from pg_subscription where subname = ${name} and subdbid = (select oid from pg_database where datname = current_database())`
  if (!found) return
  // Without its slot, which may be on a server that is not there; it has a row of its own.
  await sql.unsafe(`alter subscription ${name} disable`)
  await sql.unsafe(`alter subscription ${name} set (slot_name = none)`)
  await sql.unsafe(`drop subscription ${name}`)
}

async function dropSlot(side: Side, name: string): Promise<void> {
  const { sql } = side
  const deadline = performance.now() + SLOT_RELEASE_TIMEOUT_MS
  for (;;) {
    const [slot] = await sql<{ pid: number | null }[]>`select active_pid as pid from pg_replication_slots where slot_name = ${name}`
    if (!slot) return
    if (slot.pid !== null) await sql`select pg_terminate_backend(${slot.pid})`
    try {
      await sql`select pg_drop_replication_slot(${name})`
      return
    } catch (error) {
      // 55006: still in use. 42704: somebody else was quicker.
      if (errorCode(error) === '42704') return
      if (errorCode(error) !== '55006' || performance.now() > deadline) throw error
    }
    await sleep(POLL_MS)
  }
}

/** Makes something while the move's number holds there: a mover who was thought dead and comes back makes nothing. */
async function inTime<T>(held: HeldMove, { sql }: Side, make: (sql: postgres.TransactionSql) => PromiseLike<T>): Promise<T> {
  const made = await sql.begin(async (tx) => {
    await tx`select tenancy.hold_number(${held.move.merchantId}, ${held.number})`
    return { made: await make(tx) }
  })
  return made.made as T
}

async function terminate({ sql }: Side, applicationName: string): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${applicationName} and usename = current_user`
}

/** Ends what another mover, who is taken for dead, still does in this database for the move. */
export async function terminateOthers({ sql, applicationName }: Side, moveId: string): Promise<void> {
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where starts_with(application_name, ${moverName(moveId, '')}) and not starts_with(application_name, ${applicationName})
      and usename = current_user and datname = current_database()`
}

/** What a mover's sessions are called while they work on a move. */
export function moverName(moveId: string, owner: string): string {
  return `souk-move ${moveId} ${owner.slice(0, 8)}`
}

/** A libpq connection string out of an address. */
function conninfo(address: string): string {
  const url = new URL(address)
  const parts: Record<string, string> = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port || '5432',
    dbname: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    ...Object.fromEntries(url.searchParams),
  }
  return Object.entries(parts)
    .map(([key, value]) => `${key}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ')
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
