import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import { errorCode } from '../door-error.ts'
import { epochsOf, type Side, sidesOf } from './cell-sides.ts'
import { assertRowsEqual, type RestlessRow } from './compare.ts'
import { FENCE_ATTEMPTS_MAX, type HeldMove, MoveFailed, type MoverMove } from './held-move.ts'
import { waitForMarker } from './markers.ts'

/** All that writers may have to wait. When it is over, anybody may lift the fence. */
export const FENCE_BUDGET_MS = 1_000
export const WATCH_MS = 24 * 60 * 60 * 1_000
const ARRIVAL_POLL_MS = 5
const ARRIVAL_TIMEOUT_MS = 5_000

/**
 * The only part of a move in which writers wait. At home they drain and find a fence; the fence's marker, committed last, has arrived
 * when everything before it has; rows that never came to rest are compared; then the directory changes the home, if the fence
 * still stands, and the new home opens. Whatever goes wrong before the directory has changed is taken back.
 */
export async function switchHome(held: HeldMove, sides: readonly Side[], restless: readonly RestlessRow[], watchMs: number): Promise<void> {
  const { home, other } = sidesOf(held.move, sides)
  const epochs = epochsOf(held.move)
  const { id, merchantId } = held.move
  const fence = await held.beginFence(FENCE_BUDGET_MS)
  crashPoint('move.fencing')
  const startedAt = performance.now()
  let drainedAt = startedAt
  let arrivedAt = startedAt
  try {
    await home.sql`select tenancy.fence(${merchantId}, ${epochs.old.toString()}, ${fence.toString()})`
    drainedAt = performance.now()
    crashPoint('move.fenced')
    if (!(await waitForMarker(other, merchantId, fence, FENCE_BUDGET_MS - (drainedAt - startedAt))))
      throw new Error('The last change did not arrive in time.')
    arrivedAt = performance.now()
    crashPoint('move.marker_arrived')
    await assertRowsEqual(held, home, other, restless)
    await held.directory`
      select platform.switch_home(${id}, ${fence.toString()}, ${held.owner}, ${watchMs} * interval '1 millisecond')`
  } catch (error) {
    // Also while this process is being stopped: nobody is left waiting.
    await held.takeBackFence(reasonOf(error), error instanceof MoveFailed)
    await liftFence(held.directory, held.move, sides)
    await held.reload()
    return
  }
  crashPoint('move.switched')
  await arrive(held.move, other)
  const openedAt = performance.now()
  await held.note(
    {
      write_pause_ms: rounded(openedAt - startedAt),
      drain_ms: rounded(drainedAt - startedAt),
      marker_ms: rounded(arrivedAt - drainedAt),
      flip_ms: rounded(openedAt - arrivedAt),
      fence_attempts: held.move.fenceAttempts,
      compared_under_fence: restless.length,
    },
    null,
  )
  await held.reload()
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
 * Completes a switch that the directory has: opens the new home, which has everything, and closes the old one. Only ever forward. Anybody
 * may, and several at once.
 */
export async function completeSwitch(directory: postgres.Sql, move: MoverMove, sides: readonly Side[]): Promise<void> {
  const { home, other } = sidesOf(move, sides)
  const { merchantId } = move
  await arrive(move, other)
  await home.sql`select tenancy.depart(${merchantId}, ${epochsOf(move).new.toString()})`
  crashPoint('move.departed')
  await other.sql`
    select queue.adopt_merchant(${merchantId}, coalesce((select event_sequence from public.merchant_counter where merchant_id = ${merchantId}), 0))`
  await directory`
    update platform.move
    set state = ${move.direction === 'forward' ? 'watching' : 'retiring'}, state_since = clock_timestamp(), updated_at = clock_timestamp(), fence_attempts = 0
    where id = ${move.id} and state = 'switched' and fence = ${String(move.fence)}`
  crashPoint('move.opened')
}

async function arrive(move: MoverMove, other: Side): Promise<void> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS
  for (;;) {
    try {
      await other.sql`select tenancy.arrive(${move.merchantId}, ${epochsOf(move).new.toString()}, ${String(move.fence)})`
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
