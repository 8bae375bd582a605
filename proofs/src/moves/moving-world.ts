import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type CrashPoint, standsStill } from '@souk/tenant-router/crash-point.ts'
import { finishMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from '@souk/tenant-router/moves/move.ts'
import { Watchdog } from '@souk/tenant-router/moves/watchdog.ts'
import postgres from 'postgres'
import { stockShop } from '../goods.ts'
import { House, type Shop } from '../house.ts'
import { openAccount } from '../sandbox-account.ts'
import { supervise } from '../supervise.ts'

export const CELLS = ['shared-1', 'shared-2'] as const
export type CellName = (typeof CELLS)[number]

/** A shop with goods, and a card payment account. */
export interface StockedShop extends Shop {
  variants: string[]
  accountId: string
}

export interface WorldOptions {
  /** Both cells are databases of one server. */
  oneServer?: boolean
  /** How many goods each shop has. */
  goods?: number
  /** How much of a move's time goes into work: all of it, so that a proof does not wait, or 'default', as merchants have it. */
  workPercent?: number | 'default'
  /** Further environment of all processes. */
  further?: Record<string, string>
}

/** Somebody waits for a worker at a crash point. */
export interface Ambush {
  readonly hasStruck: boolean
  /** Waits no longer; what has begun is finished. */
  end(): Promise<void>
}

const STOCK = 10_000_000
const AMBUSHED_EVERY_MS = 2
const WATCHED_EVERY_MS = 20
// Seldom enough that neighbours do not feel who asks, which happens while somebody moves alone.
const ASKED_EVERY_MS = 200
const MOVE_WITHIN_MS = 900_000
const LOCK_WAIT = /still waiting for|holding the lock|acquired .* after|due to (lock|statement) timeout/
const SLUGS = ['mover', 'neighbour-one', 'neighbour-two'] as const

/** The platform with two clusters, a shop that is moved between them, two that stay, and somebody who starts again what died. */
export class MovingWorld {
  readonly house: House
  readonly moved: StockedShop
  readonly neighbours: StockedShop[]
  readonly restarts: Record<string, number> = {}
  /** How long each database that had died took to serve again, in milliseconds. */
  readonly restoredMs: number[] = []
  #nextWorkerStopsAt: CrashPoint | undefined
  readonly #directory: postgres.Sql
  /** What a second worker would bring: whoever dies while writers wait is relieved at once. */
  readonly #watchdog: Watchdog
  readonly #watchdogDirectory: postgres.Sql
  readonly #watching: { stop(): Promise<void> }

  /** When the directory announced a change of the shop that moves: above all a new home. Milliseconds of `performance.now()`. */
  readonly announcedAt: number[] = []
  readonly #announcing: Promise<unknown>

  private constructor(house: House, shops: StockedShop[]) {
    this.house = house
    this.moved = shops[0]!
    this.neighbours = shops.slice(1)
    this.#directory = postgres(house.url('souk_platform'), { max: 2, onnotice: () => {}, backoff: () => 0.1 })
    this.#announcing = this.#directory.listen('souk_directory', (id) => {
      if (id === this.moved.id) this.announcedAt.push(performance.now())
    })
    this.#watchdogDirectory = postgres(house.url('souk_mover'), { max: 2, onnotice: () => {}, backoff: () => 0.1 })
    const addresses = Object.fromEntries(CELLS.map((name) => [name, { mover: house.cell(name).url('souk_mover') }]))
    this.#watchdog = new Watchdog(this.#watchdogDirectory, () => addresses, { info: () => {}, warn: () => {} })
    this.#watchdog.start()
    const servers = new Map(CELLS.map((cell) => [house.cell(cell).dataDir, cell]))
    this.#watching = supervise(
      [...[...servers.values()].map((cell) => () => this.#reviveDatabase(cell)), () => this.#reviveWorker(), () => this.#reviveApi()],
      WATCHED_EVERY_MS,
    )
  }

  static async open({ further = {}, goods: howMany = 3, workPercent = 100, ...options }: WorldOptions = {}): Promise<MovingWorld> {
    const house = await House.open({ paymentProvider: true, cells: CELLS.length, ...options })
    house.further = { ...further, ...(workPercent !== 'default' && { SOUK_MOVE_WORK_PERCENT: String(workPercent) }) }
    try {
      await house.startApi()
      house.startWorker()
      const shops = []
      for (const slug of SLUGS) {
        const shop = await house.addShop({ slug })
        const goods = Array.from({ length: howMany }, (_, index) => ({
          handle: `good-${index}`,
          price: `${4 + (index % 9)}.50`,
          stock: STOCK,
        }))
        const variants = [...(await stockShop(house, shop, goods)).values()]
        shops.push({ ...shop, variants, accountId: (await openAccount(house, shop)).id })
      }
      return new MovingWorld(house, shops)
    } catch (error) {
      await house.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#announcing
    await this.#watching.stop()
    await this.#watchdog.stop()
    await Promise.all([this.#directory, this.#watchdogDirectory].map((sql) => sql.end({ timeout: 5 })))
    await this.house.close()
  }

  /** The next worker stands still at that point, once; what `strike` does then decides how it goes on. Begins with a new worker. */
  async arm(point: CrashPoint, strike: (world: MovingWorld) => Promise<void>): Promise<Ambush> {
    const { worker } = this.house
    while (!worker.isRunning) await pause(WATCHED_EVERY_MS)
    this.#nextWorkerStopsAt = point
    await worker.kill()
    while (this.#nextWorkerStopsAt !== undefined) await pause(10)
    const said = standsStill(point, worker.pid)
    const ambush = { hasStruck: false, isOver: false, end: async () => {} }
    const lying = (async () => {
      while (!ambush.isOver && !worker.output.includes(said)) await pause(AMBUSHED_EVERY_MS)
      if (ambush.isOver) return
      await strike(this)
      ambush.hasStruck = true
    })()
    ambush.end = async () => {
      ambush.isOver = true
      await lying
    }
    return ambush
  }

  /** Where a shop lives, as the directory says. */
  async home(shop: StockedShop = this.moved): Promise<CellName> {
    const [row] = await this.#insist((sql) => sql<{ cell: CellName }[]>`select cell from platform.home where merchant_id = ${shop.id}`)
    return row!.cell
  }

  async move(toCell: CellName): Promise<Move> {
    return this.#insist((sql) => requestMove(sql, { merchantId: this.moved.id, toCell, by: null, now: new Date() }))
  }

  async rollBack(moveId: string): Promise<Move> {
    return this.#insist((sql) => rollBackMove(sql, moveId))
  }

  async finish(moveId: string): Promise<Move> {
    return this.#insist((sql) => finishMove(sql, moveId))
  }

  /** The move when it is in one of those states; throws when it ends in another, or takes too long. */
  async until(moveId: string, states: readonly MoveState[], seen: (move: Move) => void = () => {}): Promise<Move> {
    const end = performance.now() + MOVE_WITHIN_MS
    for (;;) {
      const move = (await this.#insist((sql) => getMove(sql, moveId)))!
      seen(move)
      if (states.includes(move.state)) return move
      const hasEnded = ['done', 'aborted', 'rolled_back'].includes(move.state)
      if (hasEnded || performance.now() > end) {
        const { state, direction, failure, figures } = move
        throw new Error(
          `the move is ${state} (${direction}): ${failure} ${JSON.stringify(figures)}\n${this.house.worker.output.slice(-2_000)}`,
        )
      }
      await pause(ASKED_EVERY_MS)
    }
  }

  /** What the servers say of those who waited for a lock for a second or more. */
  lockWaits(): string[] {
    const logs = new Set([...this.house.cells.values()].map(({ dataDir }) => `${dataDir}.log`))
    return [...logs].flatMap((log) =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => LOCK_WAIT.test(line)),
    )
  }

  /** The directory may be down for a moment, together with its cluster. */
  async #insist<T>(ask: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const end = performance.now() + MOVE_WITHIN_MS
    for (;;) {
      try {
        return await ask(this.#directory)
      } catch (error) {
        const { code = '' } = error as { code?: string }
        if (!/^(CONNECT|ECONN|57P0|08|55P03)/.test(code) || performance.now() > end) throw error
        await pause(100)
      }
    }
  }

  async #reviveDatabase(cell: CellName): Promise<void> {
    if (this.house.databaseRuns(cell)) return
    this.#note(`database ${cell}`)
    const startedAt = performance.now()
    await this.house.restartDatabase(cell)
    this.restoredMs.push(performance.now() - startedAt)
  }

  async #reviveWorker(): Promise<void> {
    const { house } = this
    if (house.worker.isRunning) return
    this.#note('worker')
    // Of movers that are dead: their leases would run out by themselves, in ten seconds.
    await this.#insist((sql) => sql`update platform.move set lease_owner = null, lease_until = '-infinity' where lease_owner is not null`)
    const point = this.#nextWorkerStopsAt
    house.startWorker(point === undefined ? {} : { SOUK_CRASH_AT: `${point}:1:SIGSTOP` })
    this.#nextWorkerStopsAt = undefined
  }

  async #reviveApi(): Promise<void> {
    if (this.house.api.isRunning) return
    this.#note('api')
    await this.house.startApi()
  }

  #note(what: string): void {
    this.restarts[what] = (this.restarts[what] ?? 0) + 1
  }
}
