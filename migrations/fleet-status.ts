import postgres from 'postgres'
import type { SchemaVersion } from './files.ts'
import { readFiles } from './fleet.ts'
import { contractsDue } from './fleet-contracts.ts'
import { cellsInUse, type FleetCell, type FleetProcess, type FleetRun, latestRun, processes, readFloor } from './fleet-ledger.ts'
import { readVersion } from './run.ts'

export interface FleetStatus {
  /** The newest files there are. */
  target: SchemaVersion
  directoryVersion: number
  cells: CellStatus[]
  processes: FleetProcess[]
  /** The oldest programs that the schema still serves. */
  floor: SchemaVersion
  latest: FleetRun | undefined
  contracts: { files: string[]; blockers: string[] }
}

export interface CellStatus {
  cell: string
  /** As its database says; undefined if that could not be asked, and why. */
  version: number | undefined
  problem: string | undefined
  /** Files that are not applied yet. */
  behind: number | undefined
  /** What came of it in the newest run. */
  latest: FleetCell | undefined
}

/** How far everything is, asked of the databases themselves. The directory's and the cells' addresses are souk_owner's. */
export async function fleetStatus(options: {
  directoryUrl: string
  cells: Readonly<Record<string, string>>
  folder?: URL
}): Promise<FleetStatus> {
  const files = await readFiles(options.folder)
  const directoryVersion = (await readVersion(options.directoryUrl)).directory
  const directory = postgres(options.directoryUrl, { max: 2, onnotice: () => {}, connection: { application_name: 'souk-fleet' } })
  try {
    const [names, latest, running, floor] = await Promise.all([
      cellsInUse(directory),
      latestRun(directory),
      processes(directory),
      readFloor(directory),
    ])
    const found = await Promise.all(names.map(async (cell) => ({ cell, ...(await askVersion(options.cells[cell])) })))
    const known = new Map(found.flatMap(({ cell, version }) => (version === undefined ? [] : [[cell, version] as const])))
    const due = contractsDue(files, { directory: directoryVersion, cells: known }, running)
    const unknown = found
      .filter(({ version }) => version === undefined)
      .map(({ cell, problem }) => `${cell} could not be asked (${problem})`)
    return {
      target: { directory: files.directory.length, cell: files.cell.length },
      directoryVersion,
      cells: found.map(({ cell, version, problem }) => ({
        cell,
        version,
        problem,
        behind: version === undefined ? undefined : files.cell.length - version,
        latest: latest?.cells.find((entry) => entry.cell === cell),
      })),
      processes: running,
      floor,
      latest: latest?.run,
      contracts: { files: due.files, blockers: due.files.length > 0 ? [...due.blockers, ...unknown] : [] },
    }
  } finally {
    await directory.end()
  }
}

async function askVersion(url: string | undefined): Promise<{ version: number | undefined; problem: string | undefined }> {
  if (url === undefined) return { version: undefined, problem: 'no owner address was given' }
  try {
    return { version: (await readVersion(url)).cell, problem: undefined }
  } catch (error) {
    return { version: undefined, problem: (error as Error).message }
  }
}
