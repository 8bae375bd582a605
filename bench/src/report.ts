import { cpus } from 'node:os'
import type { Cost } from './costs.ts'
import type { Rate } from './load.ts'

export interface Row {
  operation: string
  connections: number
  limit: Rate
  ours: Rate
  cpu: { apiUs: number; postgresUs: number }
}

/** Prints the tables of bench/README.md: ratios to the limit of the same run, and what a request costs. */
export function printReport(rows: Row[], costs: Cost[], memory: { nowMiB: number; peakMiB: number }): void {
  const model = cpus()[0]?.model ?? 'unknown'
  console.log(`${cpus().length} cores (${model}), Node ${process.version}, client and PostgreSQL on the same cores\n`)
  table(
    ['operation', 'connections', 'limit /s', 'ours /s', 'ratio', 'p50 ms', 'p99 ms', 'API CPU us', 'PostgreSQL CPU us'],
    rows.map((row) => [
      row.operation,
      String(row.connections),
      row.limit.perSecond.toFixed(0),
      row.ours.perSecond.toFixed(0),
      (row.ours.perSecond / row.limit.perSecond).toFixed(2),
      row.ours.p50Ms.toFixed(1),
      row.ours.p99Ms.toFixed(1),
      row.cpu.apiUs.toFixed(0),
      row.cpu.postgresUs.toFixed(0),
    ]),
  )
  console.log()
  table(
    ['operation', 'statements', 'round trips'],
    costs.map((cost) => [cost.operation, cost.statements.toFixed(1), cost.roundTrips.toFixed(1)]),
  )
  console.log(`\nAPI memory after the run: ${memory.nowMiB} MiB resident, ${memory.peakMiB} MiB at its highest`)
}

export function table(head: string[], rows: string[][]): void {
  console.log(`| ${head.join(' | ')} |\n|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
}
