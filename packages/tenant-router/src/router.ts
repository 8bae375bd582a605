import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { CellPool } from './cell-pool.ts'
import { Directory } from './directory.ts'
import { enter, enterInStatement, enterOnce, type ReadDoor } from './door.ts'
import { DoorError, errorCode, metDroppedPublication } from './door-error.ts'
import type { MerchantEntry } from './merchant-entry.ts'
import type { SingleFileLimits } from './single-file.ts'
import type { Query, Tx } from './tx.ts'

export interface RouterOptions {
  /** As souk_app, at the directory database. */
  directoryUrl: string
  baseDomain: string
  /** The cells' databases as souk_app, by cell name. Secrets: they come from the environment, never from a table. */
  cellUrls: Record<string, string>
  /** Read replicas, for the cells that have one. */
  replicaUrls?: Record<string, string>
  connectionsPerCell?: number
  waitersPerCell?: number
  waitMs?: number
  /** How many cells may have connections open at once; the one not used for longest is closed first. */
  openCellsMax?: number
  /** Nobody waits for what is done here: it stands back for a moment where a merchant is about to change homes. */
  standsBack?: boolean
  singleFile?: Partial<SingleFileLimits>
  onListening?: () => void
  onCells?: () => void
}

/** The door, already facing one merchant. What needs an outside call in the middle of its work takes this instead of a Tx. */
export interface InMerchant {
  <T>(work: (tx: Tx) => Promise<T>): Promise<T>
  readonly merchant: MerchantEntry
  /** Whether its home is about to change: whoever writes is waited for by everybody else, and does so briefly. */
  isAboutToMove(): boolean
  /** The lighter door: no lock, and PostgreSQL refuses to write through it. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * As `read`, where it does no harm that the answer is a little old: asked of the cell's replica if it has one, and of the
   * database itself if the replica is away, busy, or so far behind that it does not know the merchant's home.
   */
  readStale<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Statements that do not need each other's answers, in one round trip. */
  readOnce(work: (tx: Pick<Tx, 'merchantId' | 'sql'>) => Query[]): Promise<Record<string, unknown>[][]>
  /** One statement that opens the door itself: see ReadDoor. */
  readOne(statement: (door: ReadDoor) => Query): Promise<Record<string, unknown>[]>
}

const CONNECTIONS_PER_CELL = 10
const WAITERS_PER_CELL = 500
const WAIT_MS = 2_000
const OPEN_CELLS_MAX = 50
// A move keeps writers waiting for a second at most, and for two if its mover dies meanwhile.
const MOVE_WAIT_MS = 2_500
// How long to wait at most before a home that could not be entered is tried again: behind a fence, and where it is about to open.
const FENCED_MS = 25
const OPENING_MS = 5
const CONFLICT_RETRIES_MAX = 3
const PAGE_OF_MERCHANTS = 200

// Nothing was done, and the same work may succeed at once: deadlock, serialisation failure, and a statement that was
// prepared before a migration changed what it answers.
const CONFLICTS = new Set(['40P01', '40001', '0A000'])
// PostgreSQL holds a changed row to its checks as the statement first saw it, before it finds that it has waited for a newer one,
// which may well be kept to: nobody is to be waited for any more.
const BROKEN_CHECK = '23514'
/** Nothing was done, and the same work may well succeed. */
function isConflict(error: unknown): boolean {
  const code = errorCode(error)
  return (code !== undefined && (CONFLICTS.has(code) || code === BROKEN_CHECK)) || metDroppedPublication(error)
}

// What a replica says when it had to give way to what it replays (40001, 40P01), or is behind the merchant's last move.
const ASK_THE_PRIMARY = new Set(['MV001', '40001', '40P01', 'cell_unavailable', 'cell_busy'])

/** Nothing was done; where to try next is known already. */
class TryAt extends Error {
  readonly home: MerchantEntry

  constructor(home: MerchantEntry, cause?: unknown) {
    super('The merchant is expected at another home.', { cause })
    this.home = home
  }
}

/** Where a merchant that was not let in is to be tried next: waits for a new home, or for a while. */
type NextHome = (refused: unknown) => Promise<MerchantEntry>

/** The one way to a merchant's data: finds its cell, opens the door there, and follows it when it moves. */
export class Router {
  readonly directory: Directory
  readonly #options: RouterOptions
  // By the address, so that a cell whose address changed gets new connections.
  readonly #pools: LRUCache<string, { pool: CellPool; name: string }>
  #cellUrls: Record<string, string>
  #replicaUrls: Record<string, string>
  // By the directory's entry, which requests share for as long as it is remembered.
  readonly #facing = new WeakMap<MerchantEntry, InMerchant>()
  readonly #closing = new Set<Promise<void>>()
  #closed = false

