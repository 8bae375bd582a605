import type { FleetProgress } from '@souk/migrations/fleet.ts'
import type { FleetStatus } from '@souk/migrations/fleet-status.ts'
import { readOwnerAddresses } from '../config.ts'
import { dryRun, type GlobalOptions, type Souk, yes } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import { Terminal, table } from '../terminal.ts'

const PARALLEL_MAX = 64
// Loaded when they are needed: with the database drivers behind them every other command would start half as fast.
const loadFleet = () => import('@souk/migrations/fleet.ts')
const loadStatus = () => import('@souk/migrations/fleet-status.ts')

interface MigrateWish {
  contract: boolean
  canary: string | undefined
  parallel: number
  dryRun: boolean
  yes: boolean
}

/** Migrations need the owner of the tables, whom the platform API does not know: these commands go to the databases themselves. */
export function fleetCommand(souk: Souk): Souk {
  return souk.command('fleet', 'The schema of all cells', (fleet) =>
    fleet
      .command('status', 'How far each cell and each process is', {}, async (given) => {
        const terminal = new Terminal((given as unknown as GlobalOptions).json)
        const addresses = readOwnerAddresses()
        const status = await (await loadStatus()).fleetStatus(addresses)
        terminal.show(status, () => describe(status))
      })
      .command(
        'migrate',
        'Bring all cells to the newest schema: one first, then a tenth, then the others',
        (command) =>
          command
            .option('contract', { type: 'boolean', default: false, describe: 'Also what takes something away that nobody needs any more' })
            .option('canary', { type: 'string', describe: 'The cell that goes first; else the one with the fewest merchants' })
            .option('parallel', { type: 'number', default: 4, describe: 'Databases at work at the same time' })
            .option('dry-run', dryRun)
            .option('yes', yes)
            .check(
              ({ parallel }) =>
                (Number.isInteger(parallel) && parallel >= 1 && parallel <= PARALLEL_MAX) || `--parallel is 1 to ${PARALLEL_MAX}.`,
            ),
        async ({ contract, canary, parallel, dryRun, yes, ...given }) =>
          migrate(new Terminal((given as unknown as GlobalOptions).json), { contract, canary, parallel, dryRun, yes }),
      )
      .demandCommand(1, 'souk fleet status, or souk fleet migrate?'),
  ) as Souk
}

async function migrate(terminal: Terminal, wish: MigrateWish): Promise<void> {
  const addresses = readOwnerAddresses()
  const [{ FleetRefusal, migrateFleet }, { fleetStatus }] = await Promise.all([loadFleet(), loadStatus()])
  const status = await fleetStatus(addresses)
  if (wish.dryRun) return terminal.show(status, () => `${describe(status)}\nNothing was done.`)
  if (wish.contract) {
    terminal.say(describe(status))
    await terminal.confirm('What these files take away is gone then; programs that need it are shut out.', wish.yes)
  }
  const bar = terminal.bar(status.cells.length, 'migrating the directory')
  try {
    const outcome = await migrateFleet({
      ...addresses,
      upTo: wish.contract ? 'contract' : 'expand',
      parallel: wish.parallel,
      ...(wish.canary !== undefined && { canary: wish.canary }),
      onProgress: (progress) => bar.to(progress.done, say(progress)),
    })
    const changed = outcome.waves.flat().length
    bar.end(changed === 0 ? 'Every cell was where it shall be.' : `${changed} of ${changed + outcome.already.length} cells migrated.`)
    if (terminal.json) terminal.show(outcome, () => '')
  } catch (error) {
    bar.fail('The fleet is not where it shall be.')
    throw error instanceof FleetRefusal ? new PlainError(error.message) : error
  }
}

function describe({ target, directoryVersion, cells, processes, contracts }: FleetStatus): string {
  const lines = [
    `Newest files: directory ${target.directory}, cell ${target.cell}. The directory is at ${directoryVersion}.`,
    table(
      ['CELL', 'VERSION', 'BEHIND', ''],
      cells.map(({ cell, version, behind, problem, latest }) => [
        cell,
        String(version ?? '?'),
        String(behind ?? '?'),
        problem ?? (latest?.state === 'failed' ? `failed last time: ${latest.failure}` : ''),
      ]),
    ),
    ...processes.map(
      ({ kind, host, version, living }) =>
        `${kind} ${host}: written for directory ${version.directory}, cell ${version.cell}${living ? '' : ', silent: taken for gone'}`,
    ),
  ]
  if (contracts.files.length > 0) lines.push(`Contracts to be made: ${contracts.files.join(', ')}.`)
  for (const blocker of contracts.blockers) lines.push(`  They wait: ${blocker}`)
  return lines.join('\n')
}

function say({ cell, wave, state, attempts, failure }: FleetProgress): string {
  const place = wave === 0 ? 'canary' : `wave ${wave}`
  if (state === 'done') return `${cell} (${place}) done`
  if (state === 'failed') return `${cell} (${place}) failed: ${failure}`
  return failure ? `${cell} (${place}) waits and tries again: ${failure}` : `${cell} (${place}) attempt ${attempts}`
}
