import { setTimeout as pause } from 'node:timers/promises'
import type { CrashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Armed } from '../../crash-orders.ts'
import { checkWorld, type Wrong } from '../check-world.ts'
import { waitForQuiet } from '../run-case.ts'
import type { World } from '../world.ts'
import { type Deed, NotAnswered, Stage } from './stage.ts'

/** Where a process dies while a deed is done. */
export interface Place {
  by: Armed
  point: CrashPoint
  /** The pass of it, since the deed has begun. */
  nth: number
}

export function keyOf({ by, point, nth }: Place): string {
  return `${by} at ${point}:${nth}`
}

export interface DeathReport {
  deed: string
  place: Place | undefined
  /** It came by the point, and died. What does not have to happen in the same order each time may not. */
  died: boolean
  ms: number
  wrong: Wrong[]
}

const PROCESSES = ['api', 'worker'] as const
const UP_WITHIN_MS = 120_000

let stages = 0

/** Does a deed with nobody dying, and answers where somebody could: of what it does again and again, the first time, or so many. */
export async function rehearse(world: World, deed: Deed, passes = 1): Promise<{ places: Place[]; report: DeathReport }> {
  const report = await perform(world, deed, undefined)
  const places = PROCESSES.flatMap((by) => placesOf(by, world.orders.passed(by), passes))
  return { places, report }
}

/** Does a deed while somebody dies there, and looks at everything that must hold afterwards. */
export function dieAt(world: World, deed: Deed, place: Place): Promise<DeathReport> {
  return perform(world, deed, place)
}

async function perform(world: World, deed: Deed, place: Place | undefined): Promise<DeathReport> {
  const started = performance.now()
  const begin = () => {
    for (const by of PROCESSES) world.orders.passed(by)
    if (place) world.orders.give(place.by, place)
  }
  const wrong: Wrong[] = []
  await world.signIn()
  const clients = { staff: world.shop.staff, platform: await world.house.signInAdmin() }
  const stage = new Stage(world, `deed-${++stages}`, clients, begin)
  try {
    await deed.act(stage)
  } catch (error) {
    // Whatever else it is, it is this deed's, and the others are tried.
    const what = error instanceof NotAnswered ? error.message : String((error as Error).stack)
    wrong.push({ what, of: { deed: deed.name, place } })
  }
  wrong.push(...(await waitForQuiet(world)))
  const died = place !== undefined && !world.orders.isOpen(place.by)
  await world.heal()
  wrong.push(...(await allUp(world)))
  await clients.platform.close()
  wrong.push(...(await waitForQuiet(world)))
  wrong.push(...(await checkWorld(world, [stage])))
  return { deed: deed.name, place, died, ms: performance.now() - started, wrong }
}

/** A process that has died is up again. */
async function allUp(world: World): Promise<Wrong[]> {
  const end = performance.now() + UP_WITHIN_MS
  while (performance.now() < end) {
    if (world.house.worker.isRunning && (await world.isServing())) return []
    await pause(50)
  }
  return [{ what: 'the platform does not come up again', of: world.restarts }]
}

function placesOf(by: Armed, passed: readonly string[], passes: number): Place[] {
  const times = new Map<string, number>()
  for (const point of passed) times.set(point, (times.get(point) ?? 0) + 1)
  return [...times].flatMap(([point, count]) =>
    Array.from({ length: Math.min(count, passes) }, (_, index) => ({ by, point: point as CrashPoint, nth: index + 1 })),
  )
}
