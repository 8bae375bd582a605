import { expect, it } from 'vitest'
import { newId } from './ids.ts'

it('makes ids of version 7: the time in front, then in the order they were made, and none twice', () => {
  const now = new Date('2022-02-22T19:22:22.000Z')
  const ids = Array.from({ length: 1_000 }, () => newId(now))
  // The example of RFC 9562, appendix A.6, has this time.
  for (const id of ids) expect(id).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids).size).toBe(1_000)
  expect([...ids].sort()).toEqual(ids)
  // More than can be counted in one millisecond: their order is lost, and nothing else.
  expect(new Set(Array.from({ length: 10_000 }, () => newId(now))).size).toBe(10_000)
  expect(newId(new Date(0))).toMatch(/^00000000-0000-7/)
  expect(newId(new Date(now.getTime() + 1)) > ids[0]!).toBe(true)
})
