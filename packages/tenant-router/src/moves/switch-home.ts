import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import { errorCode } from '../door-error.ts'
import { epochsOf, type Side, serversOf, sidesOf } from './cell-sides.ts'
import { assertRowsEqual, hashesOfRows, type RestlessRow } from './compare.ts'
import { FENCE_ATTEMPTS_MAX, type HeldMove, MoveFailed, type MoverMove } from './held-move.ts'
import { passMarker, readBehindMarker } from './markers.ts'
import { changeHome, fenceWithin, openHome, rehearse, type Stage } from './switch-statements.ts'

/** All that writers may have to wait. When it is over, anybody may lift the fence. */
export const FENCE_BUDGET_MS = 1_000
export const WATCH_MS = 24 * 60 * 60 * 1_000
// A marker that passes in less is a good sign for the fence's own; it is tried for.
const NEAR_MS = 25
const NEAR_TRIES_MAX = 10
// Until few writers are inside, where there were many, and what else was begun for these two databases is through.
const THINNING_MS = 60
// How long writers may be kept waiting for those inside, try by try: rather a few times hardly at all than once for long. With the
// pauses between them two thirds of the budget.
const DRAIN_TRIES_MS = [25, 25, 25, 25, 25, 50, 100, 200]
const BETWEEN_DRAINS_MS = 30
const ARRIVAL_POLL_MS = 5
const ARRIVAL_TIMEOUT_MS = 5_000

/** What is known of both databases when they have been compared. */
export interface Compared {
  restless: readonly RestlessRow[]
  /** Between which servers that was (`serversOf`). */
  servers: string
}

/**
 * The only part of a move in which writers wait. At home they drain and find a fence; the fence's marker, committed last, has arrived
 * when everything before it has; rows that never came to rest are compared; then the directory changes the home, if the fence
 * still stands, and the new home opens. Whatever goes wrong before the directory has changed is taken back.
 */
export async function switchHome(held: HeldMove, sides: readonly Side[], { restless, servers }: Compared, watchMs: number): Promise<void> {
  const { home, other } = sidesOf(held.move, sides)
  const [atHome, atOther] = await Promise.all([home.sql.reserve(), other.sql.reserve()])
  const ends = { home: { ...home, sql: atHome }, other: { ...other, sql: atOther } }
  try {
    // Asked of the connections that switch: who takes over after this does not have them.
    if ((await serversOf(ends.home, ends.other)) !== servers) throw new Error('Another server has taken over since both were compared.')
    await comeNear(held, ends, restless)
    const outcome = await changeHomes(held, ends, restless, watchMs)
    if ('error' in outcome) {
      // Also while this process is being stopped: nobody is left waiting.
      await held.takeBackFence(reasonOf(outcome.error), outcome.error instanceof MoveFailed)
      await liftFence(held.directory, held.move, sides)
      return await held.reload()
    }
    crashPoint('move.switched')
    await openAndNote(held, ends.other, outcome, restless.length)
  } finally {
    atHome.release()
    atOther.release()
  }
}

type Ends = Pick<Stage, 'home' | 'other'>

/** Waits for a good moment: one at which the new home is hardly behind. It comes, or the fence is tried without. */
async function comeNear(held: HeldMove, { home, other }: Ends, restless: readonly RestlessRow[]): Promise<void> {
  const { merchantId } = held.move
  await hashesOfRows(home, merchantId, restless)
  await readBehindMarker(other, merchantId, 0n, 0, () => hashesOfRows(other, merchantId, restless))
  for (let tries = 0; tries < NEAR_TRIES_MAX; tries += 1) {
    const lagMs = await passMarker(held, home, other, FENCE_BUDGET_MS)
    if (lagMs !== undefined && lagMs < NEAR_MS) return
    await held.pause(NEAR_MS)
  }
}

/** When writers were kept waiting, when they were out, and when all they had written was at the new home: by `performance.now()`. */
interface Changed {
  startedAt: number
  drainedAt: number
  arrivedAt: number
}

/** From the announcement to the change in the directory. An error is answered once there is a fence to be taken back, and thrown before. */
async function changeHomes(
  held: HeldMove,
  ends: Ends,
  restless: readonly RestlessRow[],
  watchMs: number,
): Promise<Changed | { error: unknown }> {
  // Asked of nothing else meanwhile, or moves that switch at the same time could wait for each other's connections.
  const directory = await held.directory.reserve()
  try {
    const stage = { ...ends, directory }
    await thinOut(held, stage, watchMs)
    const fence = await held.beginFence(FENCE_BUDGET_MS, directory)
    crashPoint('move.fencing')
    return await behindFence(held, stage, { fence, restless, watchMs }).catch((error: unknown) => ({ error }))
  } finally {
    directory.release()
  }
}

/** Has few writers inside when the fence comes, and connections that know what they will be asked. */
async function thinOut(held: HeldMove, stage: Stage, watchMs: number): Promise<void> {
  const { home, other, directory } = stage
  await directory`select pg_notify('souk_switching', ${[held.move.merchantId, home.cell, other.cell].join(' ')})`
  await Promise.all([rehearse(stage, held, watchMs), held.pause(THINNING_MS)])
}

interface Fenced {
  fence: bigint
  restless: readonly RestlessRow[]
  watchMs: number
}

