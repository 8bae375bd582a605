import { type HeldMove, PIECE_MS } from './held-move.ts'

const FIRST = 1_000
const LEAST = 500
const MOST = 10_000
const FACTOR_MAX = 2

/** How many rows long work does at once: as many as take about the time of a piece, on this machine and of these rows. */
export class RowsAtOnce {
  readonly #held: HeldMove
  #rows = FIRST

  constructor(held: HeldMove) {
    this.#held = held
  }

  /** A piece of so many rows at most, and a rest after it. `count` is how many there were. */
  async piece<Done extends { count: number }>(work: (atMost: number) => PromiseLike<Done>): Promise<Done & { isLast: boolean }> {
    const atMost = this.#rows
    const startedAt = performance.now()
    const done = await work(atMost)
    const tookMs = performance.now() - startedAt
    const isLast = done.count < atMost
    // Of few rows nothing is learnt: what they took was mostly the beginning.
    if (!isLast) {
      const factor = Math.min(FACTOR_MAX, Math.max(1 / FACTOR_MAX, PIECE_MS / tookMs))
      this.#rows = Math.min(MOST, Math.max(LEAST, Math.round(atMost * factor)))
    }
    await this.#held.rest(tookMs)
    return { ...done, isLast }
  }
}
