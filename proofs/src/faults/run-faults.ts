import { parseArgs } from 'node:util'
import { closeOnInterrupt } from '../close-on-interrupt.ts'
import { FAULT_CASES, type FaultCase } from './cases.ts'
import { type DeathReport, keyOf } from './deeds/die-at.ts'
import { DEEDS, dieAtShare, rehearseAll } from './deeds/run-deaths.ts'
import { faultTable } from './fault-table.ts'
import { type CaseReport, runCase } from './run-case.ts'
import { World } from './world.ts'

// Every fault, with as many seeds as asked for, and between them every crash point that people's deeds come by:
//   npm run faults -- --seeds 5
// One of the two:               npm run faults -- cases        npm run faults -- crashes
// One failure again:            npm run faults -- cases --case "provider killed" --seed 4711
//                               npm run faults -- crashes --deed "a purchase by card" --seed 4711
// At the second and third pass of a point too:  npm run faults -- crashes --passes 3
// At every twelfth point only:  npm run faults -- crashes --every 12

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    case: { type: 'string', multiple: true },
    deed: { type: 'string', multiple: true },
    every: { type: 'string' },
    passes: { type: 'string', default: '1' },
  },
})

const first = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const seeds = Array.from({ length: values.seed === undefined ? Number(values.seeds) : 1 }, (_, n) => first + n)
const both = positionals.length === 0
const cases = both || positionals.includes('cases') ? named(FAULT_CASES, values.case) : []
const deeds = both || positionals.includes('crashes') ? named(DEEDS, values.deed) : []
if (cases.length + deeds.length === 0) {
  console.error(`Nothing is called so. There are:\n${[...FAULT_CASES, ...DEEDS].map(({ name }) => `  ${name}`).join('\n')}`)
  process.exit(1)
}
console.log(`${cases.length} cases and ${deeds.length} deeds to die in, seeds ${seeds.join(', ')}`)

const started = performance.now()
const ofCases: CaseReport[] = []
const ofDeaths: DeathReport[] = []
let places = 0
const every = Number(values.every ?? seeds.length)
const opening = World.open()
let isCut = false
// Processes and databases run before all of it does.
closeOnInterrupt(async () => {
  isCut = true
  await (await opening).close()
})
const world = await opening
try {
  const deaths = await rehearseAll(world, deeds, Number(values.passes), tellDeath)
  places = deaths.length
  for (const [index, seed] of seeds.entries()) {
    for (const faultCase of ofSeed(index)) await tryCase(faultCase, seed)
    await dieAtShare(world, deaths, { of: every, index, seed }, tellDeath)
  }
} finally {
  if (!isCut) await world.close()
}
console.log(faultTable({ cases: ofCases, deaths: ofDeaths, places, seeds: seeds.length, ms: performance.now() - started }))
console.log(
  `Started again: ${Object.entries(world.restarts)
    .map(([what, times]) => `${what} ${times}`)
    .join(', ')}.`,
)
process.exitCode = [...ofCases, ...ofDeaths].every(({ wrong }) => wrong.length === 0) ? 0 : 1

function named<Named extends { name: string }>(all: readonly Named[], names: readonly string[] | undefined): Named[] {
  return all.filter(({ name }) => names === undefined || names.includes(name))
}

/** Those that kill at a named point are shared among the seeds, as the deaths in deeds are. */
function ofSeed(index: number): FaultCase[] {
  return cases.filter(({ isCrash }, position) => isCrash !== true || values.case !== undefined || position % every === index)
}

async function tryCase(faultCase: FaultCase, seed: number): Promise<void> {
  const report = await runCase(world, faultCase, seed)
  const { name, orders, purchases, ms, wrong } = report
  ofCases.push(report)
  tell(name, `seed ${seed}  ${orders} of ${purchases} ordered`, ms, wrong, `cases --case "${name}" --seed ${seed}`)
}

function tellDeath(report: DeathReport): void {
  const { deed, place, died, ms, wrong } = report
  ofDeaths.push(report)
  const where = place === undefined ? 'nobody dies' : `${keyOf(place)}${died ? '' : ' (not come by)'}`
  tell(deed, where, ms, wrong, `crashes --deed "${deed}"`)
}

function tell(what: string, how: string, ms: number, wrong: CaseReport['wrong'], again: string): void {
  const verdict = wrong.length === 0 ? 'ok' : 'WRONG'
  console.log(`${verdict.padEnd(6)}${what.padEnd(42)} ${how}  ${(ms / 1000).toFixed(1)} s`)
  for (const { what: problem, of } of wrong) console.log(`      ${problem}: ${JSON.stringify(of).slice(0, 2_000)}`)
  if (wrong.length > 0) console.log(`      again: npm run faults -- ${again}`)
}
