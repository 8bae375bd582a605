import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { readMigrations, type SchemaVersion } from './files.ts'
import { type FleetFiles, type FleetVersions, shutOutOlder } from './fleet-contracts.ts'
import { beginRun, type CellState, cellsInUse, endRun, markCell, smallestOf, takeFleet } from './fleet-ledger.ts'
import { migrate, readVersion } from './run.ts'

export interface FleetOptions {
  /** The directory's database as souk_owner. */
  directoryUrl: string
  /** The cells' databases as souk_owner, by the cell's name. */
  cells: Readonly<Record<string, string>>
  /** `expand`: up to the first file that is a contract. `contract`: those too, once nobody needs what they take away. */
  upTo?: 'expand' | 'contract'
  /** The cell that goes first, alone; the one with the fewest merchants unless named. */
  canary?: string
  /** Looks at the canary before any other cell is touched; what it throws ends the run. */
  afterCanary?: (cell: string) => Promise<void>
  /** Databases at work at the same time. */
  parallel?: number
  lockTimeoutMs?: number
  attemptsMax?: number
  onProgress?: (progress: FleetProgress) => void
  /** Where the numbered files are. For tests. */
  folder?: URL
}

export interface FleetProgress {
  cell: string
  wave: number
  state: CellState
  attempts: number
  failure?: string
  /** Cells that are where they shall be, and all there are. */
  done: number
  total: number
}

export interface FleetOutcome {
  migrationId: string
  target: SchemaVersion
  /** Cells that had something applied, in waves. */
  waves: string[][]
  /** Cells that had nothing left to apply. */
  already: string[]
}

/** Why the fleet is left as it is, in words for whoever asked. */
export class FleetRefusal extends Error {
  readonly code: FleetRefusalCode
  readonly reasons: string[]

  constructor(code: FleetRefusalCode, reasons: string[]) {
    super(`${REFUSALS[code]}${reasons.length > 0 ? `: ${reasons.join('; ')}.` : '.'}`)
    this.name = 'FleetRefusal'
    this.code = code
    this.reasons = reasons
  }
}

const REFUSALS = {
  busy: 'Another run over the fleet is at work',
  no_address: 'The directory knows cells for which no owner address was given',
  unknown_canary: 'The canary is no cell in use',
  not_yet: 'What contracts take away is still needed',
  cell_failed: 'Some cells could not be migrated, so those after them were left alone',
}
export type FleetRefusalCode = keyof typeof REFUSALS

const PARALLEL = 4
const LOCK_TIMEOUT_MS = 1_000
const ATTEMPTS_MAX = 20
const RETRY_MS = 250
const RETRY_MS_MAX = 15_000
// After the canary a tenth of the cells, then the rest.
const SECOND_WAVE_SHARE = 0.1

/**
 * Brings the directory and all cells in use to the newest schema: one cell first, then a tenth, then the others. A cell in
 * which a lock is not to be had is asked again; one that fails for good ends the run after its wave. The databases know what
 * was applied to them, so a run that was killed goes on where it stopped when it is started again.
 */
export async function migrateFleet(options: FleetOptions): Promise<FleetOutcome> {
  const files = await readFiles(options.folder)
  const target: SchemaVersion = { directory: files.directory.length, cell: files.cell.length }
  await persist(options, () => migrate({ ...migrateOptions(options, options.directoryUrl), sets: ['directory'], upTo: 'expand' }))
  const directory = postgres(options.directoryUrl, { max: 4, onnotice: () => {}, connection: { application_name: 'souk-fleet' } })
  try {
    const fleet = await takeFleet(directory)
    if (!fleet) throw new FleetRefusal('busy', [])
    try {
      return await runOverCells(options, directory, files, target)
    } finally {
      await fleet.release()
    }
  } finally {
    await directory.end()
  }
}

async function runOverCells(
  options: FleetOptions,
  directory: postgres.Sql,
  files: FleetFiles,
  target: SchemaVersion,
): Promise<FleetOutcome> {
  const upTo = options.upTo ?? 'expand'
  const cells = await cellsInUse(directory)
  const missing = cells.filter((cell) => options.cells[cell] === undefined)
  if (missing.length > 0) throw new FleetRefusal('no_address', missing)
  const versions = await readVersions(options, cells)
  if (upTo === 'contract') {
    const { blockers } = await shutOutOlder(directory, files, versions)
    if (blockers.length > 0) throw new FleetRefusal('not_yet', blockers)
    await persist(options, () => migrate({ ...migrateOptions(options, options.directoryUrl), sets: ['directory'] }))
  }
  const behind = cells.filter((cell) => hasSomethingToApply(files, versions.cells.get(cell) ?? 0, upTo))
  const waves = await wavesOf(options, directory, behind, cells)
  const id = await beginRun(directory, { upTo, target, waves, versions: versions.cells })
  const run: Run = { options, directory, id, upTo, total: cells.length, done: cells.length - behind.length }
  try {
    for (const [wave, members] of waves.entries()) {
      await runWave(run, wave, members)
      if (wave === 0 && members[0] !== undefined) await options.afterCanary?.(members[0])
    }
  } catch (error) {
    await endRun(directory, id, (error as Error).message)
    throw error
  }
  await endRun(directory, id, undefined)
  return { migrationId: id, target, waves, already: cells.filter((cell) => !behind.includes(cell)) }
}

