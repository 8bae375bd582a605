import { parseArgs } from 'node:util'
import { FleetRefusal, migrateFleet } from '@souk/migrations/fleet.ts'
import { fleetStatus } from '@souk/migrations/fleet-status.ts'
import { describeFailure, Explained } from './explained.ts'
import { fleetAddresses } from './fleet-addresses.ts'
import { describeFleet, describeProgress } from './fleet-report.ts'

// Migrations over all cells: docs/fleet.md.

const USAGE = `npm run fleet -- status [--json]
npm run fleet -- migrate [--contract] [--canary CELL] [--canary-wait SECONDS] [--parallel N] [--dry-run]`

const PARALLEL_MAX = 64

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        contract: { type: 'boolean', default: false },
        canary: { type: 'string' },
        'canary-wait': { type: 'string', default: '0' },
        parallel: { type: 'string', default: '4' },
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    const addresses = fleetAddresses(process.env)
    const [command] = positionals
    if (command === 'status' || (command === 'migrate' && values['dry-run'])) {
      const status = await fleetStatus(addresses)
      console.log(values.json ? JSON.stringify(status, null, 2) : describeFleet(status).join('\n'))
      return 0
    }
    if (command !== 'migrate' || positionals.length > 1) {
      console.error(USAGE)
      return 2
    }
    const waitS = whole('--canary-wait', values['canary-wait'], 0, 86_400)
    const outcome = await migrateFleet({
      ...addresses,
      upTo: values.contract ? 'contract' : 'expand',
      parallel: whole('--parallel', values.parallel, 1, PARALLEL_MAX),
      ...(values.canary !== undefined && { canary: values.canary }),
      afterCanary: (cell) => watchCanary(cell, waitS),
      onProgress: (progress) => console.log(describeProgress(progress)),
    })
    const changed = outcome.waves.flat().length
    console.log(changed === 0 ? 'Every cell was where it shall be.' : `${changed} of ${changed + outcome.already.length} cells migrated.`)
    return 0
  } catch (error) {
    console.error(error instanceof FleetRefusal || isUsage(error) ? (error as Error).message : describeFailure(error))
    return 1
  }
}

/** Whoever runs this looks at the canary's metrics meanwhile, and ends the run with Ctrl-C if they do not like them. */
async function watchCanary(cell: string, seconds: number): Promise<void> {
  if (seconds === 0) return
  console.log(`${cell} went first; the others follow in ${seconds} s unless you stop this.`)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

function whole(name: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < min || number > max) throw new Explained(`${name} is a whole number from ${min} to ${max}.`)
  return number
}

function isUsage(error: unknown): boolean {
  return String((error as { code?: string }).code).startsWith('ERR_PARSE_ARGS')
}
