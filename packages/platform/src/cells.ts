import { newId } from '@souk/core/ids.ts'
import { Refusal } from '@souk/core/refusal.ts'
import postgres from 'postgres'
import { askCell } from './ask-cell.ts'
import { type CellAddress, type CellFinding, checkCell } from './cell-checks.ts'
import { readHomes } from './cell-homes.ts'
import type { ByAdmin } from './domains.ts'
import { readTenantTables, type TenantTable } from './merchant-life/tenant-tables.ts'
import type { PlatformSql } from './platform-sql.ts'
import { tellCommits } from './told-commits.ts'

export interface Cell {
  id: string
  name: string
  kind: 'shared' | 'dedicated'
  status: 'open' | 'draining' | 'retired'
  createdAt: Date
  checkedAt: Date | null
  /** What the last look has found. */
  findings: CellFinding[] | null
  merchantCount: number
  /** Moves from here or to here that are not over. */
  moveCount: number
  /** Whether this process has an address for it. */
  reachable: boolean
}

/** Where each cell's database is reached, by the cell's name. */
export type CellAddresses = Readonly<Record<string, CellAddress>>

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
const CELL_OCCUPIED = 'CE003'
const NO_SUCH_DATABASE = '3D000'

/** The cells: what the directory says of them, and the platform's own way into each. */
export class Cells {
  readonly #directory: PlatformSql
  #urls: CellAddresses
  /** Of all cells, also of those that are not used yet because they do not answer: to look at. */
  #all: CellAddresses
  readonly #open = new Map<string, { url: string; sql: postgres.Sql }>()

  constructor(directory: PlatformSql, urls: CellAddresses, all: CellAddresses = urls) {
    this.#directory = directory
    this.#urls = urls
    this.#all = all
  }

