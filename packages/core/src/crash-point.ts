/** The moments at which a process is killed on purpose by tests: before or after a commit, or between two phases. */
export type CrashPoint =
  | 'checkout.before_claim'
  | 'checkout.claimed'
  | 'checkout.committed'
  | 'import.part_received'
  | 'import.sealed'
  | 'import.chunk_written'
  | 'import.chunk_committed'

let strike: (point: CrashPoint) => void = () => {}

/** Called where a crash is interesting. Does nothing unless a process was started to be killed there. */
export function crashPoint(point: CrashPoint): void {
  strike(point)
}

/** Tells this process what to do at crash points. For the main file of a process alone. */
export function onCrashPoint(handler: (point: CrashPoint) => void): void {
  strike = handler
}
