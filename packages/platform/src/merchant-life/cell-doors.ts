import postgres from 'postgres'
import { tellCommits } from '../told-commits.ts'

/** How a cell is reached: as souk_app, to read what a merchant has, and as souk_platform, to write it back or to erase it. */
export interface LifeCell {
  app: string
  platform: string
}

const CONNECT_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 20
// Longer than a transaction may last.
const WRITERS_WAIT_MS = 15_000

/** The ways into the cells for what happens to merchants as a whole. Addresses are asked for each time: they may change. */
export class CellDoors {
  readonly #addresses: () => Readonly<Record<string, LifeCell>>
  readonly #open = new Map<string, postgres.Sql>()

  constructor(addresses: () => Readonly<Record<string, LifeCell>>) {
    this.#addresses = addresses
  }

  get names(): string[] {
    return Object.keys(this.#addresses()).sort()
  }

  /** As souk_platform. */
  platform(cell: string): postgres.Sql {
    const { platform: url } = this.#cell(cell)
    const open = this.#open.get(url) ?? tellCommits(connect(url, 'souk-merchant-life'))
    this.#open.set(url, open)
    return open
  }

  /**
   * All of a merchant as it is at one moment, for as long as `work` takes: one transaction that sees nothing newer, through the
   * readers' door, so that row security shows this merchant alone. The limits of short requests do not hold in it. Of a merchant that is
   * closed, those who are inside are waited for first: nobody comes after them, so that all there will be is in it.
   */
  async snapshot<T>(
    home: { cell: string; merchantId: string; epoch: bigint; isClosed: boolean },
    work: (sql: postgres.TransactionSql, takenAt: Date) => Promise<T>,
  ): Promise<T> {
    const sql = connect(this.#cell(home.cell).app, 'souk-merchant-snapshot')
    try {
      if (home.isClosed) await sql.begin((tx) => waitForWriters(tx, home.merchantId))
      return (await sql.begin('isolation level repeatable read read only', async (tx) => {
        await tx`
          select set_config('statement_timeout', '0', true), set_config('transaction_timeout', '0', true),
            set_config('idle_in_transaction_session_timeout', '60s', true), set_config('timezone', 'UTC', true),
            set_config('bytea_output', 'hex', true)`
        await tx`select tenancy.entered(${home.merchantId}::uuid, ${String(home.epoch)}::bigint)`
        const [row] = await tx<[{ now: Date }]>`select now() as now`
        return work(tx, row.now)
      })) as T
    } finally {
      await sql.end({ timeout: CONNECT_TIMEOUT_S })
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((sql) => sql.end({ timeout: CONNECT_TIMEOUT_S })))
  }

  #cell(name: string): LifeCell {
    const cell = this.#addresses()[name]
    if (!cell) throw new Error(`this process has no address for the cell ${name}`)
    return cell
  }
}

/** By the lock that every writer shares from its beginning to its end: 0001_tenancy.sql. */
async function waitForWriters(tx: postgres.TransactionSql, merchantId: string): Promise<void> {
  await tx`
    select set_config('statement_timeout', ${String(WRITERS_WAIT_MS)}, true), set_config('lock_timeout', '0', true),
      set_config('transaction_timeout', '0', true)`
  await tx`select pg_advisory_xact_lock(hashtextextended(${merchantId}::uuid::text, 4242))`
}

function connect(url: string, applicationName: string): postgres.Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: applicationName },
  })
}
