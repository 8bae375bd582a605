import { MOVE_CRASH_POINTS } from '@souk/tenant-router/crash-point.ts'
import type { Wrong } from '../faults/check-world.ts'
import { type Blow, type MovePoint, underBlow } from './blows.ts'
import { checkOrders, conflicts, leftBehind, waitForQuiet, watchHomes, wrongHomeWrites } from './check-moves.ts'
import { longestGap, ms } from './figures.ts'
import { CELLS, type CellName, type MovingWorld } from './moving-world.ts'
import { Shopper } from './shopper.ts'

/** One move there, and back or to its end. */
export interface CrashCase {
  forward?: Blow
  back?: Blow
}

export interface CrashReport {
  /** Blows for which the mover never came by. */
  missed: Blow[]
  /** The longest time without a confirmed order. */
  gapMs: number
  /** Of that, how long the databases that died took to serve again. */
  restoredMs: number[]
  tookMs: number
  wrong: Wrong[]
}

const BUYERS = 2
const EVERY_MS = 50
const TIMES_MAX = 20
/** Whoever dies while writers wait: somebody else sees it. */
export const WRITABLE_WITHIN_MS = 2_000
// A database that died has to be read back from its log first.
const RESTORED_WITHIN_MS = 15_000

// A way back passes what is made for a move no more; and of a move that is not taken back the old home is cleared at its end alone.
const MAKING: readonly MovePoint[] = [
  'move.preflighted',
  'move.published',
  'move.slot_made',
  'move.tables_copied',
  'move.seeded',
  'move.subscribed',
]
const CLEARING: readonly MovePoint[] = ['move.batch_removed', 'move.removed']
const SLEEPING: readonly MovePoint[] = ['move.fencing', 'move.fenced', 'move.marker_arrived', 'move.switched', 'move.arrived']
const BREAKING: readonly MovePoint[] = ['move.fenced', 'move.switched']

/** Every point there and back, as few moves as that takes. */
export function crashCases(): CrashCase[] {
  const dies = (point: MovePoint): Blow => ({ point, fate: 'mover dies' })
  const late: Blow[] = SLEEPING.map((point) => ({ point, fate: 'mover wakes late' }))
  const broken: Blow[] = BREAKING.flatMap((point) => (['source dies', 'target dies'] as const).map((fate) => ({ point, fate })))
  const there = [...MOVE_CRASH_POINTS.filter((point) => !CLEARING.includes(point)).map(dies), ...late, ...broken]
  const back = [...MOVE_CRASH_POINTS.filter((point) => !MAKING.includes(point)).map(dies), ...late, ...broken]
  const both = there.map((forward, index): CrashCase => ({ forward, ...(back[index] && { back: back[index] }) }))
  return [
    ...both,
    ...back.slice(there.length).map((blow): CrashCase => ({ back: blow })),
    ...CLEARING.map((point): CrashCase => ({ forward: dies(point) })),
  ]
}

/** A move with what happens to it, while buyers buy. */
export async function runCrashCase(world: MovingWorld, { forward, back }: CrashCase, name: string): Promise<CrashReport> {
  const shoppers = Array.from(
    { length: BUYERS },
    (_, n) => new Shopper(world.moved, { name: `${name}-${n}`, variants: world.moved.variants, everyMs: EVERY_MS }),
  )
  const shopping = Promise.all(shoppers.map((shopper) => shopper.shop()))
  const homes = watchHomes(world)
  const startedAt = performance.now()
  const restoredBefore = world.restoredMs.length
  const wrong: Wrong[] = []
  const [old, other] = (await world.home()) === CELLS[0] ? CELLS : ([CELLS[1], CELLS[0]] as const)
  let moveId = ''
  const missedThere = await underBlow(world, forward, { home: old, other }, async () => {
    moveId = await moveAsOftenAsItTakes(world, other)
    if (forward && CLEARING.includes(forward.point)) await finish(world, moveId)
  })
  wrong.push(...(await wrongHomeWrites(world)), ...(await conflicts(world)))
  const missedBack = back && (await underBlow(world, back, { home: other, other: old }, () => returnAsOftenAsItTakes(world, moveId)))
  if (!back && (!forward || !CLEARING.includes(forward.point))) await finish(world, moveId)
  const endedAt = performance.now()
  for (const shopper of shoppers) shopper.stop()
  await shopping
  wrong.push(...(await homes.stop()))
  const home = world.house.cell(await world.home())
  wrong.push(...(await waitForQuiet(home, world.moved)), ...(await checkOrders(home, world.moved, shoppers)), ...(await leftBehind(world)))
  wrong.push(...shoppers.flatMap(({ refused }) => refused.map((of) => ({ what: 'a buyer was refused', of }))))
  const confirmedAt = shoppers.flatMap(({ confirmed }) => confirmed.map(({ at }) => at))
  const missed = [missedThere, missedBack].filter((blow) => blow !== undefined)
  return {
    missed,
    gapMs: longestGap(confirmedAt, { from: startedAt, to: endedAt }),
    restoredMs: world.restoredMs.slice(restoredBefore),
    tookMs: performance.now() - startedAt,
    wrong,
  }
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

async function finish(world: MovingWorld, moveId: string): Promise<void> {
  await world.finish(moveId)
  await world.until(moveId, ['done'])
}

/** All of the cases from the nth on, or those that have to do with a point. Prints a line for each. */
export async function runCrashes(
  world: MovingWorld,
  seed: number,
  { only, from }: { only?: string | undefined; from: number },
): Promise<boolean> {
  const all = [...crashCases().entries()].slice(from - 1)
  const cases = all.filter(([, each]) => only === undefined || [each.forward, each.back].some((blow) => blow?.point === only))
  let isRight = cases.length > 0
  for (const [index, each] of cases) {
    const { missed, gapMs, restoredMs, tookMs, wrong } = await runCrashCase(world, each, `crash-${seed}-${index}`)
    const mayLast = [each.forward, each.back].some((blow) => blow?.fate === 'source dies' || blow?.fate === 'target dies')
      ? RESTORED_WITHIN_MS
      : WRITABLE_WITHIN_MS
    const isFine = missed.length === 0 && wrong.length === 0 && gapMs <= mayLast
    isRight &&= isFine
    const seconds = (tookMs / 1_000).toFixed(0)
    const restored = restoredMs.length === 0 ? '' : ` (a database was back after ${restoredMs.map(ms).join(' and ')} ms)`
    console.log(
      `${String(index + 1).padStart(2)} ${isFine ? 'ok   ' : 'WRONG'} ${told(each).padEnd(96)} no order for ${ms(gapMs)} ms at most${restored}, ${seconds} s`,
    )
    for (const blow of missed) console.log(`      the mover never came by ${blow.point}`)
    for (const { what, of } of wrong) console.log(`      ${what}: ${JSON.stringify(of).slice(0, 1_000)}`)
  }
  return isRight
}

function told({ forward, back }: CrashCase): string {
  const way = (direction: string, blow: Blow | undefined) => (blow ? [`${direction}: ${blow.fate} at ${blow.point}`] : [])
  return [...way('there', forward), ...way('back', back)].join('; ')
}
