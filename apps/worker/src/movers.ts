import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

/**
 * Carries out moves between the cells whose addresses as souk_mover are known, in a process that was given the directory's as well; in
 * others nothing. Every such process also watches over the fences of all others. In a thread of its own: while writers wait, no job's work
 * may stand between two steps of a move.
 */
export function startMovers(config: Pick<WorkerConfig, 'moverUrl'>, log: Log): { stop(): Promise<void> } {
  if (config.moverUrl === undefined) return { stop: async () => {} }
  const thread = new Worker(new URL('./mover-thread.ts', import.meta.url))
  const ended = once(thread, 'exit')
  thread.on('error', (error) => {
    log.error({ reason: 'mover', error: describeError(error) }, 'worker ends')
    process.exit(1)
  })
  return {
    stop: async () => {
      thread.postMessage('stop')
      await ended
    },
  }
}
