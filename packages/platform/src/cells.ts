import postgres from 'postgres'
import type { PlatformSql } from './platform-sql.ts'

export interface Cell {
  id: string
  name: string
  kind: 'shared' | 'dedicated'
  status: 'open' | 'draining' | 'retired'
  createdAt: Date
  merchantCount: number
}

/** Where souk_platform reaches each cell's database, by the cell's name. */
export type CellAddresses = Readonly<Record<string, { platform: string }>>

/** A running worker process, as its heartbeat in the cell's database says. */
export interface Runner {
  cell: string
  poolId: string
  /** Which process it is: several pools may be one process. */
  process: string
  startedAt: Date
  beatAt: Date
}

const CONNECT_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 30

/** The cells: what the directory says of them, and the platform's own way into each. */
export class Cells {
  readonly #directory: PlatformSql
  readonly #urls: CellAddresses
  readonly #open = new Map<string, postgres.Sql>()

  constructor(directory: PlatformSql, urls: CellAddresses) {
    this.#directory = directory
    this.#urls = urls
  }

  /** Writes the cells this process has addresses for into the directory, where they are not yet. */
  async register(): Promise<void> {
    await this.#directory`
      insert into platform.cell (name, kind) select name, 'shared' from unnest(${Object.keys(this.#urls)}::text[]) as name
      on conflict (name) do nothing`
  }

  async list(): Promise<Cell[]> {
    return this.#directory<Cell[]>`
      select c.id, c.name, c.kind, c.status, c.created_at as "createdAt", count(h.merchant_id)::int as "merchantCount"
      from platform.cell c left join platform.home h on h.cell = c.name
      group by c.id order by c.name`
  }

  /** The open shared cell with the fewest merchants, among those this process can reach. */
  async forNewMerchant(): Promise<string> {
    const [cell] = await this.#directory<{ name: string }[]>`
      select c.name from platform.cell c left join platform.home h on h.cell = c.name
      where c.kind = 'shared' and c.status = 'open' and c.name = any(${Object.keys(this.#urls)}::text[])
      group by c.name order by count(h.merchant_id), c.name limit 1`
    if (!cell) throw new Error('no open shared cell is registered')
    return cell.name
  }

  /** Opens a cell's database to a merchant. Repeating it changes nothing. */
  async admit(cell: string, merchantId: string): Promise<void> {
    await this.#sql(cell)`select tenancy.admit(${merchantId})`
  }

  /** The worker processes of all cells. One that has not been heard of for a while is listed until its jobs were given to others. */
  async runners(): Promise<Runner[]> {
    const lists = await Promise.all(
      Object.keys(this.#urls).map(async (cell) => {
        const rows = await this.#sql(cell)<Omit<Runner, 'cell'>[]>`
          select pool_id as "poolId", process, started_at as "startedAt", beat_at as "beatAt" from queue.runner order by pool_id`
        return rows.map((row) => ({ cell, ...row }))
      }),
    )
    return lists.flat()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((sql) => sql.end({ timeout: CONNECT_TIMEOUT_S })))
  }

  #sql(cell: string): postgres.Sql {
    const open = this.#open.get(cell)
    if (open) return open
    const url = this.#urls[cell]?.platform
    if (!url) throw new Error(`this process has no address for the cell ${cell}`)
    const sql = postgres(url, {
      max: 1,
      connect_timeout: CONNECT_TIMEOUT_S,
      idle_timeout: IDLE_TIMEOUT_S,
      onnotice: () => {},
      connection: { application_name: 'souk-platform' },
    })
    this.#open.set(cell, sql)
    return sql
  }
}
