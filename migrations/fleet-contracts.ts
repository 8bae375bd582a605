import type postgres from 'postgres'
import type { MigrationFile, MigrationSet, SchemaVersion } from './files.ts'
import { type FleetProcess, processes } from './fleet-ledger.ts'

/** The files of both sets, in their order. */
export type FleetFiles = Record<MigrationSet, MigrationFile[]>

/** How far every database of the fleet is: the directory's, and each cell's. */
export interface FleetVersions {
  directory: number
  cells: ReadonlyMap<string, number>
}

/** What stands against the contracts that are due. Empty: they may be made. */
export interface ContractsDue {
  /** As `cell/0031_name.sql`. */
  files: string[]
  blockers: string[]
  /** The programs that have to know the schema afterwards. */
  floor: SchemaVersion
}

/**
 * A contract takes away what the release before still uses. So all databases have every file before the first of them, and
 * every program that runs was written for the schema after the last of them.
 */
export function contractsDue(files: FleetFiles, versions: FleetVersions, running: FleetProcess[]): ContractsDue {
  const due: ContractsDue = { files: [], blockers: [], floor: { directory: 0, cell: 0 } }
  for (const set of ['directory', 'cell'] as const) {
    const databases = set === 'directory' ? new Map([['the directory', versions.directory]]) : versions.cells
    const lowest = Math.min(...databases.values())
    const contracts = files[set].filter((file) => file.phase === 'contract' && file.number > lowest)
    const [first, last] = [contracts[0], contracts.at(-1)]
    if (!first || !last) continue
    due.files.push(...contracts.map((file) => `${set}/${file.name}`))
    due.floor[set] = last.number
    for (const [name, version] of databases) {
      if (version < first.number - 1) due.blockers.push(`${name} is at ${set} ${version}, before ${first.number - 1}`)
    }
    for (const process of running) {
      if (process.living && process.version[set] < last.number)
        due.blockers.push(`${process.kind} ${process.host} was written for ${set} ${process.version[set]}, before ${last.number}`)
    }
  }
  return due
}

/**
 * Looks once more at who runs, and keeps out whoever is too old from then on, at once: a program that starts meanwhile
 * either is seen here or finds the door shut. Answers what stands against it; then nothing was changed.
 */
export async function shutOutOlder(directory: postgres.Sql, files: FleetFiles, versions: FleetVersions): Promise<ContractsDue> {
  return directory.begin(async (tx) => {
    await tx`lock table platform.process in share row exclusive mode`
    const due = contractsDue(files, versions, await processes(tx))
    if (due.blockers.length > 0) return due
    for (const set of ['directory', 'cell'] as const) {
      await tx`update platform.schema_floor set version = greatest(version, ${due.floor[set]}) where set = ${set}`
    }
    return due
  }) as Promise<ContractsDue>
}
