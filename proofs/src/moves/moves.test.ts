import { afterAll, beforeAll, expect, test } from 'vitest'
import { MovingWorld } from './moving-world.ts'
import { runMoveLoop } from './run-move-loop.ts'

// A little of `npm run moves`: there and back without copying while buyers buy, and the mover killed while writers wait.

const SEED = Number(process.env.SOUK_MOVE_SEED ?? 3)
const WITHIN_MS = 1_200_000

let world: MovingWorld

beforeAll(async () => {
  world = await MovingWorld.open()
}, WITHIN_MS)
afterAll(() => world.close(), WITHIN_MS)

test('a merchant moves there and back while it sells, and the mover is killed while writers wait: nobody notices, nothing is lost, doubled or left behind', {
  timeout: WITHIN_MS,
}, async () => {
  const report = await runMoveLoop(world, {
    seed: SEED,
    switches: 2,
    buyers: 2,
    buyersEveryMs: 100,
    neighbourBuyers: 1,
    neighbourEveryMs: 200,
    calmMs: 0,
    killEveryMs: 0,
    blow: { point: 'move.fenced', fate: 'mover dies' },
  })
  expect(report.wrong, `npm run moves -- --seed ${SEED} --switches 2`).toEqual([])
  expect(report.switches).toHaveLength(2)
  expect(report.confirmed.moved).toBeGreaterThan(0)
  expect(report.confirmed.neighbours).toBeGreaterThan(0)
  expect(world.restarts).toMatchObject({ worker: expect.any(Number) })
})
