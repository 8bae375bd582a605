import { setTimeout as pause } from 'node:timers/promises'
import type { Seeded } from '../faults/seeded.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'

/** Somebody who kills what a move depends on. What is killed is started again by the world, or by PostgreSQL. */
export interface Disturbance {
  name: string
  strike(world: MovingWorld, seeded: Seeded): Promise<void>
}

const endBackends =
  (kind: string): Disturbance['strike'] =>
  async ({ house }, seeded) => {
    await house.cell(seeded.pick(CELLS)).query`select pg_terminate_backend(pid) from pg_stat_activity where backend_type = ${kind}`
  }

export const DISTURBANCES: readonly Disturbance[] = [
  { name: 'API killed', strike: ({ house }) => house.api.kill() },
  { name: 'worker and mover killed', strike: ({ house }) => house.worker.kill() },
  { name: 'walsender killed', strike: endBackends('walsender') },
  { name: 'apply worker killed', strike: endBackends('logical replication apply worker') },
  { name: 'database killed', strike: ({ house }, seeded) => house.killDatabase(seeded.pick(CELLS)) },
]

/** One of them after the other, at moments that come from the seed. Answers how often each struck. */
export function disturb(world: MovingWorld, seeded: Seeded, { everyMs }: { everyMs: number }): { stop(): Promise<Record<string, number>> } {
  const stopping = new AbortController()
  const struck: Record<string, number> = {}
  const disturbing = (async () => {
    while (!stopping.signal.aborted) {
      await pause(seeded.between(everyMs / 2, (everyMs * 3) / 2), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      const { name, strike } = seeded.pick(DISTURBANCES)
      // What it is aimed at may be down already.
      await strike(world, seeded).then(
        () => {
          struck[name] = (struck[name] ?? 0) + 1
        },
        () => {},
      )
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await disturbing
      return struck
    },
  }
}
