import { crashPoint } from '../crash-point.ts'
import { type Side, serversOf, sidesOf } from './cell-sides.ts'
import { compare } from './compare.ts'
import { copyRows } from './copy-rows.ts'
import { type HeldMove, MoveFailed } from './held-move.ts'
import { givenUp, WITHOUT_LOST_CELL } from './lost-cell.ts'
import { markerPassed, passMarker } from './markers.ts'
import type { MoveState } from './move.ts'
import { assertEveryTablePublished, preflight } from './preflight.ts'
import { removeRows } from './remove-rows.ts'
import {
  allInTurn,
  assertWhole,
  brokenStream,
  conflictsTold,
  dropStream,
  makeSlot,
  makeSlotWithSnapshot,
  publish,
  reconnect,
  streamName,
  subscribe,
  sweepStream,
  terminateOthers,
} from './streams.ts'
import { type Compared, closeAgain, completeSwitch, liftFence, switchHome } from './switch-home.ts'

export interface StepContext {
  held: HeldMove
  sides: readonly [Side, Side]
  limits: MoverLimits
  /** Known after a comparison, for as long as this process works on the move. */
  compared?: Compared
}

export interface MoverLimits {
  /** How many moves may decode what one source writes. */
  decodingMax: number
  /** How long the old home is kept up to date. */
  watchMs: number
  /** How often it is compared with the new one. */
  compareEveryMs: number
  /** A copy through which nothing has come for so long is given up. */
  stalledAfterMs: number
  /** A step of which nothing has come for so long waits for an answer that is lost: it is left, and begun again. */
  silentAfterMs: number
  /** A slot waits for every transaction that writes and was there before it: a move begins when none is older. */
  writerAgeMaxMs: number
  /** How much of a move's time goes into copying, comparing and removing; above 0, at most 1. The servers are its merchants' for the rest. */
  workShare: number
}

const LOOK_EVERY_MS = 5_000
const TURN_EVERY_MS = 1_000
// Near enough to be fenced: a marker takes less than this three times running.
const LAG_MAX_MS = 200
const CLOSE_TIMES = 3
const MARKER_TIMEOUT_MS = 60_000
const READERS_EVERY_MS = 200
// On a machine that is never that quick: tried in any case after this, the budget of the fence holds.
const PATIENCE_MS = 60_000
const PAUSE_AFTER_FENCE_MS = 1_000

/** Takes a move one step on from the state it is in. Answers after how long to look again, if it rests there. */
export async function takeStep(context: StepContext): Promise<number | undefined> {
  const { state, lostCell } = context.held.move
  const next = lostCell === null ? undefined : WITHOUT_LOST_CELL[state]
  if (next === undefined) return STEPS[state as keyof typeof STEPS](context)
  await context.held.advance(next, next === 'retiring' ? { direction: 'forward' } : {})
  return undefined
}

