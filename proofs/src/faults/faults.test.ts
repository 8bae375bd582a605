import { afterAll, beforeAll, expect, test } from 'vitest'
import { FAULT_CASES } from './cases.ts'
import { dieAt, keyOf, rehearse } from './deeds/die-at.ts'
import { DEEDS } from './deeds/run-deaths.ts'
import { runCase } from './run-case.ts'
import { Seeded } from './seeded.ts'
import { World } from './world.ts'

// A little of `npm run faults`: some of its cases, and some places to die in two of its deeds. SOUK_FAULT_SEED tries others.

const SEED = Number(process.env.SOUK_FAULT_SEED ?? 11)
const CASES = ['answer to a commit lost', 'provider charges and drops the answer', 'receiver refuses']
const DEATHS = { 'a purchase by card': ['api', 'worker'], 'a cancellation, with the money back': ['api', 'worker'] } as const
const WITHIN_MS = 1_200_000

let world: World

beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world.close())

test.each(CASES)('%s: nothing is lost, doubled or left lying', { timeout: WITHIN_MS }, async (name) => {
  const report = await runCase(world, FAULT_CASES.find((known) => known.name === name)!, SEED)
  expect(report.wrong, `npm run faults -- cases --case "${name}" --seed ${SEED}`).toEqual([])
  expect(report.orders).toBeGreaterThan(0)
})

test.each(Object.entries(DEATHS))('%s: is done once, whoever is killed on the way', { timeout: WITHIN_MS }, async (name, victims) => {
  const deed = DEEDS.find((known) => known.name === name)!
  const { places, report } = await rehearse(world, deed)
  expect(report.wrong).toEqual([])
  const seeded = new Seeded(SEED)
  const chosen = victims.map((victim) => seeded.pick(places.filter(({ by }) => by === victim)))
  console.log(`seed ${SEED}: ${chosen.map(keyOf).join(', ')}`)
  for (const place of chosen) expect((await dieAt(world, deed, place)).wrong, keyOf(place)).toEqual([])
})
