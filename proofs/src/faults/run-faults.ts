import { parseArgs } from 'node:util'
import { FAULT_CASES } from './cases.ts'
import { type CaseReport, runCase } from './run-case.ts'
import { World } from './world.ts'

// Every fault, with as many seeds as asked for: npm run faults -- --seeds 5
// One failure again: npm run faults -- --case "provider killed" --seed 4711

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    case: { type: 'string', multiple: true },
  },
})

const first = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const seeds = Array.from({ length: values.seed === undefined ? Number(values.seeds) : 1 }, (_, n) => first + n)
const cases = values.case === undefined ? FAULT_CASES : FAULT_CASES.filter(({ name }) => values.case!.includes(name))
if (cases.length === 0) {
  console.error(`There is no such case. There are: ${FAULT_CASES.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
console.log(`${cases.length} cases, seeds ${seeds.join(', ')}`)

const reports: CaseReport[] = []
const world = await World.open()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The platform's processes would outlive us.
  process.once(signal, () => void world.close().finally(() => process.exit(130)))
}
try {
  for (const seed of seeds) {
    for (const faultCase of cases) {
      const report = await runCase(world, faultCase, seed)
      reports.push(report)
      tell(report)
    }
  }
} finally {
  await world.close()
}
const failed = reports.filter(({ wrong }) => wrong.length > 0)
const restarts = Object.entries(world.restarts).map(([what, times]) => `${what} ${times}`)
console.log(`${reports.length} runs, ${failed.length} with something wrong. Started again: ${restarts.join(', ')}.`)
process.exitCode = failed.length === 0 ? 0 : 1

function tell({ name, seed, orders, purchases, ms, wrong }: CaseReport): void {
  const verdict = wrong.length === 0 ? 'ok' : 'WRONG'
  console.log(`${verdict.padEnd(6)}${name.padEnd(42)} seed ${seed}  ${orders} of ${purchases} ordered  ${(ms / 1000).toFixed(1)} s`)
  for (const { what, of } of wrong) console.log(`      ${what}: ${JSON.stringify(of).slice(0, 2_000)}`)
  if (wrong.length > 0) console.log(`      again: npm run faults -- --case "${name}" --seed ${seed}`)
}
