import { setTimeout as pause } from 'node:timers/promises'

/** Starts again whatever is down, over and over, until it is stopped: what an operator's supervisor does. */
export function supervise(revive: () => Promise<void>, everyMs: number): { stop(): Promise<void> } {
  let isStopped = false
  const watching = (async () => {
    while (!isStopped) {
      await revive().catch(() => {})
      await pause(everyMs)
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await watching
    },
  }
}
