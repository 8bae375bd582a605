import { assertSafeRole, UnsafeRole } from './boot-check.ts'

interface Addresses {
  /** A read replica, which a cell can do without. */
  replica?: string | undefined
}

export interface SortedCells<Urls> {
  /** What may be used. */
  safe: Record<string, Urls>
  /** What could not be looked at yet: cells that do not answer, or whose replica does not. */
  away: string[]
}

/**
 * Tells which cells a process may use: those whose roles it has seen, and which cannot reach past row security. A cell that does not
 * answer keeps no other from being served; it is asked again the next time. A role that was once found to be safe is not asked again.
 */
export class SafeCells<Urls extends Addresses> {
  readonly #needed: (cell: Urls) => string[]
  readonly #onAway: (cell: string, error: unknown) => void
  readonly #seen = new Set<string>()

  constructor(needed: (cell: Urls) => string[], onAway: (cell: string, error: unknown) => void) {
    this.#needed = needed
    this.#onAway = onAway
  }

  /** Throws UnsafeRole where a role is found that must not be used. */
  async sort(cells: Record<string, Urls>): Promise<SortedCells<Urls>> {
    const safe: Record<string, Urls> = {}
    const away: string[] = []
    const look = async ([name, urls]: [string, Urls]) => {
      const { replica } = urls
      const answers = await Promise.all(this.#needed(urls).map((url) => this.#isSafe(name, url)))
      const replicaAnswers = replica === undefined || (await this.#isSafe(name, replica))
      if (!answers.every(Boolean) || !replicaAnswers) away.push(name)
      if (answers.every(Boolean)) safe[name] = replicaAnswers ? urls : { ...urls, replica: undefined }
    }
    const looks = await Promise.allSettled(Object.entries(cells).map(look))
    for (const outcome of looks) if (outcome.status === 'rejected') throw outcome.reason
    return { safe, away: away.sort() }
  }

  async #isSafe(cell: string, url: string): Promise<boolean> {
    if (this.#seen.has(url)) return true
    try {
      await assertSafeRole(url)
      this.#seen.add(url)
      return true
    } catch (error) {
      if (error instanceof UnsafeRole) throw error
      this.#onAway(cell, error)
      return false
    }
  }
}
