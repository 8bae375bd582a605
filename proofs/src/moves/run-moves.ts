import { parseArgs } from 'node:util'
import { runModel } from '../move-model/run-model.ts'
import { runCrashes } from './crash-matrix.ts'
import { MovingWorld } from './moving-world.ts'
import { reportOf } from './report.ts'
import { runMoveLoop } from './run-move-loop.ts'

// A merchant moves to and fro while three shops sell:      npm run moves
// As often as asked for, with kills about every 700 ms:    npm run moves -- --switches 200 --kill-every 700 --seed 4711
// Movers killed at each named step, in both directions:    npm run moves -- crashes
// Every state of the protocol's model:                     npm run moves -- model

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    switches: { type: 'string', default: '20' },
    seed: { type: 'string' },
    'kill-every': { type: 'string', default: '0' },
    buyers: { type: 'string', default: '6' },
    'buy-every': { type: 'string', default: '0' },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)

process.exitCode = (await run(positionals[0] ?? 'loop')) ? 0 : 1

async function run(what: string): Promise<boolean> {
  if (what === 'model') return runModel()
  if (what === 'crashes') return inWorld((world) => runCrashes(world, seed))
  if (what === 'loop') return inWorld(loop)
  console.error(`There is no ${what}. There are: loop, crashes, model.`)
  return false
}

async function loop(world: MovingWorld): Promise<boolean> {
  const report = await runMoveLoop(world, {
    seed,
    switches: Number(values.switches),
    buyers: Number(values.buyers),
    buyersEveryMs: Number(values['buy-every']),
    neighbourBuyers: 1,
    neighbourEveryMs: 100,
    calmMs: 10_000,
    killEveryMs: Number(values['kill-every']),
    told: (line) => console.log(line),
  })
  console.log(`\n${reportOf(report)}`)
  for (const { what, of } of report.wrong) console.log(`WRONG ${what}: ${JSON.stringify(of).slice(0, 2_000)}`)
  if (report.wrong.length > 0)
    console.log(`again: npm run moves -- --seed ${seed} --switches ${values.switches} --kill-every ${values['kill-every']}`)
  return report.wrong.length === 0
}

async function inWorld(work: (world: MovingWorld) => Promise<boolean>): Promise<boolean> {
  const world = await MovingWorld.open()
  try {
    return await work(world)
  } finally {
    await world.close()
  }
}
