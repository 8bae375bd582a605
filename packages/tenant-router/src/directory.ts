import { LRUCache } from 'lru-cache'
import postgres from 'postgres'
import { reconnectDelay } from './cell-pool.ts'
import { DoorError } from './door-error.ts'
import type { MerchantEntry } from './merchant-entry.ts'
import { PluginBlocks } from './plugin-blocks.ts'
import { SingleFile, type SingleFileLimits } from './single-file.ts'

const CACHED_NAMES_MAX = 50_000
const KNOWN_TTL_MS = 30_000
const UNKNOWN_TTL_MS = 5_000
const CONNECTIONS_MAX = 2
const CONNECT_TIMEOUT_S = 5
const ANSWER_TIMEOUT_MS = 5_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface DirectoryOptions {
  /** As souk_app, at the directory database. */
  url: string
  /** Merchants are served at `{slug}.{baseDomain}`. Lower case, no port. */
  baseDomain: string
  /** Told when the stream of changes was lost and found again; lookups go on meanwhile, bounded by KNOWN_TTL_MS. */
  onListening?: () => void
  /** Told when a cell was registered, or became something else, and each time the stream of changes begins. */
  onCells?: () => void
  /** Told when a merchant that is remembered here is about to change homes, of its new one. */
  onSwitching?: (cell: string) => void
  /** Other limits than usual for the writers of a merchant that is about to change homes. */
  singleFile?: Partial<SingleFileLimits>
}

/** A cell as the directory lists it. Its address is a secret, and not there. */
export interface CellEntry {
  readonly name: string
  readonly kind: 'shared' | 'dedicated'
  readonly status: 'open' | 'draining' | 'retired'
}

interface EntryRow {
  merchant_id: string
  slug: string
  status: MerchantEntry['status']
  cell: string
  epoch: bigint
  sandbox: boolean
}

/**
 * Finds merchants by host name or id. Answers from memory; hears of changes by LISTEN, and a stale answer is harmless
 * because the cell's database checks the epoch.
 */
