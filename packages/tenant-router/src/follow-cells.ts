import type { CellEntry } from './directory.ts'

export interface CellFollower {
  /** Looks again. What is asked meanwhile is answered by one more look after this one. */
  refresh(): Promise<void>
  close(): void
}

const LOOK_AGAIN_EVERY_MS = 5_000

/**
 * Keeps what a process does with cells in step with where they are: addresses come from a secret that may change while it
 * runs, and a cell that was retired is served no more. `apply` is given all addresses that count now, whenever they are
 * others than before, and again if it answered false: not all of them could be used yet. Looks when `refresh` is called, and every
 * five seconds besides: a secret may arrive after the directory has announced its cell. A look that fails leaves everything as it was.
 */
export function followCells<Urls>(options: {
  known: Record<string, Urls>
  read: () => Record<string, Urls>
  cells: () => Promise<CellEntry[]>
  apply: (addresses: Record<string, Urls>) => Promise<unknown>
  onError: (error: unknown) => void
}): CellFollower {
  let applied = JSON.stringify(options.known)
  let closed = false
  let looking: Promise<void> | undefined
  let again = false

  const look = async (): Promise<void> => {
    const retired = new Set((await options.cells()).filter((cell) => cell.status === 'retired').map((cell) => cell.name))
    const addresses = Object.fromEntries(Object.entries(options.read()).filter(([name]) => !retired.has(name)))
    const text = JSON.stringify(addresses)
    if (closed || text === applied) return
    const isWhole = (await options.apply(addresses)) !== false
    applied = isWhole ? text : ''
  }
  const lookUntilDone = async (): Promise<void> => {
    do {
      again = false
      await look().catch(options.onError)
    } while (again && !closed)
    looking = undefined
  }
  const refresh = async (): Promise<void> => {
    if (closed) return
    again = looking !== undefined
    looking ??= lookUntilDone()
    await looking
  }
  const timer = setInterval(refresh, LOOK_AGAIN_EVERY_MS).unref()
  return {
    refresh,
    close: () => {
      closed = true
      clearInterval(timer)
    },
  }
}
