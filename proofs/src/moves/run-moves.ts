import { parseArgs } from 'node:util'
import { closeOnInterrupt } from '../close-on-interrupt.ts'
import { runModel } from '../move-model/run-model.ts'
import { runCrashes } from './crash-matrix.ts'
import { MovingWorld, type WorldOptions } from './moving-world.ts'
import { reportOf } from './report.ts'
import { type LoopOptions, runMoveLoop } from './run-move-loop.ts'

// A merchant moves to and fro while three shops sell:      npm run moves
// As often as asked for, with kills about every 700 ms:    npm run moves -- --switches 200 --kill-every 700 --seed 4711
// Between two databases of one server:                     npm run moves -- --same-cluster
// How long writers wait, at a fixed rate of writing:       npm run moves -- pause --rate 300
// Movers and databases that die at each named step:        npm run moves -- crashes [move.fenced] [--from 15]
// Every state of the protocol's model:                     npm run moves -- model

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    switches: { type: 'string', default: '20' },
    seed: { type: 'string' },
    'kill-every': { type: 'string', default: '0' },
    buyers: { type: 'string' },
    'buy-every': { type: 'string' },
    'neighbours-buy-every': { type: 'string', default: '100' },
    'same-cluster': { type: 'boolean', default: false },
    rate: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    'work-percent': { type: 'string' },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const oneServer = values['same-cluster']
const killEveryMs = Number(values['kill-every'])
const PAUSE_GOODS = 100

process.exitCode = (await run(positionals[0] ?? 'loop')) ? 0 : 1

async function run(what: string): Promise<boolean> {
  if (what === 'model') return runModel()
  if (what === 'crashes')
    return inWorld({ oneServer }, (world) => runCrashes(world, seed, { only: positionals[1], from: Number(values.from) }))
  if (what === 'loop') return inWorld({ oneServer, workPercent: workPercent() }, (world) => loop(world, { buyers: 6, buyersEveryMs: 0 }))
  if (what === 'pause')
    return inWorld({ oneServer, goods: PAUSE_GOODS }, (world) =>
      loop(world, { buyers: 1, buyersEveryMs: 200, writesPerSecond: Number(values.rate) }),
    )
  console.error(`There is no ${what}. There are: loop, pause, crashes, model.`)
  return false
}

async function loop(world: MovingWorld, given: Pick<LoopOptions, 'buyers' | 'buyersEveryMs' | 'writesPerSecond'>): Promise<boolean> {
  const report = await runMoveLoop(world, {
    ...given,
    ...(values.buyers !== undefined && { buyers: Number(values.buyers) }),
    ...(values['buy-every'] !== undefined && { buyersEveryMs: Number(values['buy-every']) }),
    seed,
    switches: Number(values.switches),
    neighbourBuyers: 1,
    neighbourEveryMs: Number(values['neighbours-buy-every']),
    ...(killEveryMs === 0 ? { warmUpMs: 120_000, calmMs: 60_000, calmBetween: true } : { calmMs: 10_000 }),
    killEveryMs,
    told: (line) => console.log(line),
  })
  console.log(`\n${reportOf(report)}`)
  for (const { what, of } of report.wrong) console.log(`WRONG ${what}: ${JSON.stringify(of).slice(0, 2_000)}`)
  if (report.wrong.length > 0) console.log(`again: npm run moves -- ${process.argv.slice(2).join(' ')} --seed ${seed}`)
  return report.wrong.length === 0
}

/** As merchants have it, unless moves have to get through between kills. */
function workPercent(): number | 'default' {
  if (values['work-percent'] !== undefined) return Number(values['work-percent'])
  return killEveryMs > 0 ? 100 : 'default'
}

async function inWorld(options: WorldOptions, work: (world: MovingWorld) => Promise<boolean>): Promise<boolean> {
  const opening = MovingWorld.open(options)
  // Processes and databases run before all of it does.
  closeOnInterrupt(async () => (await opening).close())
  const world = await opening
  try {
    return await work(world)
  } catch (error) {
    for (const line of world.lockWaits()) console.log(line)
    throw error
  } finally {
    await world.close()
  }
}
