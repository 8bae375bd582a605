import { parseArgs } from 'node:util'
import { checkRestored, describeDrill } from './drill-report.ts'
import { describeFailure } from './explained.ts'
import { moment, withRestoredCopy } from './restored-copy.ts'
import { statePaths } from './state.ts'

// Restores the newest backup elsewhere, or a moment of it, and holds what came back to the invariants: docs/backups.md.

process.exitCode = await main()

async function main(): Promise<number> {
  const started = performance.now()
  try {
    const { values } = parseArgs({
      options: { second: { type: 'boolean', default: false }, at: { type: 'string' }, into: { type: 'string' } },
    })
    const at = values.at === undefined ? undefined : moment(values.at)
    return await withRestoredCopy({ state: statePaths(), second: values.second, at, into: values.into }, async (copy) => {
      const report = await checkRestored(copy.adminUrl)
      const seconds = (performance.now() - started) / 1000
      for (const line of describeDrill({ ...copy, report, seconds })) console.log(line)
      if (values.into !== undefined) console.log(`The restored data is ${values.into}; its server is stopped.`)
      return report.violations.length === 0 ? 0 : 1
    })
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}
