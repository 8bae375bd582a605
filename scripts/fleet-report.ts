import type { FleetProgress } from '@souk/migrations/fleet.ts'
import type { CellStatus, FleetStatus } from '@souk/migrations/fleet-status.ts'

/** What `npm run fleet -- status` says, a line each. */
export function describeFleet(status: FleetStatus): string[] {
  const { target, floor } = status
  return [
    `Newest files: directory ${target.directory}, cell ${target.cell}. The directory is at ${status.directoryVersion}.`,
    ...status.cells.map((cell) => `  ${cell.cell}: ${describeCell(cell)}`),
    status.processes.length === 0 ? 'No process has said that it runs.' : 'Processes:',
    ...status.processes.map(
      ({ kind, host, version, living }) =>
        `  ${kind} ${host}: written for directory ${version.directory}, cell ${version.cell}${living ? '' : ', silent: taken for gone'}`,
    ),
    ...(floor.cell + floor.directory > 0 ? [`Programs older than directory ${floor.directory}, cell ${floor.cell} are shut out.`] : []),
    ...describeLatest(status),
    ...describeContracts(status),
  ]
}

function describeCell({ version, behind, problem, latest }: CellStatus): string {
  if (version === undefined) return `not known: ${problem}`
  const place = behind === 0 ? `${version}, the newest` : `${version}, ${behind} behind`
  return latest?.state === 'failed' ? `${place}; failed last time: ${latest.failure}` : place
}

function describeLatest({ latest }: FleetStatus): string[] {
  if (!latest) return []
  const begun = `The last run (${latest.upTo}) began ${latest.startedAt.toISOString()}`
  if (latest.state === 'running') return [`${begun} and is at work, or was killed: then run it again.`]
  return [latest.state === 'done' ? `${begun} and is done.` : `${begun} and failed: ${latest.failure}`]
}

function describeContracts({ contracts }: FleetStatus): string[] {
  if (contracts.files.length === 0) return []
  const due = `Contracts to be made: ${contracts.files.join(', ')}.`
  if (contracts.blockers.length === 0) return [due, 'Nothing stands against them: npm run fleet -- migrate --contract']
  return [due, 'They wait:', ...contracts.blockers.map((blocker) => `  ${blocker}`)]
}

export function describeProgress({ cell, wave, state, attempts, failure, done, total }: FleetProgress): string {
  const place = wave === 0 ? 'canary' : `wave ${wave}`
  if (state === 'done') return `[${done}/${total}] ${cell} (${place}) done`
  if (state === 'failed') return `[${done}/${total}] ${cell} (${place}) failed: ${failure}`
  return `[${done}/${total}] ${cell} (${place}) ${failure ? `waits and tries again: ${failure}` : `attempt ${attempts}`}`
}
