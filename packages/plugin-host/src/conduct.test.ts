import { expect, test } from 'vitest'
import { Conduct } from './conduct.ts'

test('a plugin is slow while its calls take over 10 ms on average', () => {
  const conduct = new Conduct()
  expect(conduct.isSlow('p')).toBe(false)
  conduct.remember('p', { wallMs: 40, outcome: 'other' }, 0)
  expect(conduct.isSlow('p')).toBe(true)
  for (let call = 0; call < 10; call++) conduct.remember('p', { wallMs: 1, outcome: 'other' }, 0)
  expect(conduct.isSlow('p')).toBe(false)
  expect(conduct.isSlow('another')).toBe(false)
})

test('three timeouts within a minute make it suspect for a minute', () => {
  const conduct = new Conduct()
  const timeout = (now: number) => conduct.remember('p', { wallMs: 50, outcome: 'timeout' }, now)
  timeout(0)
  timeout(1_000)
  expect(conduct.isSuspect('p', 1_000)).toBe(false)
  timeout(2_000)
  expect(conduct.isSuspect('p', 2_000)).toBe(true)
  expect(conduct.isSuspect('p', 62_001)).toBe(false)
  timeout(100_000)
  timeout(100_001)
  expect(conduct.isSuspect('p', 100_001)).toBe(false)
})

test('a plugin that cost a process rests, longer each time, and is suspect afterwards', () => {
  const conduct = new Conduct()
  const kill = (now: number) => conduct.remember('p', { wallMs: 50, outcome: 'killed' }, now)
  kill(0)
  expect(conduct.restMs('p', 0)).toBe(5_000)
  expect(conduct.restMs('p', 5_000)).toBe(0)
  expect(conduct.isSuspect('p', 6_000)).toBe(true)
  expect(conduct.restMs('another', 0)).toBe(0)
  kill(6_000)
  expect(conduct.restMs('p', 6_000)).toBe(10_000)
  for (let again = 0; again < 20; again++) kill(20_000)
  expect(conduct.restMs('p', 20_000)).toBe(600_000)
})

test('only so many plugins are remembered', () => {
  const conduct = new Conduct()
  conduct.remember('first', { wallMs: 40, outcome: 'other' }, 0)
  for (let n = 0; n < 10_000; n++) conduct.remember(`p${n}`, { wallMs: 1, outcome: 'other' }, 0)
  expect(conduct.isSlow('first')).toBe(false)
})
