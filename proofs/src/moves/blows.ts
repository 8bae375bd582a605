import { setTimeout as pause } from 'node:timers/promises'
import type { MOVE_CRASH_POINTS } from '@souk/tenant-router/crash-point.ts'
import postgres from 'postgres'
import type { CellName, MovingWorld } from './moving-world.ts'

export type MovePoint = (typeof MOVE_CRASH_POINTS)[number]

/** What happens to a move, and where. The mover stands still at the point meanwhile. */
export interface Blow {
  point: MovePoint
  fate: 'mover dies' | 'mover wakes late' | 'source dies' | 'target dies'
}

/** Where the merchant lives before the switch, and the other one. */
interface Cells {
  home: CellName
  other: CellName
}

const LATE_MS = 3_000
const STRUCK_WITHIN_MS = 60_000
// Only who has to lift a fence passes these: a writer who takes too long sees to it.
const LIFTING: readonly MovePoint[] = ['move.unfencing', 'move.lifted']

/** Does something with somebody lying in wait for the mover, and waits until the blow has fallen. Answers the blow if it never fell. */
export async function underBlow(
  world: MovingWorld,
  blow: Blow | undefined,
  cells: Cells,
  act: () => Promise<void>,
): Promise<Blow | undefined> {
  if (!blow) {
    await act()
    return undefined
  }
  const slow = LIFTING.includes(blow.point) ? await slowWriter(world, cells.home) : undefined
  const ambush = await world.arm(blow.point, async () => {
    await FATES[blow.fate](world, cells)
    await slow?.end()
  })
  try {
    await act()
    const end = performance.now() + STRUCK_WITHIN_MS
    while (!ambush.hasStruck && performance.now() < end) await pause(20)
    return ambush.hasStruck ? undefined : blow
  } finally {
    await Promise.all([ambush.end(), slow?.end()])
  }
}

const FATES: Record<Blow['fate'], (world: MovingWorld, cells: Cells) => Promise<void>> = {
  'mover dies': ({ house }) => house.worker.kill(),
  'mover wakes late': async ({ house }) => {
    await pause(LATE_MS)
    house.worker.wake()
  },
  'source dies': async ({ house }, { home }) => {
    await house.killDatabase(home)
    house.worker.wake()
  },
  'target dies': async ({ house }, { other }) => {
    await house.killDatabase(other)
    house.worker.wake()
  },
}

/** A transaction of the merchant that goes on until it is ended: no fence comes up before that. */
async function slowWriter(world: MovingWorld, home: CellName): Promise<{ end(): Promise<void> }> {
  const sql = postgres(world.house.cell(home).adminUrl, { max: 1, onnotice: () => {} })
  const connection = await sql.reserve()
  await connection`begin`
  await connection`select pg_advisory_xact_lock_shared(hashtextextended(${world.moved.id}, 4242))`
  return { end: () => sql.end({ timeout: 0 }) }
}
