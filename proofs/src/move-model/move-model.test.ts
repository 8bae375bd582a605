import { describe, expect, test } from 'vitest'
import { explore, type Model, NEVER_RESTS } from './explore.ts'
import { exploreWithout, MISSED, SMALL } from './guards.ts'
import { moveModel } from './move-model.ts'
import { GUARDS } from './protocol.ts'

// Every state that a move can be in, in small; `npm run moves -- model` looks at millions.

test('whatever is done in whatever order, killed or late: one home, nothing lost, nothing left behind, and it comes to rest', () => {
  const explored = explore(moveModel(SMALL))
  expect(explored.violation).toBeUndefined()
  expect(explored.complete).toBe(true)
  expect(explored.states).toBeGreaterThan(100_000)
  expect(explored.resting).toBeGreaterThan(100)
})

test.each(GUARDS)('without this it breaks: %s', (guard) => {
  const { violation } = exploreWithout(guard)
  expect(violation?.broken, violation?.steps.join('\n')).toBe(MISSED[guard])
})

test('each invariant is missed by some guard', () => {
  const missed = Object.values(MISSED).map((broken) => broken.slice(0, 2))
  expect(missed).toEqual(expect.arrayContaining(['I1', 'I2', 'I3', 'I4', 'I5']))
})

describe('the explorer', () => {
  /** A number that goes up by one or two, by the system's own steps or not. */
  function counter(
    steps: (at: number) => { by: number; own: boolean }[],
    rest: Partial<Model<{ at: number }>> = {},
  ): Model<{ at: number }> {
    return {
      initial: { at: 0 },
      partsOf: (state) => [state],
      stateOf: ([state]) => state as { at: number },
      steps: ({ at }) => steps(at).map(({ by, own }) => ({ name: `by ${by}`, own, to: { at: at + by } })),
      brokenIn: () => undefined,
      brokenBy: () => undefined,
      brokenAtRest: () => undefined,
      ...rest,
    }
  }
  const upToSix = (at: number) => (at < 6 ? [1, 2].map((by) => ({ by, own: true })) : [])

  test('visits each state once and each transition', () => {
    expect(explore(counter(upToSix))).toEqual({ states: 8, transitions: 12, resting: 2, complete: true })
  })

  test('tells the shortest way to what is broken', () => {
    const model = counter(upToSix, { brokenIn: ({ at }) => (at === 5 ? 'five' : undefined) })
    expect(explore(model).violation).toEqual({ broken: 'five', steps: ['by 1', 'by 2', 'by 2'] })
  })

  test('sees what is wrong with a step, and with a state of rest', () => {
    const leap = counter(upToSix, { brokenBy: (before, after) => (after.at - before.at > 1 ? 'a leap' : undefined) })
    expect(explore(leap).violation).toEqual({ broken: 'a leap', steps: ['by 2'] })
    const seven = counter(upToSix, { brokenAtRest: ({ at }) => (at === 7 ? 'rests at seven' : undefined) })
    expect(explore(seven).violation).toMatchObject({ broken: 'rests at seven' })
  })

  test('finds a circle that has no way out of its own', () => {
    const circle = counter((at) => (at === 0 ? [{ by: 1, own: false }] : [{ by: at === 1 ? 1 : -1, own: true }]))
    expect(explore(circle).violation).toEqual({ broken: NEVER_RESTS, steps: ['by 1'] })
  })

  test('stops where it is told to, and says so', () => {
    const endless = counter(() => [{ by: 1, own: true }])
    expect(explore(endless, { statesMax: 50 })).toEqual({ states: 51, transitions: 50, resting: 0, complete: false })
  })
})
