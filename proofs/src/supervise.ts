import { setTimeout as pause } from 'node:timers/promises'

/**
 * Starts again whatever is down, over and over, until it is stopped: what an operator's supervisor does. Each part by itself: one that
 * takes its time may be waiting for another that is down.
 */
export function supervise(parts: readonly (() => Promise<void>)[], everyMs: number): { stop(): Promise<void> } {
  let isStopped = false
  const watching = parts.map(async (revive) => {
    while (!isStopped) {
      await revive().catch(() => {})
      await pause(everyMs)
    }
  })
  return {
    stop: async () => {
      isStopped = true
      await Promise.all(watching)
    },
  }
}
