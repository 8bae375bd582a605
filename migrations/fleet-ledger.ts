import type postgres from 'postgres'
import type { SchemaVersion } from './files.ts'

export type CellState = 'waiting' | 'migrating' | 'done' | 'failed'

export interface FleetRun {
  id: string
  upTo: 'expand' | 'contract'
  state: 'running' | 'done' | 'failed'
  failure: string | null
  startedAt: Date
  finishedAt: Date | null
}

export interface FleetCell {
  cell: string
  wave: number
  state: CellState
  attempts: number
  version: number | null
  failure: string | null
  updatedAt: Date
}

/** A program that said it runs, and the schema it was written for. */
export interface FleetProcess {
  id: string
  kind: 'api' | 'worker'
  host: string
  version: SchemaVersion
  beatAt: Date
  /** Heard of lately. One that was not is taken for gone; if it comes back after a contract it is told to end. */
  living: boolean
}

// One run at a time. Held by a session, so it ends with the process that held it.
const FLEET_LOCK_KEY = 7_350_002
// Processes say every 15 s that they run.
const PROCESS_SILENT_S = 120

/** The fleet for one run alone: `undefined` when another has it. */
export async function takeFleet(directory: postgres.Sql): Promise<{ release(): Promise<void> } | undefined> {
  const session = await directory.reserve()
  const [row] = await session<{ mine: boolean }[]>`select pg_try_advisory_lock(${FLEET_LOCK_KEY}) as mine`
  if (!row?.mine) {
    session.release()
    return undefined
  }
  return {
    release: async () => {
      await session`select pg_advisory_unlock(${FLEET_LOCK_KEY})`.catch(() => {})
      session.release()
    },
  }
}

/** Every cell that has merchants or may get some. */
export async function cellsInUse(directory: postgres.Sql): Promise<string[]> {
  const rows = await directory<{ name: string }[]>`select name from platform.cell where status <> 'retired' order by name`
  return rows.map((row) => row.name)
}

/** The cell with the fewest merchants: what goes wrong there goes wrong for the fewest. */
export async function smallestOf(directory: postgres.Sql, cells: string[]): Promise<string | undefined> {
  const [row] = await directory<{ name: string }[]>`
    select c.name from platform.cell c left join platform.home h on h.cell = c.name
    where c.name = any(${cells}) group by c.name order by count(h.merchant_id), c.name limit 1`
  return row?.name
}

/** Writes down who will be asked when. A run that ended without a word is closed: nobody else can be at work. */
export async function beginRun(
  directory: postgres.Sql,
  run: { upTo: FleetRun['upTo']; target: SchemaVersion; waves: string[][]; versions: ReadonlyMap<string, number> },
): Promise<string> {
  return directory.begin(async (tx) => {
    await tx`
      update platform.fleet_migration set state = 'failed', failure = 'It ended without a word.', finished_at = now() where state = 'running'`
    const [row] = await tx<{ id: string }[]>`
      insert into platform.fleet_migration (up_to, directory_version, cell_version)
      values (${run.upTo}, ${run.target.directory}, ${run.target.cell}) returning id`
    const id = row?.id as string
    for (const [wave, cells] of run.waves.entries()) {
      const versions = cells.map((cell) => run.versions.get(cell) ?? 0)
      await tx`
        insert into platform.fleet_cell (migration_id, cell, wave, version)
        select ${id}, cell, ${wave}, version from unnest(${cells}::text[], ${versions}::integer[]) as asked (cell, version)`
    }
    return id
  }) as Promise<string>
}

export async function endRun(directory: postgres.Sql, id: string, failure: string | undefined): Promise<void> {
  await directory`
    update platform.fleet_migration set state = ${failure === undefined ? 'done' : 'failed'}, failure = ${failure ?? null}, finished_at = now()
    where id = ${id}`
}

export async function markCell(
  directory: postgres.Sql,
  migrationId: string,
  change: Pick<FleetCell, 'cell' | 'state' | 'attempts'> & { version?: number; failure?: string },
): Promise<void> {
  await directory`
    update platform.fleet_cell
    set state = ${change.state}, attempts = ${change.attempts}, version = coalesce(${change.version ?? null}, version),
      failure = ${change.failure ?? null}, updated_at = now()
    where migration_id = ${migrationId} and cell = ${change.cell}`
}

/** The newest run and what came of each cell in it. */
export async function latestRun(directory: postgres.Sql): Promise<{ run: FleetRun; cells: FleetCell[] } | undefined> {
  const [run] = await directory<FleetRun[]>`
    select id, up_to as "upTo", state, failure, started_at as "startedAt", finished_at as "finishedAt"
    from platform.fleet_migration order by started_at desc, id desc limit 1`
  if (!run) return undefined
  const cells = await directory<FleetCell[]>`
    select cell, wave, state, attempts, version, failure, updated_at as "updatedAt"
    from platform.fleet_cell where migration_id = ${run.id} order by wave, cell`
  return { run, cells: [...cells] }
}

export async function processes(directory: postgres.Sql | postgres.TransactionSql): Promise<FleetProcess[]> {
  const rows = await directory<(Omit<FleetProcess, 'version'> & SchemaVersion)[]>`
    select id, kind, host, directory_version as directory, cell_version as cell, beat_at as "beatAt",
      beat_at > now() - make_interval(secs => ${PROCESS_SILENT_S}) as living
    from platform.process order by kind, host, id`
  return rows.map(({ directory: known, cell, ...rest }) => ({ ...rest, version: { directory: known, cell } }))
}

/** The oldest versions of programs that the schema still serves. */
export async function readFloor(directory: postgres.Sql): Promise<SchemaVersion> {
  const rows = await directory<{ set: keyof SchemaVersion; version: number }[]>`select set, version from platform.schema_floor`
  return { directory: 0, cell: 0, ...Object.fromEntries(rows.map((row) => [row.set, row.version])) }
}
