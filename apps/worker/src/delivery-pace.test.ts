import { expect, test } from 'vitest'
import { DeliveryPace } from './delivery-pace.ts'

const NEVER = new AbortController().signal

/** A pace whose waits are told and not waited for, at a clock that stands. */
function paceOf(limits: object): { wait: (merchantId: string) => Promise<number>; clock: { now: number } } {
  const clock = { now: 0 }
  let waited = 0
  const pace = new DeliveryPace({
    limitsOf: () => limits,
    clock: () => clock.now,
    pause: async (ms) => {
      waited = ms
    },
  })
  const wait = async (merchantId: string) => {
    waited = 0
    await pace.wait(merchantId, NEVER)
    return Math.round(waited)
  }
  return { wait, clock }
}

test('lets a second worth begin at once after a rest, and then one at a time', async () => {
  const { wait, clock } = paceOf({ webhooks: { deliveries_per_second: 4 } })
  expect([await wait('a'), await wait('a'), await wait('a'), await wait('a')]).toEqual([0, 0, 0, 0])
  expect([await wait('a'), await wait('a'), await wait('b')]).toEqual([250, 500, 0])
  clock.now = 10_000
  expect(await wait('a')).toBe(0)
})

test('at less than one a second the second waits for its time', async () => {
  const { wait } = paceOf({ webhooks: { deliveries_per_second: 0.5 } })
  expect([await wait('a'), await wait('a'), await wait('a')]).toEqual([0, 2_000, 4_000])
})

test('a plan that names no rate lets everything begin', async () => {
  const { wait } = paceOf({})
  for (let n = 0; n < 50; n++) expect(await wait('a')).toBe(0)
})

test('who is told to end does not wait for its time', async () => {
  const pace = new DeliveryPace({ limitsOf: () => ({ webhooks: { deliveries_per_second: 0.01 } }) })
  await pace.wait('a', NEVER)
  await pace.wait('a', AbortSignal.abort())
})