  /** The names of the cells this process can use. */
  get reachable(): string[] {
    return Object.keys(this.#urls)
  }

  /** Takes other addresses from now on: those it may use, and all there are. */
  readdress(urls: CellAddresses, all: CellAddresses = urls): void {
    this.#urls = urls
    this.#all = all
  }

  /**
   * A first start: while the directory knows no cell at all, those this process has addresses for are its cells. Later ones
   * are registered by an admin, because merchants go to a cell as soon as it is listed.
   */
  async registerFirst(): Promise<void> {
    await this.#directory`
      insert into platform.cell (name, kind) select name, 'shared' from unnest(${Object.keys(this.#all)}::text[]) as name
      where not exists (select from platform.cell) on conflict (name) do nothing`
  }

  /**
   * Checks a database and lists it as a cell. Refuses `cell_unreachable` without an address, `cell_unfit` with what is wrong,
   * `duplicate` when the name is taken. With `dryRun` it only looks.
   */
  async register(cell: { name: string; kind: Cell['kind'] }, by: ByAdmin, dryRun: boolean): Promise<Cell> {
    const known = await this.list()
    if (known.some(({ name }) => name === cell.name)) {
      throw taken()
    }
    const { findings, identity } = await this.#look(cell.name, known)
    const failed = findings.filter(({ outcome }) => outcome === 'failed')
    if (failed.length > 0) throw new Refusal('cell_unfit', { detail: failed.map(({ detail }) => detail).join(' '), extra: { findings } })
    const made: Cell = {
      ...cell,
      id: newId(by.now),
      status: 'open',
      createdAt: by.now,
      checkedAt: by.now,
      findings,
      merchantCount: 0,
      moveCount: 0,
      reachable: true,
    }
    if (dryRun) return made
    const registered = await this.#directory`
      with registered as (
        insert into platform.cell (id, name, kind, created_at, checked_at, findings, identity)
        values (${made.id}, ${made.name}, ${made.kind}, ${by.now}, ${by.now}, ${JSON.stringify(findings)}::text::jsonb, ${identity})
        on conflict do nothing returning name, kind
      )
      insert into platform.audit (admin_id, action, data, occurred_at)
      select ${by.adminId}, 'cell.register', jsonb_build_object('cell', name, 'kind', kind), ${by.now} from registered returning id`
    if (registered.length === 0) throw await this.#takenMeanwhile(cell.name)
    return this.find(made.name)
  }

  /** Looks at a cell again and keeps what was found. */
  async check(name: string, by: ByAdmin): Promise<Cell> {
    const known = await this.list()
    if (!known.some((cell) => cell.name === name)) throw noCell()
    const { findings, identity } = await this.#look(name, known)
    const isOwn = findings.every(({ check, outcome }) => check !== 'identity' || outcome === 'passed')
    await this.#directory`
      with checked as (
        update platform.cell set checked_at = ${by.now}, findings = ${JSON.stringify(findings)}::text::jsonb,
          identity = coalesce(${isOwn ? identity : null}, identity)
        where name = ${name} returning name
      )
      insert into platform.audit (admin_id, action, data, occurred_at)
      select ${by.adminId}, 'cell.check', jsonb_build_object('cell', name), ${by.now} from checked`
    return this.find(name)
  }

  /**
   * Opens a cell to new merchants, closes it to them, or takes it out of service for good. Repeating it changes nothing. Refuses
   * `cell_occupied` to retire one that merchants live in or moves still need, and `invalid_state` for one that is retired.
   */
  async setStatus(name: string, status: Cell['status'], by: ByAdmin, dryRun: boolean): Promise<Cell> {
    const before = await this.find(name)
    if (before.status === status) return before
    if (before.status === 'retired') {
      throw new Refusal('invalid_state', { detail: 'A retired cell stays retired.', extra: { current_state: 'retired' } })
    }
    if (status === 'retired' && before.merchantCount + before.moveCount > 0) throw occupied(before)
    if (dryRun) return { ...before, status }
    try {
      await this.#directory`
        with changed as (
          update platform.cell set status = ${status} where name = ${name} and status = ${before.status} returning name
        )
        insert into platform.audit (admin_id, action, data, occurred_at)
        select ${by.adminId}, 'cell.set_status', jsonb_build_object('cell', name, 'from', ${before.status}::text, 'to', ${status}::text), ${by.now}
        from changed`
    } catch (error) {
      if ((error as { code?: string }).code !== CELL_OCCUPIED) throw error
      throw occupied(await this.find(name))
    }
    return this.find(name)
  }

  async list(): Promise<Cell[]> {
    return this.#read(null)
  }

  /** Refuses `not_found`. */
  async find(name: string): Promise<Cell> {
    const [cell] = await this.#read(name)
    if (!cell) throw noCell()
    return cell
  }

  /** The open shared cell with the fewest merchants, among those this process can reach. */
  async forNewMerchant(): Promise<string> {
    const [cell] = await this.#directory<{ name: string }[]>`
      select c.name from platform.cell c left join platform.home h on h.cell = c.name
      where c.kind = 'shared' and c.status = 'open' and c.name = any(${Object.keys(this.#urls)}::text[])
      group by c.name order by count(h.merchant_id), c.name limit 1`
    if (!cell) throw new Refusal('cell_closed', { detail: 'There is no open shared cell that answers: open one, or register another.' })
    return cell.name
  }

  /** Refuses a cell that could take nobody of another that is to be emptied, before anything of that is begun. */
  async assertTakes(name: string | undefined, leaving: string): Promise<void> {
    if (name === undefined) return
    const target = await this.find(name)
    if (name === leaving) {
      throw new Refusal('move_refused', { detail: 'The merchants live in that cell.', extra: { reason: 'already-there' } })
    }
    if (target.status !== 'open') throw new Refusal('cell_closed', { detail: `The cell ${name} is ${target.status}, and takes nobody.` })
  }

  /** Opens a cell's database to a merchant. Repeating it changes nothing. */
  async admit(cell: string, merchantId: string): Promise<void> {
    await this.#sql(cell)`select tenancy.admit(${merchantId})`
  }

  /** How many rows a merchant has in each table of a cell. */
  async countRows(cell: string, merchantId: string): Promise<Record<string, number>> {
    const sql = this.#sql(cell)
    const counts: Record<string, number> = {}
    for (const { name } of await readTenantTables(sql)) {
      const [{ count }] = await sql<[{ count: string }]>`select tenancy.count_rows(${merchantId}, ${name}) as count`
      counts[name] = Number(count)
    }
    return counts
  }

  /** Whether there is a cell where its address leads: also one that lets nobody in, or begins to run. False without an address. */
  async answers(name: string): Promise<boolean> {
    const address = this.#all[name]
    if (!address) return false
    try {
      await askCell(address.platform, (sql) => sql`select`)
      return true
    } catch (error) {
      return error instanceof postgres.PostgresError && error.code !== NO_SUCH_DATABASE
    }
  }

  /** The tables of a cell that hold rows of merchants. */
  async tenantTables(cell: string): Promise<TenantTable[]> {
    return readTenantTables(this.#sql(cell))
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
    await Promise.all([...this.#open.values()].map(({ sql }) => sql.end({ timeout: CONNECT_TIMEOUT_S })))
  }

  async #read(name: string | null): Promise<Cell[]> {
    const rows = await this.#directory<Omit<Cell, 'reachable'>[]>`
      select c.id, c.name, c.kind, c.status, c.created_at as "createdAt", c.checked_at as "checkedAt", c.findings,
        (select count(*)::int from platform.home h where h.cell = c.name) as "merchantCount",
        (select count(*)::int from platform.move m where c.name in (m.from_cell, m.to_cell) and m.state not in ('done', 'aborted', 'rolled_back')) as "moveCount"
      from platform.cell c where ${name}::text is null or c.name = ${name}::text order by c.name`
    return rows.map((row) => ({ ...row, reachable: row.name in this.#all }))
  }

  /** Another admin has registered the name or the database while this one looked at it. */
  async #takenMeanwhile(name: string): Promise<Refusal> {
    const isNamed = (await this.#read(name)).length > 0
    return isNamed ? taken() : new Refusal('cell_unfit', { detail: 'This database has just become another cell.' })
  }

  async #look(name: string, known: Cell[]): Promise<{ findings: CellFinding[]; identity: string | null }> {
    const { [name]: address, ...others } = this.#all
    if (!address) {
      throw new Refusal('cell_unreachable', { detail: `The API has no address for the cell ${name}: add it to SOUK_CELLS_FILE first.` })
    }
    const inService = known.filter((cell) => cell.status !== 'retired' && cell.name !== name)
    const addressed = inService.filter((cell) => cell.name in others).map((cell) => [cell.name, others[cell.name]!])
    const identities = await this.#directory<{ name: string; identity: string }[]>`
      select name, identity from platform.cell where identity is not null and status <> 'retired' and name <> ${name}`
    return checkCell(name, address, {
      others: Object.fromEntries(addressed),
      known: Object.fromEntries(identities.map((cell) => [cell.name, cell.identity])),
      homes: await readHomes(this.#directory),
    })
  }

  #sql(cell: string): postgres.Sql {
    const url = this.#urls[cell]?.platform
    if (!url) throw new Error(`this process has no address for the cell ${cell}`)
    const open = this.#open.get(cell)
    if (open?.url === url) return open.sql
    // At another address now: what is under way there may finish.
    open?.sql.end({ timeout: CONNECT_TIMEOUT_S }).catch(() => {})
    const client = postgres(url, {
      max: 1,
      connect_timeout: CONNECT_TIMEOUT_S,
      idle_timeout: IDLE_TIMEOUT_S,
      onnotice: () => {},
      connection: { application_name: 'souk-platform' },
    })
    const sql = tellCommits(client)
    this.#open.set(cell, { url, sql })
    return sql
  }
}

function taken(): Refusal {
  return new Refusal('duplicate', { detail: 'There is a cell of this name.', errors: [{ pointer: '/name', code: 'duplicate' }] })
}

function noCell(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such cell.' })
}

function occupied({ name, merchantCount, moveCount }: Cell): Refusal {
  const detail = `${merchantCount} merchants live in the cell ${name}, and ${moveCount} moves need it.`
  return new Refusal('cell_occupied', { detail, extra: { merchant_count: merchantCount, move_count: moveCount } })
}