/** One step for each state that is not an end. Each may be run again after a crash anywhere in it. */
const STEPS: Record<Exclude<MoveState, 'done' | 'aborted' | 'rolled_back'>, (context: StepContext) => Promise<number | undefined>> = {
  requested: async ({ held, limits }) => ((await held.takeTurn(limits.decodingMax)) ? undefined : TURN_EVERY_MS),

  preflight: async ({ held, sides, limits }) => {
    const { home, other } = sidesOf(held.move, sides)
    await preflight(held, home, other, limits.writerAgeMaxMs)
    crashPoint('move.preflighted')
    await held.advance('seeding', { failure: null })
    return undefined
  },

  seeding: async (context) => {
    await seed(context)
    await context.held.advance('catching_up', { failure: null })
    return undefined
  },

  catching_up: async (context) => {
    const { held, sides } = context
    const { home, other } = sidesOf(held.move, sides)
    if (held.move.fenceAttempts > 0) await held.pause(held.move.fenceAttempts * PAUSE_AFTER_FENCE_MS)
    const startedAt = performance.now()
    await assertWhole(streamName(held.move, 'forward'), home, other)
    await reconnect(streamName(held.move, 'forward'), home, other)
    await ensureStreamBack(context)
    await comeClose(held, home, other)
    await held.note({ catch_up_ms: Math.round(performance.now() - startedAt) })
    crashPoint('move.caught_up')
    await held.advance('verifying')
    return undefined
  },

  verifying: async (context) => {
    const { held, sides, limits } = context
    const { home, other } = sidesOf(held.move, sides)
    await verify(context, home, other)
    crashPoint('move.verified')
    await switchHome(held, sides, context.compared!, limits.watchMs)
    return undefined
  },

  // Whoever fenced has died, or forgot: what is not under way is taken back, never gone on with.
  fencing: async ({ held }) => {
    await held.advance('unfencing', { failure: 'The mover ended while writers waited.' })
    return undefined
  },

  unfencing: async ({ held, sides }) => {
    await liftFence(held.directory, held.move, sides)
    await held.reload()
    return undefined
  },

  switched: async ({ held, sides }) => {
    await completeSwitch(held.directory, held.move, sides)
    await held.reload()
    return undefined
  },

  watching: async (context) => {
    const { held } = context
    if (held.move.watchUntil !== null && held.move.watchUntil <= held.move.seenAt) {
      await held.advance('retiring')
      return undefined
    }
    await settleAfterSwitch(context)
    await watch(context)
    return LOOK_EVERY_MS
  },

  rolling_back: async (context) => {
    const { held, sides, limits } = context
    const { home, other } = sidesOf(held.move, sides)
    await settleAfterSwitch(context)
    if (held.move.fenceAttempts > 0) await held.pause(held.move.fenceAttempts * PAUSE_AFTER_FENCE_MS)
    await assertWhole(streamName(held.move, 'back'), home, other)
    await reconnect(streamName(held.move, 'back'), home, other)
    await comeClose(held, home, other)
    crashPoint('move.caught_up')
    await verify(context, home, other)
    crashPoint('move.verified')
    await switchHome(held, sides, context.compared!, limits.watchMs)
    return undefined
  },

  retiring: async ({ held, sides }) => {
    // After a switch in this direction: what was home then is the old home now.
    const { home: old, other: current } = sidesOf(held.move, sides)
    const isOldLost = old.cell === held.move.lostCell
    await held.takeNumber()
    const living = isOldLost ? [current] : sides
    await allInTurn([
      () => supersede(held, living),
      () => sweepStream(held, streamName(held.move, 'forward'), living),
      () => sweepStream(held, streamName(held.move, 'back'), living),
    ])
    const rows = { kind: 'rows', name: held.move.merchantId } as const
    if (!isOldLost) {
      await closeAgain(held, old)
      if (await hasReadersInside(old, held.move.merchantId)) return READERS_EVERY_MS
      await held.noteObject({ ...rows, cell: old.cell })
      await held.note({ removed_rows: await removeRows(held, old) })
      await held.forgetObject({ ...rows, cell: old.cell })
    }
    await held.forgetObject({ ...rows, cell: current.cell })
    await current.sql`delete from tenancy.move_marker where merchant_id = ${held.move.merchantId}`
    await held.advance(held.move.direction === 'forward' ? 'done' : 'rolled_back', { failure: isOldLost ? givenUp(old.cell) : null })
    return undefined
  },

  aborting: async ({ held, sides }) => {
    const { home, other } = sidesOf(held.move, sides)
    const noted = await held.objects()
    // Where nothing was noted nothing was made, and nothing will be: a database that is gone for good holds nobody up.
    const touched = sides.filter((side) => side === home || noted.some(({ cell }) => cell === side.cell))
    await held.takeNumber()
    await allInTurn([() => supersede(held, touched), () => clear(held, touched, other)])
    await home.sql`delete from tenancy.move_marker where merchant_id = ${held.move.merchantId}`
    await held.advance('aborted', other.cell === held.move.lostCell ? { failure: givenUp(other.cell) } : {})
    return undefined
  },
}

async function seed({ held, sides, limits }: StepContext): Promise<void> {
  const { home, other } = sidesOf(held.move, sides)
  const { merchantId, epoch } = held.move
  const startedAt = performance.now()
  await held.takeNumber()
  await supersede(held, sides)
  await clear(held, sides, other)
  // A mover who woke up late may have left one. Its removal would miss it at the other side, which looks like a row that is lost.
  await home.sql`delete from tenancy.move_marker where merchant_id = ${merchantId}`
  await held.noteObject({ cell: other.cell, kind: 'rows', name: merchantId })
  await other.sql`select tenancy.expect(${merchantId}, ${epoch.toString()}, ${held.number})`
  const stream = streamName(held.move, 'forward')
  await publish(held, stream, home)
  let rows = 0
  await makeSlotWithSnapshot(held, stream, home, async (snapshot) => {
    rows = await copyRows(held, { from: home, to: other, snapshot, stalledAfterMs: limits.stalledAfterMs })
  })
  // What is planned from now on is planned for what is there now.
  await other.sql`select app.refresh_statistics()`
  await held.note({ seeded_rows: rows, seed_ms: Math.round(performance.now() - startedAt) })
  crashPoint('move.seeded')
  await subscribe(held, stream, home, other)
}

/** Whoever worked on this move before is dead, or must not be able to do anything more: its number is over. */
async function supersede(held: HeldMove, sides: readonly Side[]): Promise<void> {
  await allInTurn(
    sides.map((side) => async () => {
      await terminateOthers(side, held.move.id)
      await side.sql`select tenancy.supersede(${held.move.merchantId}, ${held.number})`
    }),
  )
}

/** Removes what this move has made so far, the rows last: deletions must not travel. */
async function clear(held: HeldMove, sides: readonly Side[], other: Side): Promise<void> {
  await allInTurn([
    () => dropStream(held, streamName(held.move, 'back'), sides),
    () => dropStream(held, streamName(held.move, 'forward'), sides),
  ])
  for (const rows of (await held.objects()).filter(({ kind, cell }) => kind === 'rows' && cell === other.cell)) {
    await removeRows(held, other)
    await held.forgetObject(rows)
  }
}

