import { followOrders } from '@souk/core/fulfillment/follow-orders.ts'
import { followMail } from '@souk/core/notifications/follow-events.ts'
import { crashAt } from '@souk/tenant-router/crash-point.ts'
import { startProcessReport } from '@souk/tenant-router/process-report.ts'
import { assertSafeDirectory } from './boot.ts'
import { readConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import { createLog } from './log.ts'
import { startMail } from './mail-transport.ts'
import { startMerchantWorks } from './merchant-works.ts'
import { createMetrics, measurePlugins } from './metrics.ts'
import { startMovers } from './movers.ts'
import { paymentDeps } from './payments.ts'
import { startPlugins } from './plugins.ts'
import { openSelfCheck } from './self-check.ts'
import { workerTasks } from './tasks.ts'
import { startWebhooks } from './webhooks.ts'
import { startWorker } from './worker.ts'

const EXIT_TIMEOUT_MS = 20_000

const config = await orEnd(() => readConfig(process.env))
const log = createLog(config.logLevel)
await orEnd(() => assertSafeDirectory(config, log))

// Nothing may stay half alive: a process that no longer knows its state ends, and others take over its jobs.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    log.error({ reason: event, error: describeError(error) }, 'worker ends')
    process.exit(1)
  })
}

if (config.crashAt !== undefined) crashAt(config.crashAt, config.crashPid ?? process.pid)
const report = await orEnd(() =>
  startProcessReport({
    directoryUrl: config.directoryUrl,
    kind: 'worker',
    onTooOld: () => {
      log.error({}, 'the schema no longer serves this release')
      process.kill(process.pid, 'SIGTERM')
    },
    onError: (error) => log.warn({ error: describeError(error) }, 'could not tell the directory that this process runs'),
  }),
)
const metrics = createMetrics()
const plugins = startPlugins(config, log)
measurePlugins(metrics.registry, plugins)
const mail = startMail(config, log)
const webhooks = startWebhooks(config, Math.random, (outcome) => metrics.webhooks.inc({ outcome }))
const selfCheck = await openSelfCheck(metrics, log)
const worker = await orEnd(() =>
  startWorker(
    config,
    (router, allowances) =>
      workerTasks({ ...plugins.depsFor(router, allowances), ...paymentDeps(config), mail: mail.deps, selfCheck, usage: allowances }),
    log,
    (_router, { limitsOf }) => ({
      webhooks: webhooks.workAtPace(limitsOf),
      mail: (inMerchant, { lease }) => followMail(inMerchant, lease),
      fulfillment: (inMerchant, { lease }) => followOrders(inMerchant, lease),
    }),
  ),
)
const merchantWorks = startMerchantWorks(config, log)
const movers = startMovers(config, log)
log.info({}, 'worker started')

let stopping = false
const stop = async (signal: NodeJS.Signals) => {
  if (stopping) return
  stopping = true
  log.info({ signal }, 'worker stops')
  setTimeout(() => process.exit(1), EXIT_TIMEOUT_MS).unref()
  await Promise.all([worker.stop(), merchantWorks.stop(), movers.stop()])
  await plugins.stop()
  mail.close()
  webhooks.close()
  await report.stop()
  log.info({}, 'worker stopped')
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

/** What an operator has to put right is said plainly, without a stack. */
async function orEnd<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    console.error((error as Error).message)
    return process.exit(1)
  }
}
