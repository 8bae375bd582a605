import { setTimeout as pause } from 'node:timers/promises'
import type { Wrong } from '../faults/check-world.ts'
import { checkOrders, leftBehind, waitForQuiet, wrongHomeWrites } from './check-moves.ts'
import { longestGap, ms } from './figures.ts'
import { CELLS, type CellName, type MovingWorld } from './moving-world.ts'
import { Shopper } from './shopper.ts'

/** Where movers can die, each once on the way there and, where a way back passes it too, once on the way back. */
export const CRASH_POINTS = {
  forward: [
    'move.claimed',
    'move.preflighted',
    'move.object_noted',
    'move.published',
    'move.slot_made',
    'move.tables_copied',
    'move.seeded',
    'move.subscribed',
    'move.caught_up',
    'move.verified',
    'move.fencing',
    'move.fenced',
    'move.marker_arrived',
    'move.switched',
    'move.arrived',
    'move.departed',
    'move.opened',
    'move.stream_dropped',
    'move.batch_removed',
    'move.removed',
    'move.forgotten',
  ],
  back: [
    'move.claimed',
    'move.fencing',
    'move.fenced',
    'move.marker_arrived',
    'move.switched',
    'move.arrived',
    'move.departed',
    'move.opened',
    'move.batch_removed',
    'move.removed',
    'move.forgotten',
  ],
} as const

export interface CrashReport {
  point: string
  direction: 'forward' | 'back'
  /** False: the mover never came by that point. */
  died: boolean
  /** The longest time without a confirmed order. */
  gapMs: number
  wrong: Wrong[]
}

const BUYERS = 2
const EVERY_MS = 50
const TIMES_MAX = 20
// In these the merchant's home changes: whoever is killed there leaves writers waiting until somebody else sees it.
const WRITABLE_WITHIN_MS = 2_000

/** A move there, and back or to its end, with the mover killed at that point. */
export async function crashAt(world: MovingWorld, point: string, direction: 'forward' | 'back', name: string): Promise<CrashReport> {
  const shoppers = Array.from(
    { length: BUYERS },
    (_, n) => new Shopper(world.moved, { name: `${name}-${n}`, variants: world.moved.variants, everyMs: EVERY_MS }),
  )
  const shopping = Promise.all(shoppers.map((shopper) => shopper.shop()))
  const to = (await world.home()) === CELLS[0] ? CELLS[1] : CELLS[0]
  const startedAt = performance.now()
  if (direction === 'forward') await arm(world, point)
  const id = await moveAsOftenAsItTakes(world, to)
  const wrong = await wrongHomeWrites(world)
  if (direction === 'back') {
    await arm(world, point)
    await returnAsOftenAsItTakes(world, id)
  } else {
    await world.finish(id)
    await world.until(id, ['done'])
  }
  const endedAt = performance.now()
  const died = world.workerDiedAt(point)
  for (const shopper of shoppers) shopper.stop()
  await shopping
  const home = world.house.cell(await world.home())
  wrong.push(...(await waitForQuiet(home, world.moved)), ...(await checkOrders(home, world.moved, shoppers)), ...(await leftBehind(world)))
  wrong.push(...shoppers.flatMap(({ refused }) => refused.map((of) => ({ what: 'a buyer was refused', of }))))
  const confirmedAt = shoppers.flatMap(({ confirmed }) => confirmed.map(({ at }) => at))
  return { point, direction, died, gapMs: longestGap(confirmedAt, { from: startedAt, to: endedAt }), wrong }
}

/** A move gives up where writers would have to wait for too long, as on a machine that has too much to do. Then it is asked for again. */
async function moveAsOftenAsItTakes(world: MovingWorld, to: CellName): Promise<string> {
  for (let time = 1; ; time++) {
    const { id } = await world.move(to)
    const { state } = await world.until(id, time < TIMES_MAX ? ['watching', 'aborted'] : ['watching'])
    if (state === 'watching') return id
  }
}

async function returnAsOftenAsItTakes(world: MovingWorld, moveId: string): Promise<void> {
  for (let time = 1; ; time++) {
    await world.rollBack(moveId)
    const { state } = await world.until(moveId, time < TIMES_MAX ? ['rolled_back', 'watching'] : ['rolled_back'])
    if (state === 'rolled_back') return
  }
}

/** The next worker dies at that point, and the one after it lives. */
async function arm(world: MovingWorld, point: string): Promise<void> {
  world.crashNextWorkerAt = point
  await world.house.worker.kill()
  while (world.crashNextWorkerAt !== undefined) await pause(10)
}

/** Every point in both directions. Prints a line for each. */
export async function runCrashes(world: MovingWorld, seed: number): Promise<boolean> {
  const cases = (['forward', 'back'] as const).flatMap((direction) => CRASH_POINTS[direction].map((point) => ({ direction, point })))
  let isRight = true
  for (const [index, { direction, point }] of cases.entries()) {
    const report = await crashAt(world, point, direction, `crash-${seed}-${index}`)
    const isFine = report.died && report.wrong.length === 0 && report.gapMs <= WRITABLE_WITHIN_MS
    isRight &&= isFine
    const died = report.died ? '' : '  NEVER CAME BY'
    console.log(
      `${isFine ? 'ok   ' : 'WRONG'} ${direction.padEnd(8)} ${point.padEnd(22)} no order for ${ms(report.gapMs)} ms at most${died}`,
    )
    for (const { what, of } of report.wrong) console.log(`      ${what}: ${JSON.stringify(of).slice(0, 1_000)}`)
  }
  return isRight
}
