import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { lostSide, type MoverAddress, openSide, type Side } from './cell-sides.ts'
import { MOVER_COLUMNS, type MoverMove, type MoverRow, toMoverMove } from './held-move.ts'
import type { MoverLog } from './mover.ts'
import { completeSwitch, liftFence, reasonOf } from './switch-home.ts'

const ROUND_MS = 200
// A switch takes some ten milliseconds; one that is older was left by somebody who died.
const SWITCH_OVERDUE_MS = 300

/**
 * Sees to it that no merchant waits for a mover who has died: it takes back every fence whose time is over, first in the directory,
 * so that the one who put it up can no longer switch, and completes every switch that was left half done.
 */
export class Watchdog {
  readonly #directory: postgres.Sql
  readonly #cells: () => Readonly<Record<string, MoverAddress>>
  readonly #log: MoverLog
  readonly #sides = new Map<string, { side: Side; address: string }>()
  // By the move: a database that does not answer keeps nobody waiting who lives elsewhere.
  readonly #relieving = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  #loop: Promise<void> | undefined

  constructor(directory: postgres.Sql, cells: () => Readonly<Record<string, MoverAddress>>, log: MoverLog) {
    this.#directory = directory
    this.#cells = cells
    this.#log = log
  }

  start(): void {
    this.#loop ??= this.#rounds()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all([...this.#sides.values()].map(({ side }) => side.sql.end({ timeout: 1 })))
    await Promise.all(this.#relieving.values())
  }

  async #rounds(): Promise<void> {
    let reported = false
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#round()
        reported = false
      } catch (error) {
        if (!reported) this.#log.warn({ error: reasonOf(error) }, 'fences not looked at, trying on')
        reported = true
      }
      await sleep(ROUND_MS, undefined, { signal: this.#stopping.signal }).catch(() => {})
    }
  }

  async #round(): Promise<void> {
    await this.#directory`
      update platform.move
      set state = 'unfencing', state_since = clock_timestamp(), updated_at = clock_timestamp(), failure = 'The time in which writers may wait was over.'
      where state = 'fencing' and fence_until <= clock_timestamp()`
    const known = Object.keys(this.#cells())
    const rows = await this.#directory<MoverRow[]>`
      select ${this.#directory.unsafe(MOVER_COLUMNS)} from platform.move
      where (from_cell = any(${known}) or from_cell = lost_cell) and (to_cell = any(${known}) or to_cell = lost_cell) and (
        state = 'unfencing' or state = 'switched' and state_since < clock_timestamp() - ${SWITCH_OVERDUE_MS} * interval '1 millisecond')`
    for (const row of rows) {
      if (this.#relieving.has(row.id)) continue
      const relieved = this.#relieve(toMoverMove(row)).finally(() => this.#relieving.delete(row.id))
      this.#relieving.set(row.id, relieved)
    }
  }

  async #relieve(move: MoverMove): Promise<void> {
    try {
      const sides = [move.fromCell, move.toCell].map((cell) => (cell === move.lostCell ? lostSide(cell) : this.#side(cell)))
      if (move.state === 'unfencing') await liftFence(this.#directory, move, sides)
      else await completeSwitch(this.#directory, move, sides)
    } catch (error) {
      this.#log.warn({ moveId: move.id, state: move.state, error: reasonOf(error) }, 'a merchant waits, trying on')
    }
  }

  #side(cell: string): Side {
    const address = this.#cells()[cell]!
    const open = this.#sides.get(cell)
    if (open?.address === address.mover) return open.side
    void open?.side.sql.end({ timeout: 1 })
    const side = openSide(cell, address, 'souk-move-watchdog')
    this.#sides.set(cell, { side, address: address.mover })
    return side
  }
}
