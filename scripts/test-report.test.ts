import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { addUp, closingLine, type Report, workspacePatterns } from './test-report.ts'

const passing = { name: 'passing.test.ts', status: 'passed', message: '', assertionResults: [{ status: 'passed' }] }
const clean: Report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [passing] }

test('adds up the packages and says what was skipped', () => {
  const reports = new Map([
    ['packages-core', { ...clean, numPassedTests: 10, numPendingTests: 1, numTodoTests: 1 }],
    ['migrations', clean],
  ])
  expect(closingLine(addUp(reports, ['packages-core', 'migrations'], 0))).toBe('13 passed, 0 failed, 2 skipped')
})

test('counts a failing test once', () => {
  const failing = {
    ...clean,
    numFailedTests: 1,
    testResults: [{ name: 'a.test.ts', status: 'failed', message: '', assertionResults: [{ status: 'failed' }] }],
  }
  expect(closingLine(addUp(new Map([['a', failing]]), ['a'], 1))).toBe('3 passed, 1 failed')
})

test('says what passed at its second attempt only, and how the first failed', () => {
  const again = { status: 'passed', fullName: 'buyers race', failureMessages: ['expected 10 to be 9'] }
  const report = { ...clean, testResults: [{ ...passing, assertionResults: [{ status: 'passed', failureMessages: [] }, again] }] }
  const totals = addUp(new Map([['a', report]]), ['a'], 0)
  expect(totals.remarks).toEqual(['Passed at its second attempt: passing.test.ts > buyers race\n  expected 10 to be 9'])
  expect(closingLine(totals)).toBe('3 passed (1 at the second attempt), 0 failed')
})

test('counts a file that could not be loaded', () => {
  const broken = { ...clean, testResults: [{ name: 'a.test.ts', status: 'failed', message: 'SyntaxError', assertionResults: [] }] }
  const totals = addUp(new Map([['a', broken]]), ['a'], 1)
  expect(totals.failed).toBe(1)
  expect(totals.remarks).toEqual(['Could not be loaded, or failed before its tests: a.test.ts'])
})

test('counts a file whose set-up failed, so that its tests were skipped', () => {
  const broken = {
    name: 'a.test.ts',
    status: 'failed',
    message: 'no server',
    assertionResults: [{ status: 'skipped' }, { status: 'skipped' }],
  }
  const report = { ...clean, numPassedTests: 0, numPendingTests: 2, testResults: [broken] }
  expect(closingLine(addUp(new Map([['a', report]]), ['a'], 1))).toBe('0 passed, 1 failed, 2 skipped')
})

test('counts a package whose tests never reported', () => {
  expect(closingLine(addUp(new Map([['a', clean]]), ['a', 'b'], 1))).toBe('3 passed, 1 failed')
})

test('counts a package without a single test', () => {
  expect(closingLine(addUp(new Map([['a', { ...clean, numPassedTests: 0, testResults: [] }]]), ['a'], 1))).toBe('0 passed, 1 failed')
})

test('never calls a run clean in which lint or types failed', () => {
  expect(closingLine(addUp(new Map([['a', clean]]), ['a'], 2))).toBe('3 passed, 1 failed')
})

test('finds the workspace where pnpm does', () => {
  expect(workspacePatterns("packages:\n  - packages/*\n  - 'apps/*'\n  - migrations\n\nallowBuilds:\n  - not-this\n")).toEqual([
    'packages/*',
    'apps/*',
    'migrations',
  ])
  const real = workspacePatterns(readFileSync(new URL('../pnpm-workspace.yaml', import.meta.url), 'utf8'))
  expect(real).toEqual(expect.arrayContaining(['packages/*', 'apps/*', 'migrations', 'scripts']))
})