  constructor(options: RouterOptions) {
    this.#options = options
    this.#cellUrls = options.cellUrls
    this.#replicaUrls = options.replicaUrls ?? {}
    this.directory = new Directory({
      url: options.directoryUrl,
      baseDomain: options.baseDomain,
      ...(options.onListening && { onListening: options.onListening }),
      ...(options.onCells && { onCells: options.onCells }),
      onSwitching: (cell) => this.#warmUp(cell),
      ...(options.singleFile && { singleFile: options.singleFile }),
    })
    this.#pools = new LRUCache({ max: options.openCellsMax ?? OPEN_CELLS_MAX, dispose: ({ pool }) => this.#retire(pool) })
  }

  /** Takes other addresses. Who has a connection to one that is no longer among them may finish with it. */
  readdress(addresses: { cellUrls: Record<string, string>; replicaUrls?: Record<string, string> }): void {
    this.#cellUrls = addresses.cellUrls
    this.#replicaUrls = addresses.replicaUrls ?? {}
    const kept = new Set([...Object.values(this.#cellUrls), ...Object.values(this.#replicaUrls)])
    for (const url of [...this.#pools.keys()]) if (!kept.has(url)) this.#pools.delete(url)
  }

  /** Starts hearing of changes in the directory. */
  async listen(): Promise<void> {
    await this.directory.listen()
  }

  /** The door facing one merchant. */
  inMerchant(merchant: MerchantEntry): InMerchant {
    let facing = this.#facing.get(merchant)
    if (!facing) {
      facing = this.#face(merchant)
      this.#facing.set(merchant, facing)
    }
    return facing
  }

  #face(merchant: MerchantEntry): InMerchant {
    return Object.assign(<T>(work: (tx: Tx) => Promise<T>) => this.withMerchant(merchant, work), {
      merchant,
      isAboutToMove: () => this.directory.singleFile.isUnderWay(merchant.id),
      read: <T>(work: (tx: Tx) => Promise<T>) => this.readMerchant(merchant, work),
      readStale: <T>(work: (tx: Tx) => Promise<T>) => this.#readStale(merchant, work),
      readOnce: (work: (tx: Pick<Tx, 'merchantId' | 'sql'>) => Query[]) =>
        this.#follow(merchant, (home, pool) => enterOnce(pool, home, 'read', work)),
      readOne: (statement: (door: ReadDoor) => Query) => this.#follow(merchant, (home, pool) => enterInStatement(pool, home, statement)),
    })
  }

  /**
   * Runs `work` in one transaction at the merchant's home and commits it. The work may run more than once: after a
   * deadlock, and at the new home after a move. Throws what the work throws, or a DoorError.
   */
  async withMerchant<T>(merchant: MerchantEntry, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#options.standsBack) await this.standBack(merchant.cell)
    return this.directory.singleFile.pass(merchant.id, 'before the pool', () =>
      this.#follow(merchant, (home, pool, nextHome) => enter(pool, home, 'write', work, (open) => this.#inTurn(home, nextHome, open))),
    )
  }

  /** Before something is begun in a cell that nobody waits for. */
  async standBack(cell: string): Promise<void> {
    if (this.#options.standsBack) await this.directory.singleFile.quietAt(cell)
  }

  /** As withMerchant, for work that only reads: takes no lock and is not held up by a move. */
  async readMerchant<T>(merchant: MerchantEntry, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#follow(merchant, (home, pool) => enter(pool, home, 'read', work))
  }

  /** The only loop across merchants: every active merchant of a cell, one after the other. A failure ends the loop. */
  async eachMerchant(cell: string, work: (inMerchant: InMerchant) => Promise<void>): Promise<void> {
    let after: string | null = null
    for (;;) {
      const page: MerchantEntry[] = await this.directory.merchantsOfCell(cell, after, PAGE_OF_MERCHANTS)
      for (const merchant of page) await work(this.inMerchant(merchant))
      const last = page.at(-1)
      if (!last || page.length < PAGE_OF_MERCHANTS) return
      after = last.id
    }
  }

  /** Connections in use and callers waiting, by cell. */
  load(): Record<string, { taken: number; waiting: number }> {
    return Object.fromEntries([...this.#pools.values()].map(({ name, pool }) => [name, pool.load]))
  }

  /** Opens no door any more, lets those end that are open, and hangs up. */
  async close(): Promise<void> {
    this.#closed = true
    this.#pools.clear()
    await Promise.all([...this.#closing, this.directory.close()])
  }

  async #readStale<T>(kept: MerchantEntry, work: (tx: Tx) => Promise<T>): Promise<T> {
    const merchant = this.directory.newest(kept)
    const url = this.#replicaUrls[merchant.cell]
    if (url !== undefined && merchant.status !== 'suspended') {
      try {
        return await enter(this.#poolAt(url, `${merchant.cell} replica`), merchant, 'read', work)
      } catch (error) {
        if (!ASK_THE_PRIMARY.has(errorCode(error) ?? '')) throw error
      }
    }
    return this.readMerchant(merchant, work)
  }

  /**
   * Who has waited for a connection may come late: while the merchant is about to move, or when it has moved. Where writers go in one at a
   * time, who meets a closed door waits for all those behind: nobody knocks meanwhile.
   */
  async #inTurn<T>(home: MerchantEntry, nextHome: NextHome, open: () => Promise<T>): Promise<T> {
    const { singleFile } = this.directory
    return singleFile.pass(home.id, 'with a connection', async () => {
      const newest = this.directory.newest(home)
      if (newest.epoch > home.epoch) throw new TryAt(newest)
      try {
        return await open()
      } catch (error) {
        if (errorCode(error) !== 'MV001' || !singleFile.isUnderWay(home.id)) throw error
        throw new TryAt(await nextHome(error), error)
      }
    })
  }

  async #follow<T>(kept: MerchantEntry, attempt: (home: MerchantEntry, pool: CellPool, nextHome: NextHome) => Promise<T>): Promise<T> {
    let home = this.directory.newest(kept)
    if (home.status === 'suspended') throw suspended()
    const deadline = performance.now() + MOVE_WAIT_MS
    let hasMoved = false
    let hasLooked = false
    for (let conflicts = 0; ; ) {
      const nextHome: NextHome = (refused) => this.#newHome(home, { deadline, hasMoved }, refused)
      try {
        return await attempt(home, this.#pool(home.cell), nextHome)
      } catch (error) {
        const code = errorCode(error)
        if (code === 'MV001' || error instanceof TryAt) {
          const next: MerchantEntry = error instanceof TryAt ? error.home : await nextHome(error)
          if (next.status === 'suspended') throw suspended(error)
          hasMoved ||= next.epoch !== home.epoch
          home = next
        } else if (code === 'cell_unavailable' && !hasLooked) {
          hasLooked = true
          home = await this.#elsewhere(home, error)
          hasMoved = true
        } else if (isConflict(error) && conflicts < CONFLICT_RETRIES_MAX) {
          conflicts += 1
          if (code !== BROKEN_CHECK) await sleep(Math.random() * 10 * 2 ** conflicts)
        } else {
          throw error
        }
      }
    }
  }

  /** Where to try next: the new home as soon as the directory knows it, or the old one once more, whose fence may have been lifted. */
  async #newHome(
    old: MerchantEntry,
    { deadline, hasMoved }: { deadline: number; hasMoved: boolean },
    cause: unknown,
  ): Promise<MerchantEntry> {
    // Behind a switch that the directory has, the new home opens in a moment.
    const patience = hasMoved ? OPENING_MS : FENCED_MS
    const change = this.directory.nextChange(old.id, patience * (0.2 + 0.8 * Math.random()))
    const home = await this.#homeNow(old.id, cause)
    if (performance.now() > deadline) throw new DoorError('merchant_moving', 'The merchant is being moved to another database.', cause)
    return home.epoch === old.epoch && (await change) ? this.#homeNow(old.id, cause) : home
  }

  /** A cell may be away because nobody lives there any more. Where the merchant has not left it, the error is thrown. */
  async #elsewhere(old: MerchantEntry, error: unknown): Promise<MerchantEntry> {
    const home = await this.directory.refresh(old.id).catch(() => undefined)
    if (home === undefined || home.epoch <= old.epoch) throw error
    if (home.status === 'suspended') throw suspended(error)
    return home
  }

  async #homeNow(merchantId: string, cause: unknown): Promise<MerchantEntry> {
    const home = await this.directory.refresh(merchantId)
    if (!home) throw new DoorError('merchant_unknown', 'The merchant is no longer in the directory.', cause)
    if (home.status === 'suspended') throw suspended(cause)
    return home
  }

  #pool(cell: string): CellPool {
    const url = this.#cellUrls[cell]
    if (!url) throw new DoorError('cell_unavailable', `This process has no address for the cell ${cell}.`)
    return this.#poolAt(url, cell)
  }

  /** Has a connection ready where somebody is about to come to live: the first to ask there waits for none to be made. */
  #warmUp(cell: string): void {
    const url = this.#cellUrls[cell]
    if (url === undefined || this.#closed) return
    // Whoever needs one will be told what is wrong.
    this.#poolAt(url, cell)
      .borrow((connection) => connection`select 1`)
      .catch(() => {})
  }

  #poolAt(url: string, name: string): CellPool {
    if (this.#closed) throw new DoorError('cell_unavailable', 'This process is shutting down.')
    const existing = this.#pools.get(url)
    if (existing) return existing.pool
    const pool = new CellPool({
      url,
      connectionsMax: this.#options.connectionsPerCell ?? CONNECTIONS_PER_CELL,
      waitersMax: this.#options.waitersPerCell ?? WAITERS_PER_CELL,
      waitMs: this.#options.waitMs ?? WAIT_MS,
    })
    this.#pools.set(url, { pool, name })
    return pool
  }

  #retire(pool: CellPool): void {
    const closing = pool.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function suspended(cause?: unknown): DoorError {
  return new DoorError('merchant_suspended', 'The merchant is suspended.', cause)
}