/**
 * Whether anybody may still be reading who came in while the merchant was at home there: readers hold no lock. They see what is there as
 * long as it is there; requests are inside for seconds, exports for minutes.
 */
async function hasReadersInside({ sql }: Side, merchantId: string): Promise<boolean> {
  const [found] = await sql<{ inside: boolean }[]>`
    select h.state = 'moved' and (clock_timestamp() <= h.closed_at or exists (
      select from pg_stat_activity a where a.datname = current_database() and a.usename = 'souk_app' and a.xact_start < h.closed_at)) as inside
    from (select state, changed_at + interval '1 second' as closed_at from tenancy.home where merchant_id = ${merchantId}) h`
  return found?.inside ?? false
}

/** Before the switch, so that not even the first change at the new home is missing from the old one. */
async function ensureStreamBack({ held, sides }: StepContext): Promise<void> {
  const { home, other } = sidesOf(held.move, sides)
  const stream = streamName(held.move, 'back')
  const made = (await held.objects()).some(({ kind, name }) => kind === 'subscription' && name === stream)
  if (made && (await brokenStream(stream, other, home)) === undefined) return
  await dropStream(held, stream, sides)
  await publish(held, stream, other)
  await makeSlot(held, stream, other)
  await subscribe(held, stream, other, home)
}

async function comeClose(held: HeldMove, from: Side, to: Side): Promise<void> {
  const patientUntil = performance.now() + PATIENCE_MS
  for (let close = 0; close < CLOSE_TIMES && performance.now() < patientUntil; ) {
    const lagMs = await passMarker(held, from, to, MARKER_TIMEOUT_MS)
    close = lagMs !== undefined && lagMs < LAG_MAX_MS ? close + 1 : 0
    if (lagMs !== undefined) continue
    await assertWhole(streamName(held.move, held.move.direction), from, to)
    await reconnect(streamName(held.move, held.move.direction), from, to)
  }
}

async function verify(context: StepContext, home: Side, other: Side): Promise<void> {
  const { held } = context
  await assertEveryTablePublished(held, home)
  await markerPassed(held, home, other)
  const startedAt = performance.now()
  const servers = await serversOf(home, other)
  if (context.compared?.servers !== servers) {
    const { rows, restless } = await compare(held, home, other)
    context.compared = { restless, servers }
    await held.note({ verified_rows: rows, verify_ms: Math.round(performance.now() - startedAt) })
  }
  await conflictsTold(held, home, other, startedAt)
  await assertWhole(streamName(held.move, held.move.direction), home, other)
}

/** What the switch made needless. The rows that were copied are the merchant's own now. */
async function settleAfterSwitch(context: StepContext): Promise<void> {
  const { held, sides } = context
  // Of the comparison before the switch, which was the other way round.
  if (held.move.state === 'watching') delete context.compared
  await dropStream(held, streamName(held.move, 'forward'), sides)
  crashPoint('move.stream_dropped')
  await held.forgetObject({ cell: held.move.toCell, kind: 'rows', name: held.move.merchantId })
}

async function watch(context: StepContext): Promise<void> {
  const { held, sides } = context
  const { home: old, other: current } = sidesOf({ ...held.move, direction: 'forward' }, sides)
  const stream = streamName(held.move, 'back')
  const hasWayBack = held.move.figures.can_roll_back !== false
  // Again and again: the other side may have been out of reach when that was found.
  if (!hasWayBack) await dropStream(held, stream, sides)
  const broken = hasWayBack ? await brokenStream(stream, current, old) : undefined
  if (broken !== undefined) return cannotRollBack(held, `The old home is not kept up to date: ${broken}.`, sides)
  if (await closeAgain(held, old)) {
    const failure = `The server of ${old.cell} has gone back to before the switch, and was open to the merchant again until now: what was written there is there alone.`
    return cannotRollBack(held, failure, sides)
  }
  if (!hasWayBack) return
  await reconnect(stream, current, old)
  await compareAtTimes(context, old, current)
}

async function compareAtTimes({ held, sides, limits }: StepContext, old: Side, current: Side): Promise<void> {
  const { figures, seenAt } = held.move
  if (figures.watched_at !== undefined && Date.parse(figures.watched_at) + limits.compareEveryMs > seenAt.getTime()) return
  try {
    await compare(held, current, old)
    await held.note({
      can_roll_back: true,
      watched_passes: (figures.watched_passes ?? 0) + 1,
      watched_at: seenAt.toISOString(),
    })
  } catch (error) {
    if (!(error instanceof MoveFailed)) throw error
    await cannotRollBack(held, error.message, sides)
  }
}

/** Said where admins look, and the slot goes: it would keep the log of a server from being cleared. */
async function cannotRollBack(held: HeldMove, failure: string, sides: readonly Side[]): Promise<void> {
  await held.note({ can_roll_back: false }, failure)
  await dropStream(held, streamName(held.move, 'back'), sides)
}