export class Directory {
  readonly pluginBlocks: PluginBlocks
  /** What movers announce: merchants that change homes in a moment. */
  readonly singleFile: SingleFile
  readonly #sql: postgres.Sql<{ bigint: bigint }>
  readonly #options: DirectoryOptions
  // 'slug:..', 'domain:..' and 'id:..' to a merchant's id. A name nobody has is remembered too (null), for a shorter time.
  readonly #names = new LRUCache<string, { id: string | null }>({ max: CACHED_NAMES_MAX })
  readonly #entries = new LRUCache<string, MerchantEntry>({ max: CACHED_NAMES_MAX, ttl: KNOWN_TTL_MS })
  // Who waits for a merchant to change, by its id.
  readonly #awaiting = new Map<string, Set<() => void>>()
  // Questions on their way to the database; whoever has the same one meanwhile shares the answer.
  #asked = new Map<string, Promise<MerchantEntry | undefined>>()

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.singleFile = new SingleFile(options.singleFile)
    this.#sql = postgres(options.url, {
      max: CONNECTIONS_MAX,
      connect_timeout: CONNECT_TIMEOUT_S,
      backoff: reconnectDelay,
      types: { bigint: postgres.BigInt },
      onnotice: () => {},
      connection: { application_name: 'souk-directory' },
    })
    this.pluginBlocks = new PluginBlocks(this.#sql)
  }

  /** Starts hearing of changes. Everything remembered is dropped each time the stream begins anew. */
  async listen(): Promise<void> {
    await this.#sql.listen(
      'souk_directory',
      (merchantId) => this.#forget(merchantId),
      () => {
        this.#names.clear()
        this.#asked = new Map()
        this.#options.onListening?.()
      },
    )
    await this.#sql.listen('souk_switching', (announced) => {
      const [merchantId, ...cells] = announced.split(' ')
      this.singleFile.begin(merchantId!, cells)
      const [, newHome] = cells
      if (newHome !== undefined && this.#entries.has(merchantId!)) this.#options.onSwitching?.(newHome)
    })
    const { onCells } = this.#options
    if (onCells) await this.#sql.listen('souk_cells', onCells, onCells)
    await this.pluginBlocks.listen()
  }

  /** All cells that were ever registered. */
  async cells(): Promise<CellEntry[]> {
    return answered(this.#sql<CellEntry[]>`select name, kind, status from platform.cells()`)
  }

  /** The merchant served at a host name (no port): `{slug}.{baseDomain}`, or its own verified domain. */
  async byHost(host: string): Promise<MerchantEntry | undefined> {
    const name = this.#nameOf(host)
    return name === undefined ? undefined : this.#find(name)
  }

  /** As byHost, from memory alone: undefined also where the database would have to be asked. */
  rememberedByHost(host: string): MerchantEntry | undefined {
    const name = this.#nameOf(host)
    const known = name === undefined ? undefined : this.#names.get(name)
    return known?.id ? this.#entries.get(known.id) : undefined
  }

  /** What is remembered of a merchant, unless an entry that somebody has kept is newer: a stream or a job may be older than a move, or a suspension. */
  newest(kept: MerchantEntry): MerchantEntry {
    const remembered = this.#entries.get(kept.id)
    return remembered !== undefined && remembered.epoch >= kept.epoch ? remembered : kept
  }

  /** The merchant with that id; text that is no UUID belongs to nobody. */
  async byId(merchantId: string): Promise<MerchantEntry | undefined> {
    return UUID.test(merchantId) ? this.#find(`id:${merchantId.toLowerCase()}`) : undefined
  }

  /** Asks the database again, for a caller who found that what it had been told is out of date. */
  async refresh(merchantId: string): Promise<MerchantEntry | undefined> {
    return this.#ask(`id:${merchantId}`)
  }

  /** Waits until a change of a merchant is announced, or for so long. True: it was. Without `listen` nothing is. */
  nextChange(merchantId: string, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const awaiting = this.#awaiting.get(merchantId) ?? new Set()
      this.#awaiting.set(merchantId, awaiting)
      const settle = (announced: boolean) => {
        clearTimeout(timer)
        awaiting.delete(told)
        if (awaiting.size === 0) this.#awaiting.delete(merchantId)
        resolve(announced)
      }
      const told = () => settle(true)
      const timer = setTimeout(() => settle(false), withinMs)
      awaiting.add(told)
    })
  }

  /** One page of the active merchants at home in a cell, in id order. */
  async merchantsOfCell(cell: string, after: string | null, limit: number): Promise<MerchantEntry[]> {
    const rows = await answered(this.#sql<EntryRow[]>`select * from platform.merchants_of_cell(${cell}, ${after}, ${limit})`)
    return rows.map(toEntry)
  }

  async close(): Promise<void> {
    this.pluginBlocks.close()
    await this.#sql.end({ timeout: CONNECT_TIMEOUT_S })
  }

  #nameOf(host: string): string | undefined {
    const name = host.toLowerCase()
    const suffix = `.${this.#options.baseDomain}`
    if (!name.endsWith(suffix)) return `domain:${name}`
    const slug = name.slice(0, -suffix.length)
    return slug === '' || slug.includes('.') ? undefined : `slug:${slug}`
  }

  async #find(name: string): Promise<MerchantEntry | undefined> {
    const known = this.#names.get(name)
    if (known?.id === null) return undefined
    return (known && this.#entries.get(known.id)) ?? this.#ask(name)
  }

  #ask(name: string): Promise<MerchantEntry | undefined> {
    const asked = this.#asked
    const already = asked.get(name)
    if (already) return already
    const answer = this.#look(name)
      .then((entry) => {
        // Not if a change was announced meanwhile: the answer may be older than the announcement.
        if (asked === this.#asked) this.#remember(name, entry)
        return entry
      })
      .finally(() => asked.delete(name))
    asked.set(name, answer)
    return answer
  }

  #remember(name: string, entry: MerchantEntry | undefined): void {
    this.#names.set(name, { id: entry?.id ?? null }, { ttl: entry ? KNOWN_TTL_MS : UNKNOWN_TTL_MS })
    if (entry) this.#entries.set(entry.id, entry)
  }

  async #look(name: string): Promise<MerchantEntry | undefined> {
    const [kind, value] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)]
    const sql = this.#sql
    const rows = await answered(
      kind === 'slug'
        ? sql<EntryRow[]>`select * from platform.find_by_slug(${value})`
        : kind === 'domain'
          ? sql<EntryRow[]>`select * from platform.find_by_domain(${value})`
          : sql<EntryRow[]>`select * from platform.find_by_id(${value})`,
    )
    return rows[0] && toEntry(rows[0])
  }

  /** Drops a merchant with all its names, and every name nobody had: one of them may be new. */
  #forget(merchantId: string): void {
    this.#asked = new Map()
    this.#entries.delete(merchantId)
    for (const [name, { id }] of this.#names.entries()) if (id === null || id === merchantId) this.#names.delete(name)
    for (const told of [...(this.#awaiting.get(merchantId) ?? [])]) told()
    this.singleFile.homeChanged(merchantId)
  }
}

function toEntry(row: EntryRow): MerchantEntry {
  return { id: row.merchant_id, slug: row.slug, status: row.status, cell: row.cell, epoch: row.epoch, sandbox: row.sandbox }
}

/** Rows, or `cell_unavailable`: without the directory nobody can be told where a merchant lives. */
async function answered<Row extends object>(rows: postgres.PendingQuery<Row[]>): Promise<Row[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ANSWER_TIMEOUT_MS} ms.`)), ANSWER_TIMEOUT_MS)
  })
  try {
    return await Promise.race([rows, late])
  } catch (error) {
    throw new DoorError('cell_unavailable', 'The directory did not answer.', error)
  } finally {
    clearTimeout(timer)
  }
}
