import { readConfig, type WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import { createLog } from './log.ts'
import { tasks } from './tasks.ts'
import { startWorker } from './worker.ts'

const EXIT_TIMEOUT_MS = 20_000

const config = readConfigOrEnd()
const log = createLog(config.logLevel)

// Nothing may stay half alive: a process that no longer knows its state ends, and others take over its jobs.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    log.error({ reason: event, error: describeError(error) }, 'worker ends')
    process.exit(1)
  })
}

const worker = await startWorker(config, tasks, log)
log.info({}, 'worker started')

let stopping = false
const stop = async (signal: NodeJS.Signals) => {
  if (stopping) return
  stopping = true
  log.info({ signal }, 'worker stops')
  setTimeout(() => process.exit(1), EXIT_TIMEOUT_MS).unref()
  await worker.stop()
  log.info({}, 'worker stopped')
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

function readConfigOrEnd(): WorkerConfig {
  try {
    return readConfig(process.env)
  } catch (error) {
    console.error((error as Error).message)
    return process.exit(1)
  }
}
