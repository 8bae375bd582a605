const FIRST_SECONDS = 5
const SECONDS_MAX = 600

/** When to ask again after so many calls: 5 s after the first, then twice as long each time, and never longer than ten minutes. */
export function secondsUntilNext(attempts: number): number {
  return Math.min(FIRST_SECONDS * 2 ** Math.min(Math.max(attempts - 1, 0), 10), SECONDS_MAX)
}
