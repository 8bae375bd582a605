import { expect, test } from 'vitest'
import { shareBetween, ticksOf, whileQuiet } from './stolen.ts'

test('what the host took is read from the first line of /proc/stat', () => {
  const before = ticksOf('cpu  100 0 50 800 10 0 0 40 30 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n')!
  expect(before).toEqual({ all: 1_000, stolen: 40 })
  const after = ticksOf('cpu  150 0 60 880 10 0 0 100 60 0')!
  expect(shareBetween(before, after)).toBe(0.3)
  expect(shareBetween(after, after)).toBe(0)
})

test('a system that does not say is not taken for one where nothing is taken', () => {
  expect([ticksOf(''), ticksOf('cpu  1 2 3'), ticksOf('intr 1 2 3 4 5 6 7 8')]).toEqual([undefined, undefined, undefined])
})

test('a request is quiet if nothing was taken all the while', () => {
  const stolen = [
    { from: 0, to: 500, share: 0.01 },
    { from: 500, to: 1_000, share: 0.2 },
  ]
  const at = (sentAt: number, tookMs: number) => ({ sentAt, tookMs })
  expect(whileQuiet([at(100, 50), at(450, 100), at(600, 20), at(990, 50), at(1_001, 5)], stolen)).toEqual([at(100, 50), at(1_001, 5)])
  expect(whileQuiet([at(600, 20)], [])).toEqual([at(600, 20)])
})
