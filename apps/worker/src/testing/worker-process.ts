import { readConfig } from '../config.ts'
import { describeError } from '../describe-error.ts'
import { createLog } from '../log.ts'
import { startWorker } from '../worker.ts'
import { testTasks } from './tasks.ts'

// A worker of its own process with the test tasks, to be killed and stopped. What nobody handled ends it, and is seen.
const config = readConfig(process.env)
const worker = await startWorker(config, () => testTasks, createLog(config.logLevel))
process.on('unhandledRejection', (error) => {
  console.error(`unhandled: ${describeError(error)}`)
  process.exit(70)
})
process.on('SIGTERM', () => {
  worker.stop().then(
    () => process.exit(0),
    () => process.exit(71),
  )
})
