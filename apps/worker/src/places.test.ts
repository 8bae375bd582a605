import { expect, test } from 'vitest'
import { Places } from './places.ts'

test('a merchant has as many places as its plan says, and another those of its own', () => {
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => ({ concurrency: { jobs: 2 } }), clock: () => 0 })
  expect([places.enter('a'), places.enter('a'), places.enter('a'), places.enter('b')]).toEqual([true, true, false, true])
  expect(places.full()).toEqual(['a'])
  places.leave('a')
  expect(places.full()).toEqual([])
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
  expect(places.full()).toEqual(['a'])
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

test('slow jobs of one merchant leave half of the places, and those of all leave one', () => {
  const places = new Places({ jobsAtOnce: 4, limitsOf: () => ({}) })
  expect([places.enter('a', true), places.enter('a', true), places.enter('a', true)]).toEqual([true, true, false])
  expect([places.enter('b', true), places.enter('b', true), places.enter('a')]).toEqual([true, false, true])
  places.leave('a', true)
  expect(places.enter('b', true)).toBe(true)
  const alone = new Places({ jobsAtOnce: 1, limitsOf: () => ({}) })
  expect([alone.enter('a', true), alone.enter('a', true)]).toEqual([true, false])
})
