import { describe, expect, test } from 'vitest'
import { Places } from './places.ts'

test('a merchant has as many places as its plan says, and another those of its own', () => {
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => ({ concurrency: { jobs: 2 } }), clock: () => 0 })
  expect([places.enter('a'), places.enter('a'), places.enter('a'), places.enter('b')]).toEqual([true, true, false, true])
  expect(places.full()).toEqual({ merchants: ['a'], kinds: [] })
  places.leave('a')
  expect(places.full()).toEqual({ merchants: [], kinds: [] })
  expect(places.enter('a')).toBe(true)
})

test('begins ten seconds worth of a minute at once, and the others as time goes on', () => {
  let now = 0
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => ({ jobs: { per_minute: 12 } }), clock: () => now })
  const begin = () => {
    const begun = places.enter('a')
    if (begun) places.leave('a')
    return begun
  }
  expect([begin(), begin(), begin()]).toEqual([true, true, false])
  expect(places.full().merchants).toEqual(['a'])
  now = 4_999
  expect(begin()).toBe(false)
  now = 5_000
  expect([begin(), begin()]).toEqual([true, false])
  let count = 0
  for (now = 60_000; now < 120_000; now += 100) if (begin()) count += 1
  expect(count).toBe(13)
})

test('a plan that names neither limits nothing, and one that changes counts from then on', () => {
  let limits = {}
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => limits, clock: () => 0 })
  for (let n = 0; n < 100; n++) expect(places.enter('a')).toBe(true)
  limits = { concurrency: { jobs: 100 } }
  expect(places.enter('a')).toBe(false)
  places.leave('a')
  expect(places.enter('a')).toBe(true)
})

describe.each(['slow', 'outside'] as const)('jobs that are %s', (kind) => {
  test('of one merchant leave half of the places, and are not looked for from then on', () => {
    const places = new Places({ jobsAtOnce: 6, limitsOf: () => ({}) })
    expect([1, 2, 3, 4].map(() => places.enter('a', kind))).toEqual([true, true, true, false])
    expect(places.full()).toEqual({ merchants: [], kinds: [{ kind, merchantId: 'a' }] })
    expect([places.enter('b', kind), places.enter('a')]).toEqual([true, true])
    places.leave('a', kind)
    expect(places.full()).toEqual({ merchants: [], kinds: [] })
    expect(places.enter('a', kind)).toBe(true)
  })

  test('have the one place of a process that has no more', () => {
    const places = new Places({ jobsAtOnce: 1, limitsOf: () => ({}) })
    expect([places.enter('a', kind), places.enter('b', kind)]).toEqual([true, false])
  })
})

test('slow jobs leave one place to those that ask outside, and both together one to the quick ones', () => {
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => ({}) })
  const enter = (kind: 'slow' | 'outside' | 'quick') => places.enter(crypto.randomUUID(), kind)
  expect([enter('slow'), enter('slow'), enter('slow')]).toEqual([true, true, false])
  expect(places.full().kinds).toEqual([{ kind: 'slow', merchantId: undefined }])
  expect([enter('outside'), enter('outside'), enter('quick')]).toEqual([true, false, true])
  expect(places.full().kinds).toEqual([
    { kind: 'slow', merchantId: undefined },
    { kind: 'outside', merchantId: undefined },
  ])
})
