import { type MoveFacts, Mover } from '@souk/tenant-router/moves/mover.ts'
import type { WorkerConfig } from './config.ts'
import type { Log } from './log.ts'

/**
 * Carries out moves between the cells whose addresses as souk_mover are known, in a process that was given the directory's as well; in
 * others nothing. Every such process also watches over the fences of all others.
 */
export function startMovers(config: WorkerConfig, log: Log): { stop(): Promise<void> } {
  const { moverUrl, moveWatchMs } = config
  if (moverUrl === undefined) return { stop: async () => {} }
  const mover = new Mover({
    directoryUrl: moverUrl,
    cells: () =>
      Object.fromEntries(
        Object.entries(config.readCells?.() ?? config.cells).flatMap(([name, { mover, replication }]) =>
          mover === undefined ? [] : [[name, { mover, replication }]],
        ),
      ),
    log: {
      info: (facts, message) => log.info(told(facts), message),
      warn: (facts, message) => log.warn(told(facts), message),
    },
    limits: moveWatchMs === undefined ? {} : { watchMs: moveWatchMs },
  })
  mover.start()
  return { stop: () => mover.stop() }
}

function told({ moveId, merchantId, state, direction, error }: MoveFacts) {
  return {
    task: 'move',
    ...(moveId !== undefined && { jobId: moveId }),
    ...(merchantId !== undefined && { merchantId }),
    ...(state !== undefined && { outcome: direction === undefined ? state : `${state} ${direction}` }),
    ...(error !== undefined && { error }),
  }
}
