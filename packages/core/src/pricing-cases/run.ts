import { existsSync } from 'node:fs'
import { caseFiles, type PricingCase, readCases } from './pricing-case.ts'
import { type CaseRun, runCase } from './run-case.ts'

/**
 * node packages/core/src/pricing-cases/run.ts [file.json | platform | id …]
 * Without ids: a line per case that fails and a count. With an id: the case, what our model was asked, and what it said.
 */
const asked = process.argv.slice(2)
const cases = asked.filter((each) => existsSync(each)).flatMap((file) => readCases(file))
const named = asked.filter((each) => !existsSync(each))
const known = cases.length > 0 ? cases : caseFiles().flatMap((file) => readCases(file))
const chosen = named.length > 0 ? known.filter(({ id }) => named.some((name) => id === name || id.startsWith(`${name}-`))) : known

for (const given of chosen) {
  const run = runCase(given)
  if (named.includes(given.id)) printWhole(given, run)
  else if (!run.passed) console.log(`${run.id}  ${given.title}\n    ${run.problem ?? differences(run)}`)
}
console.log(`${chosen.filter((given) => runCase(given).passed).length} of ${chosen.length} pass`)

function printWhole(given: PricingCase, run: CaseRun): void {
  console.log(pretty({ id: given.id, title: given.title, notes: given.notes, input: given.input }))
  console.log(`asked: ${pretty(run.answer?.asked)}`)
  for (const { path, expected, actual, same } of run.comparisons)
    console.log(`${same ? 'same  ' : 'DIFFER'} ${path}: expected ${expected}, ours ${actual}`)
  if (run.problem) console.log(run.problem)
  console.log(`ours: ${pretty(run.answer?.actual)}`)
}

function differences(run: CaseRun): string {
  return run.comparisons
    .filter(({ same }) => !same)
    .map(({ path, expected, actual }) => `${path}: expected ${expected}, ours ${actual}`)
    .join('; ')
}

function pretty(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? Number(member) : member), 2)
}
