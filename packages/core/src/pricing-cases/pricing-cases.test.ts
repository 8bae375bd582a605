import { describe, expect, it } from 'vitest'
import { compare } from './compare.ts'
import { LEFT_OUT } from './left-out.ts'
import { caseFiles, readCases } from './pricing-case.ts'
import { type CaseRun, runCase } from './run-case.ts'

const PASSING_MIN = 480

const files = caseFiles()
const cases = files.flatMap((file) => readCases(file))
const leftOut = new Set(LEFT_OUT.flatMap(({ cases }) => cases))
const runs = cases.map(runCase)

describe.skipIf(files.length === 0)('pricing cases of other platforms (skipped where ../shared/data/pricing-cases is not there)', () => {
  it.each([...new Set(runs.map(({ platform }) => platform))])('meets the numbers of %s, but for the cases left out', (platform) => {
    const failed = runs.filter((run) => run.platform === platform && !run.passed && !leftOut.has(run.id))
    expect(failed.map(whatIsWrong)).toEqual([])
  })

  it('leaves out no case that it meets, none twice, and none that is not there', () => {
    const passed = new Set(runs.filter((run) => run.passed).map(({ id }) => id))
    expect([...leftOut].filter((id) => passed.has(id))).toEqual([])
    expect(leftOut.size).toBe(LEFT_OUT.flatMap(({ cases }) => cases).length)
    expect([...leftOut].filter((id) => !runs.some((run) => run.id === id))).toEqual([])
  })

  it('compares every number that a case expects', () => {
    const compared = new Map(runs.map((run) => [run.id, run.comparisons.length]))
    const overlooked = cases.filter(({ id, expected }) => !leftOut.has(id) && compared.get(id) !== leaves(expected))
    expect(overlooked.map(({ id }) => id)).toEqual([])
  })

  it('passes over nothing that it does not know', () => {
    for (const given of cases.filter(({ id }) => !leftOut.has(id))) {
      for (const input of withSomethingUnknown(given.input)) {
        expect(runCase({ ...given, input: input as typeof given.input }).problem, given.id).toMatch(/^cannot map/)
      }
      const expected = { ...given.expected, unheard_of: 1 }
      if (!('error' in given.expected)) expect(runCase({ ...given, expected }).problem, given.id).toMatch(/^cannot map/)
    }
  })

  it(`meets at least ${PASSING_MIN}`, () => {
    console.table(tally(runs))
    expect(runs.filter(({ passed }) => passed).length).toBeGreaterThanOrEqual(PASSING_MIN)
  })
})

describe('compare', () => {
  it.each([
    ['0.10', 0.1, true],
    [7, '7.00', true],
    [0.30000000000000004, '0.3', true],
    ['9.09', '9.090909', false],
    ['-1', '1', false],
    ['yes', 'yes', true],
    [true, 'true', false],
    [0, null, false],
  ])('%j beside %j: %s', (expected, actual, same) => {
    expect(compare({ value: expected }, { value: actual })).toMatchObject([{ path: 'value', same }])
  })

  it('knows lists of other lengths, and says which key it has no answer for', () => {
    expect(compare({ parts: [1, 2] }, { parts: [1] })).toMatchObject([{ path: 'parts', same: false }])
    expect(compare({ parts: [] }, { parts: [] })).toMatchObject([{ path: 'parts', same: true }])
    expect(() => compare({ lines: [{ total: 1 }] }, { lines: [{}] })).toThrow('cannot map: expected.lines[0].total')
  })
})

/** The numbers, texts and empty lists of an expectation. */
function leaves(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  const members = Object.values(value)
  if (Array.isArray(value) && members.length === 0) return 1
  return members.reduce((sum: number, member) => sum + leaves(member), 0)
}

/** Objects whose keys are names that a case gives to things. */
const KEYED_BY_NAME = ['tax_rates_percent']

/** The input once for every object in it, with a member more in that object. */
function withSomethingUnknown(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const members = Object.entries(value).filter(([key]) => !KEYED_BY_NAME.includes(key))
  const inside = members.flatMap(([key, member]) =>
    withSomethingUnknown(member).map((changed) => (Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed })),
  )
  return Array.isArray(value) ? inside : [{ ...value, unheard_of: 1 }, ...inside]
}

function whatIsWrong(run: CaseRun): string {
  const differences = run.comparisons.filter(({ same }) => !same).map(({ path, expected, actual }) => `${path} ${expected} is ${actual}`)
  return `${run.id}: ${run.problem ?? differences.join(', ')}`
}

/** By platform: how many cases there are, how many are met, and how many left out. */
function tally(all: readonly CaseRun[]): Record<string, { cases: number; met: number; leftOut: number }> {
  const table: Record<string, { cases: number; met: number; leftOut: number }> = {}
  for (const run of all) {
    for (const name of [run.platform, 'all']) {
      table[name] ??= { cases: 0, met: 0, leftOut: 0 }
      table[name].cases += 1
      if (run.passed) table[name].met += 1
      if (leftOut.has(run.id)) table[name].leftOut += 1
    }
  }
  const { all: sum, ...platforms } = table
  return { ...platforms, ...(sum && { all: sum }) }
}
