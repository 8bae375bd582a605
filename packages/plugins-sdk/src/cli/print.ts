import type { ConformanceReport, ContractReport } from '../kit/conformance.ts'
import type { FixtureResult } from '../kit/run-fixtures.ts'
import { type PluginAnswer, timeOf } from '../kit/sandbox.ts'
import { MEMORY_BYTES_MAX } from '../limits.ts'

// What the command line prints. Plain text: it is read in terminals, in logs of a CI, and pasted into mails.

export function printFixtures(results: readonly FixtureResult[]): void {
  if (results.length === 0) console.log('No fixtures. A file in fixtures/ is one call: see docs/plugins/reference.md.')
  const width = Math.max(0, ...results.map(({ fixture }) => fixture.name.length))
  for (const { fixture, answer, faults } of results) {
    const cost = answer === undefined ? '' : costOf(answer)
    console.log(
      `${faults.length === 0 ? 'ok  ' : 'FAIL'}  ${fixture.name.padEnd(width)}  ${`${fixture.contract}.${fixture.hook}`}  ${cost}`,
    )
    for (const fault of faults) console.log(`        ${fault}`)
    for (const line of answer?.logs ?? []) console.log(`        log: ${line}`)
  }
}

/** '0.31 ms (0.6 % of 50 ms), heap 1.2 MB (0.9 %), answer 211 B (1.0 %)' */
export function costOf(answer: PluginAnswer): string {
  const { heapBytes, limits } = answer
  const timeMs = timeOf(answer)
  const bytes = answer.ok ? Buffer.byteLength(JSON.stringify(answer.output)) : 0
  return [
    `${timeMs.toFixed(2)} ms (${percent(timeMs, limits.wallMs)} of ${limits.wallMs} ms)`,
    `heap ${megabytes(heapBytes)} (${percent(heapBytes, MEMORY_BYTES_MAX)})`,
    `answer ${bytes} B (${percent(bytes, limits.outputBytes)})`,
  ].join(', ')
}

export function printConformance({ contracts }: ConformanceReport): void {
  for (const report of contracts) printContract(report)
}

function printContract({ contract, version, meets, checks, calls, timeMs, heapBytesMost, outputBytesMost }: ContractReport): void {
  console.log(`${meets ? 'meets' : 'DOES NOT MEET'} ${contract} (${version})`)
  for (const { name, faults } of checks) {
    console.log(`  ${faults.length === 0 ? 'ok  ' : 'FAIL'}  ${name}`)
    for (const fault of faults) console.log(`          ${fault}`)
  }
  const time = `time ${timeMs.median.toFixed(2)} ms in the middle, ${timeMs.most.toFixed(2)} ms at most of ${timeMs.limit} ms`
  console.log(`  ${calls} calls: ${time}; heap at most ${megabytes(heapBytesMost)}; answer at most ${outputBytesMost} B`)
}

function percent(used: number, limit: number): string {
  return `${((100 * used) / limit).toFixed(1)} %`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
