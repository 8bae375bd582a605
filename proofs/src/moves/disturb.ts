import { setTimeout as pause } from 'node:timers/promises'
import type { Seeded } from '../faults/seeded.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'

/** Somebody who kills what a move depends on. What is killed is started again by the world, or by PostgreSQL. */
export interface Disturbance {
  name: string
  /** How often, beside the others. */
  share: number
  /** What takes a while to come up is left alone for so long, or it would never be up. */
  restMs: number
  strike(world: MovingWorld, seeded: Seeded): Promise<void>
}

const PROCESS_REST_MS = 8_000

const endBackends =
  (kind: string): Disturbance['strike'] =>
  async ({ house }, seeded) => {
    await house.cell(seeded.pick(CELLS)).query`select pg_terminate_backend(pid) from pg_stat_activity where backend_type = ${kind}`
  }

export const DISTURBANCES: readonly Disturbance[] = [
  { name: 'API killed', share: 1, restMs: PROCESS_REST_MS, strike: ({ house }) => house.api.kill() },
  { name: 'worker and mover killed', share: 1, restMs: PROCESS_REST_MS, strike: ({ house }) => house.worker.kill() },
  { name: 'walsender killed', share: 3, restMs: 0, strike: endBackends('walsender') },
  { name: 'apply worker killed', share: 3, restMs: 0, strike: endBackends('logical replication apply worker') },
  { name: 'database killed', share: 1, restMs: PROCESS_REST_MS, strike: ({ house }, seeded) => house.killDatabase(seeded.pick(CELLS)) },
]

/** What was killed, and when, by `performance.now()`. */
export interface Stroke {
  name: string
  at: number
}

/** One of them after the other, at moments that come from the seed. */
export function disturb(world: MovingWorld, seeded: Seeded, { everyMs }: { everyMs: number }): { stop(): Promise<Stroke[]> } {
  const stopping = new AbortController()
  const strokes: Stroke[] = []
  const struckAt = new Map<Disturbance, number>()
  const all = DISTURBANCES.flatMap((disturbance) => Array.from({ length: disturbance.share }, () => disturbance))
  const rests = (disturbance: Disturbance) => performance.now() < (struckAt.get(disturbance) ?? -Infinity) + disturbance.restMs
  const disturbing = (async () => {
    while (!stopping.signal.aborted) {
      await pause(seeded.between(everyMs / 2, (everyMs * 3) / 2), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      const disturbance = seeded.pick(all)
      if (rests(disturbance)) continue
      const at = performance.now()
      struckAt.set(disturbance, at)
      // What it is aimed at may be down already.
      await disturbance.strike(world, seeded).then(
        () => strokes.push({ name: disturbance.name, at }),
        () => {},
      )
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await disturbing
      return strokes
    },
  }
}
