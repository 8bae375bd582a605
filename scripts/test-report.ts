/** The part that is read here of the JSON that vitest writes. */
export interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { name: string; status: string; message: string; assertionResults: TestResult[] }[]
}

interface TestResult {
  status: string
  fullName?: string
  /** Also of a first attempt that failed, where the second passed. */
  failureMessages?: string[]
}

export interface Totals {
  passed: number
  /** Of those that passed. */
  atSecondAttempt: number
  failed: number
  skipped: number
  /** What a reader of the numbers alone would miss. */
  remarks: string[]
}

/**
 * Adds up what the packages reported. Nothing that went wrong counts as nothing: a test file that failed as a whole, a package without
 * tests or report, and a failing check that is no test (lint, types) are one failure each.
 */
export function addUp(reports: Map<string, Report>, expected: string[], exitCode: number): Totals {
  const totals: Totals = { passed: 0, atSecondAttempt: 0, failed: 0, skipped: 0, remarks: [] }
  for (const [name, report] of reports) {
    if (report.testResults.length === 0) {
      totals.failed += 1
      totals.remarks.push(`No tests in ${name}.`)
    }
    totals.passed += report.numPassedTests
    totals.failed += report.numFailedTests
    totals.skipped += report.numPendingTests + report.numTodoTests
    for (const file of report.testResults) {
      const again = file.assertionResults.filter(({ status, failureMessages = [] }) => status === 'passed' && failureMessages.length > 0)
      totals.atSecondAttempt += again.length
      totals.remarks.push(
        ...again.map((test) => `Passed at its second attempt: ${file.name} > ${test.fullName}\n  ${test.failureMessages![0]}`),
      )
      if (file.status !== 'failed' || file.assertionResults.some((test) => test.status === 'failed')) continue
      totals.failed += 1
      totals.remarks.push(`Could not be loaded, or failed before its tests: ${file.name}`)
    }
  }
  for (const name of expected.filter((package_) => !reports.has(package_))) {
    totals.failed += 1
    totals.remarks.push(`No test report from ${name}: its tests did not run to their end.`)
  }
  if (exitCode !== 0 && totals.failed === 0) {
    totals.failed = 1
    totals.remarks.push(
      'Every test passed, but lint, types, the tests of an example plugin or something outside of a test did not: see above.',
    )
  }
  return totals
}

export function closingLine({ passed, atSecondAttempt, failed, skipped }: Totals): string {
  const again = atSecondAttempt > 0 ? ` (${atSecondAttempt} at the second attempt)` : ''
  return `${passed} passed${again}, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** The entries of the list `packages` in pnpm-workspace.yaml: folders, or all folders of one (`apps/*`). */
export function workspacePatterns(yaml: string): string[] {
  const list = /^packages:\n((?:[ \t]+- .*\n)+)/m.exec(yaml)?.[1] ?? ''
  return [...list.matchAll(/- ['"]?([^'"\s]+)/g)].map(([, pattern]) => pattern as string)
}