interface Run {
  options: FleetOptions
  directory: postgres.Sql
  id: string
  upTo: 'expand' | 'contract'
  total: number
  done: number
}

export async function readFiles(folder?: URL): Promise<FleetFiles> {
  return { directory: await readMigrations('directory', folder), cell: await readMigrations('cell', folder) }
}

async function readVersions(options: FleetOptions, cells: string[]): Promise<FleetVersions> {
  const versions = new Map<string, number>()
  await inParallel(cells, options.parallel ?? PARALLEL, async (cell) => {
    versions.set(cell, (await persist(options, () => readVersion(options.cells[cell] as string))).cell)
  })
  return { directory: (await readVersion(options.directoryUrl)).directory, cells: versions }
}

function hasSomethingToApply(files: FleetFiles, version: number, upTo: 'expand' | 'contract'): boolean {
  const next = files.cell[version]
  return next !== undefined && (upTo === 'contract' || next.phase === 'expand')
}

async function wavesOf(options: FleetOptions, directory: postgres.Sql, behind: string[], cells: string[]): Promise<string[][]> {
  if (options.canary !== undefined && !cells.includes(options.canary)) throw new FleetRefusal('unknown_canary', [options.canary])
  const named = options.canary !== undefined && behind.includes(options.canary) ? options.canary : undefined
  const canary = named ?? (await smallestOf(directory, behind))
  if (canary === undefined) return []
  const others = behind.filter((cell) => cell !== canary)
  const second = Math.ceil(others.length * SECOND_WAVE_SHARE)
  return [[canary], others.slice(0, second), others.slice(second)].filter((wave) => wave.length > 0)
}

/** All cells of a wave come to their end, whatever happens to one of them. */
async function runWave(run: Run, wave: number, cells: string[]): Promise<void> {
  const failures: string[] = []
  await inParallel(cells, run.options.parallel ?? PARALLEL, async (cell) => {
    const failure = await migrateCell(run, wave, cell)
    if (failure !== undefined) failures.push(`${cell}: ${failure}`)
  })
  if (failures.length > 0) throw new FleetRefusal('cell_failed', failures.sort())
}

/** Answers why it failed, if it did. */
async function migrateCell(run: Run, wave: number, cell: string): Promise<string | undefined> {
  const { options, directory, id } = run
  const url = options.cells[cell] as string
  let attempts = 0
  let applied: string[] = []
  const tell = async (state: CellState, more: { version?: number; failure?: string } = {}) => {
    if (state === 'done') run.done += 1
    await markCell(directory, id, { cell, state, attempts, ...more })
    options.onProgress?.({ cell, wave, state, attempts, done: run.done, total: run.total, ...(more.failure && { failure: more.failure }) })
  }
  try {
    await persist(
      options,
      async () => {
        attempts += 1
        await tell('migrating')
        const upTo = run.upTo === 'expand' ? 'expand' : 'everything'
        applied = (await migrate({ ...migrateOptions(options, url), sets: ['cell'], upTo })).applied
      },
      (error) => tell('migrating', { failure: error.message }),
    )
    // As `cell/0031_name.sql`. An earlier attempt may have applied all of them.
    const newest = applied.at(-1)
    await tell('done', { version: newest === undefined ? (await readVersion(url)).cell : Number(newest.slice(5, 9)) })
    return undefined
  } catch (error) {
    const failure = (error as Error).message
    await tell('failed', { failure })
    return failure
  }
}

function migrateOptions(options: FleetOptions, url: string) {
  return { url, lockTimeoutMs: options.lockTimeoutMs ?? LOCK_TIMEOUT_MS, ...(options.folder && { folder: options.folder }) }
}

// A lock that was not to be had, a deadlock, a connection that was refused or broke: gone at another time.
const PASSES = /^(55P03|40P01|08\w{3}|57P0[1-3]|53300|ECONN\w+|EPIPE|ETIMEDOUT|CONNECT_TIMEOUT|CONNECTION_\w+)$/

/** Does it again, at growing intervals, as long as what stands in the way will pass. */
async function persist<T>(options: FleetOptions, work: () => Promise<T>, onPassing?: (error: Error) => Promise<void>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const { code } = error as { code?: string }
      if (attempt >= (options.attemptsMax ?? ATTEMPTS_MAX) || code === undefined || !PASSES.test(code)) throw error
      await onPassing?.(error as Error)
      await pause(Math.min(RETRY_MS * 2 ** (attempt - 1), RETRY_MS_MAX) * (0.5 + Math.random() / 2))
    }
  }
}

async function inParallel<T>(items: readonly T[], parallel: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const lanes = Array.from({ length: Math.max(1, Math.min(parallel, items.length)) }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  })
  await Promise.all(lanes)
}
