import { afterAll, beforeAll, expect, test } from 'vitest'
import { FAULT_CASES } from './cases.ts'
import { runCase } from './run-case.ts'
import { World } from './world.ts'

// A few of the cases of `npm run faults`, one of each kind. SOUK_FAULT_SEED tries another seed.

const SEED = Number(process.env.SOUK_FAULT_SEED ?? 11)
const CHOSEN = [
  'api killed at payment.after_provider',
  'worker killed at operation.after_provider',
  'answer to a commit lost',
  'provider charges and drops the answer',
  'receiver refuses',
]
const WITHIN_MS = 600_000

let world: World

beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world.close())

test.each(CHOSEN)('%s: nothing is lost, doubled or left lying', { timeout: WITHIN_MS }, async (name) => {
  const faultCase = FAULT_CASES.find((known) => known.name === name)!
  const report = await runCase(world, faultCase, SEED)
  expect(report.wrong, `npm run faults -- --case "${name}" --seed ${SEED}`).toEqual([])
  expect(report.orders).toBeGreaterThan(0)
})
