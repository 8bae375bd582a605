import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { epochsOf, type Side } from './cell-sides.ts'
import type { HeldMove, MoverMove } from './held-move.ts'

// What is asked of the databases while writers wait. Each is sent from here alone: a connection has to have sent the same text before to
// know it.

/** The connections of a switch, each lent to it alone. */
export interface Stage {
  home: Side
  other: Side
  directory: postgres.Sql
}

// No marker and no fence has this number.
const NO_NUMBER = 0n

// Caught, so that the server's log tells of no error.
const FENCE_OF_NOBODY = `
  do $$ begin perform tenancy.fence(gen_random_uuid(), 0, 0); exception when sqlstate 'MV003' then null; end $$`

/** Keeps new writers waiting from now on, and is answered when those inside are out. */
const keepOut = (sql: postgres.Sql, merchantId: string) => sql`select pg_advisory_xact_lock(hashtextextended(${merchantId}, 4242))`

const fence = (sql: postgres.Sql, merchantId: string, epoch: bigint, number: bigint) =>
  sql`select tenancy.fence(${merchantId}, ${epoch.toString()}, ${number.toString()})`

/** Puts up the fence when those inside are out; 55P03 if that takes longer. */
export async function fenceWithin(sql: postgres.Sql, move: MoverMove, number: bigint, withinMs: number): Promise<void> {
  const queries = [
    sql`begin`,
    sql.unsafe(`set local lock_timeout = '${withinMs}ms'`),
    keepOut(sql, move.merchantId),
    fence(sql, move.merchantId, epochsOf(move).old, number),
    sql`commit`,
  ]
  await Promise.all(queries.map((query) => query.execute()))
}

/** Changes the home in the directory, if this mover's fence still stands there. */
export const changeHome = (sql: postgres.Sql, moveId: string, number: bigint, owner: string, watchMs: number) =>
  sql`select platform.switch_home(${moveId}, ${number.toString()}, ${owner}, ${watchMs} * interval '1 millisecond')`

/** Opens the new home behind the marker of that number. */
export const openHome = (sql: postgres.Sql, move: MoverMove, number: bigint, synchronousCommit: 'on' | 'off') =>
  sql`
    select set_config('synchronous_commit', ${synchronousCommit}, true),
      tenancy.arrive(${move.merchantId}, ${epochsOf(move).new.toString()}, ${number.toString()})`

/**
 * Goes through the switch, and takes each part of it back before it could be seen: what a connection does for the first time, triggers
 * and all, takes several times as long. Nobody is kept waiting meanwhile. What fails here will fail again where it counts.
 */
export async function rehearse({ home, other, directory }: Stage, { move, owner }: HeldMove, watchMs: number): Promise<void> {
  const number = (move.fence ?? NO_NUMBER) + 1n
  await Promise.all([
    takenBack(directory, [
      directory`
        update platform.move set state = 'fencing', fence = ${number.toString()}, fence_until = clock_timestamp() + interval '1 second'
        where id = ${move.id} and lease_owner = ${owner}`,
      changeHome(directory, move.id, number, owner, watchMs),
    ]),
    takenBack(home.sql, [
      home.sql`select tenancy.lift_fence(${move.merchantId}, ${NO_NUMBER.toString()})`,
      keepOut(home.sql, randomUUID()),
      fence(home.sql, move.merchantId, epochsOf(move).old, NO_NUMBER).describe(),
      home.sql.unsafe(FENCE_OF_NOBODY),
    ]),
    takenBack(other.sql, [
      other.sql`insert into tenancy.move_marker (merchant_id, id) values (${move.merchantId}, ${NO_NUMBER.toString()})`,
      openHome(other.sql, move, NO_NUMBER, 'off'),
    ]),
  ])
}

/** In one flight, so that nothing can come between. */
async function takenBack(sql: postgres.Sql, queries: PromiseLike<unknown>[]): Promise<void> {
  // Awaited together they are sent in this order.
  await Promise.allSettled([sql`begin`, ...queries, sql`rollback`])
}
