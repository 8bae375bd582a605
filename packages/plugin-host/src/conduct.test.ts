import { expect, test } from 'vitest'
import { Conduct } from './conduct.ts'

const P = { merchantId: 'm', digest: 'p' }
const ANOTHER = { merchantId: 'n', digest: 'p' }

test('a plugin is slow while its calls use over 10 ms of a processor on average', () => {
  const conduct = new Conduct()
  expect(conduct.isSlow(P)).toBe(false)
  conduct.remember(P, { cpuMs: 40, outcome: 'other' }, 0)
  expect(conduct.isSlow(P)).toBe(true)
  for (let call = 0; call < 10; call++) conduct.remember(P, { cpuMs: 1, outcome: 'other' }, 0)
  expect(conduct.isSlow(P)).toBe(false)
  expect(conduct.isSlow(ANOTHER)).toBe(false)
})

test('three timeouts within a minute make it suspect for a minute', () => {
  const conduct = new Conduct()
  const timeout = (now: number) => conduct.remember(P, { cpuMs: 50, outcome: 'timeout' }, now)
  timeout(0)
  timeout(1_000)
  expect(conduct.isSuspect(P, 1_000)).toBe(false)
  timeout(2_000)
  expect(conduct.isSuspect(P, 2_000)).toBe(true)
  expect(conduct.isSuspect(P, 62_001)).toBe(false)
  timeout(100_000)
  timeout(100_001)
  expect(conduct.isSuspect(P, 100_001)).toBe(false)
})

test('six timeouts or kills of different plugins make all of the merchant suspect', () => {
  const conduct = new Conduct()
  for (let n = 0; n < 5; n++) conduct.remember({ merchantId: 'm', digest: `bad ${n}` }, { cpuMs: 50, outcome: 'timeout' }, n)
  expect(conduct.isSuspect(P, 5)).toBe(false)
  conduct.remember({ merchantId: 'm', digest: 'worse' }, { cpuMs: 50, outcome: 'killed' }, 6)
  expect(conduct.isSuspect(P, 7)).toBe(true)
  expect(conduct.restMs(P, 7)).toBe(0)
  expect(conduct.isSuspect(ANOTHER, 7)).toBe(false)
  expect(conduct.isSuspect(P, 60_007)).toBe(false)
})

test('a plugin that cost a process rests, longer each time, and is suspect afterwards', () => {
  const conduct = new Conduct()
  const kill = (now: number) => conduct.remember(P, { cpuMs: 50, outcome: 'killed' }, now)
  kill(0)
  expect(conduct.restMs(P, 0)).toBe(5_000)
  expect(conduct.restMs(P, 5_000)).toBe(0)
  expect(conduct.isSuspect(P, 6_000)).toBe(true)
  expect(conduct.restMs(ANOTHER, 0)).toBe(0)
  kill(6_000)
  expect(conduct.restMs(P, 6_000)).toBe(10_000)
  for (let again = 0; again < 20; again++) kill(20_000)
  expect(conduct.restMs(P, 20_000)).toBe(600_000)
})

test('all plugins of a merchant rest when three of them cost a process, longer each time, and for what is ten minutes old no more', () => {
  const conduct = new Conduct()
  let n = 0
  const kill = (now: number) => conduct.remember({ merchantId: 'm', digest: `bad ${n++}` }, { cpuMs: 50, outcome: 'killed' }, now)
  kill(0)
  kill(1)
  expect(conduct.restMs(P, 1)).toBe(0)
  kill(2)
  expect(conduct.restMs(P, 2)).toBe(5_000)
  kill(6_000)
  expect(conduct.restMs(P, 6_000)).toBe(10_000)
  expect(conduct.restMs(ANOTHER, 6_000)).toBe(0)
  kill(700_000)
  kill(700_001)
  expect(conduct.restMs(P, 700_001)).toBe(0)
  kill(700_002)
  expect(conduct.restMs(P, 700_002)).toBe(5_000)
})

test('only so many plugins are remembered', () => {
  const conduct = new Conduct()
  conduct.remember({ merchantId: 'm', digest: 'first' }, { cpuMs: 40, outcome: 'other' }, 0)
  for (let n = 0; n < 10_000; n++) conduct.remember({ merchantId: 'm', digest: `p${n}` }, { cpuMs: 1, outcome: 'other' }, 0)
  expect(conduct.isSlow({ merchantId: 'm', digest: 'first' })).toBe(false)
})