async function behindFence(held: HeldMove, { home, other, directory }: Stage, { fence, restless, watchMs }: Fenced): Promise<Changed> {
  const { id, merchantId } = held.move
  const begunAt = performance.now()
  const startedAt = await raiseFence(held, home, fence)
  const drainedAt = performance.now()
  crashPoint('move.fenced')
  const left = FENCE_BUDGET_MS - (drainedAt - begunAt)
  const read = (side: Side) => hashesOfRows(side, merchantId, restless)
  const [there, here] = await Promise.all([read(home), readBehindMarker(other, merchantId, fence, left, () => read(other))])
  if (here === undefined) throw new Error('The last change did not arrive in time.')
  const arrivedAt = performance.now()
  crashPoint('move.marker_arrived')
  assertRowsEqual(restless, there, here, other.cell)
  await changeHome(directory, id, fence, held.owner, watchMs)
  return { startedAt, drainedAt, arrivedAt }
}

async function openAndNote(held: HeldMove, other: Side, { startedAt, drainedAt, arrivedAt }: Changed, compared: number): Promise<void> {
  try {
    // It need not wait for a disk: what is written there afterwards does, and the completion of the switch.
    await arrive(held.move, other, 'off')
  } catch {
    // By another connection, as the next step.
    return held.reload()
  }
  const openedAt = performance.now()
  await held.note(
    {
      write_pause_ms: rounded(openedAt - startedAt),
      drain_ms: rounded(drainedAt - startedAt),
      marker_ms: rounded(arrivedAt - drainedAt),
      flip_ms: rounded(openedAt - arrivedAt),
      fence_attempts: held.move.fenceAttempts,
      compared_under_fence: compared,
    },
    null,
  )
  await held.reload()
}

/**
 * Keeps new writers waiting until those inside are out, and puts the fence up. Not for long at first: rather tried again between two
 * others than behind a transaction that takes its time. Answers when it began to keep writers waiting.
 */
async function raiseFence({ move }: HeldMove, { sql }: Side, fence: bigint): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const startedAt = performance.now()
    try {
      await fenceWithin(sql, move, fence, DRAIN_TRIES_MS[tries]!)
      return startedAt
    } catch (error) {
      if (errorCode(error) !== '55P03' || tries + 1 === DRAIN_TRIES_MS.length) throw error
      await sleep(BETWEEN_DRAINS_MS)
    }
  }
}

/** Lifts the fence of a move that is `unfencing`, or sees to it that it never comes. Anybody may, and several at once. */
export async function liftFence(directory: postgres.Sql, move: MoverMove, sides: readonly Side[]): Promise<void> {
  const { home } = sidesOf(move, sides)
  crashPoint('move.unfencing')
  await home.sql`select tenancy.lift_fence(${move.merchantId}, ${String(move.fence)})`
  crashPoint('move.lifted')
  const again = move.fenceAttempts < FENCE_ATTEMPTS_MAX
  const next = move.direction === 'forward' ? (again ? 'catching_up' : 'aborting') : again ? 'rolling_back' : 'watching'
  await directory`
    update platform.move
    set state = ${next}, direction = ${next === 'watching' ? 'forward' : move.direction}, state_since = clock_timestamp(), updated_at = clock_timestamp()
    where id = ${move.id} and state = 'unfencing' and fence = ${String(move.fence)}`
}

/**
 * Closes an old home that a standby or a backup has taken back to before the switch, and would let in whoever does not know of it yet.
 * Answers whether it was open.
 */
export async function closeAgain(held: HeldMove, old: Side): Promise<boolean> {
  const { merchantId } = held.move
  const epochs = epochsOf(held.move)
  const [home] =
    await old.sql`select from tenancy.home where merchant_id = ${merchantId} and epoch = ${epochs.old.toString()} and state = 'active'`
  if (!home) return false
  await held.takeNumber()
  await old.sql.begin(async (sql) => {
    await sql`select tenancy.fence(${merchantId}, ${epochs.old.toString()}, ${held.number})`
    await sql`delete from tenancy.move_marker where merchant_id = ${merchantId}`
    await sql`select tenancy.depart(${merchantId}, ${epochs.new.toString()})`
  })
  return true
}

/**
 * Completes a switch that the directory has: opens the new home, which has everything, and closes the old one. Only ever forward. Anybody
 * may, and several at once.
 */
export async function completeSwitch(directory: postgres.Sql, move: MoverMove, sides: readonly Side[]): Promise<void> {
  const { home, other } = sidesOf(move, sides)
  const { merchantId } = move
  await arrive(move, other, 'on')
  // One that is gone for good is closed by whoever meets it again.
  if (home.cell !== move.lostCell) await home.sql`select tenancy.depart(${merchantId}, ${epochsOf(move).new.toString()})`
  crashPoint('move.departed')
  await other.sql`
    select queue.adopt_merchant(${merchantId}, coalesce((select event_sequence from public.merchant_counter where merchant_id = ${merchantId}), 0))`
  await directory`
    update platform.move
    set state = ${move.direction === 'forward' ? 'watching' : 'retiring'}, state_since = clock_timestamp(), updated_at = clock_timestamp(), fence_attempts = 0
    where id = ${move.id} and state = 'switched' and fence = ${String(move.fence)}`
  crashPoint('move.opened')
}

async function arrive(move: MoverMove, other: Side, synchronousCommit: 'on' | 'off'): Promise<void> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS
  for (;;) {
    try {
      await openHome(other.sql, move, move.fence!, synchronousCommit)
      crashPoint('move.arrived')
      return
    } catch (error) {
      // MV004: its server went down after the marker was seen there, and is about to get it again.
      if (errorCode(error) !== 'MV004' || performance.now() > deadline) throw error
      await sleep(ARRIVAL_POLL_MS)
    }
  }
}

export function reasonOf(error: unknown): string {
  const code = errorCode(error)
  if (code === '55P03') return 'A transaction of the merchant went on for longer than writers may be kept waiting.'
  return error instanceof Error ? error.message : String(error)
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
