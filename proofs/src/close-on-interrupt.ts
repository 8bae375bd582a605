/**
 * Whoever interrupts a proof leaves nothing running: the platform's processes would outlive it. However often it is told: the terminal
 * does, and the process above, and a second signal must not end the closing.
 */
export function closeOnInterrupt(close: () => Promise<void>): void {
  let isClosing = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (isClosing) return
      isClosing = true
      void close().finally(() => process.exit(130))
    })
}
