import { resolveTxt } from 'node:dns/promises'
import { buildProviders } from '@souk/payment-providers/providers.ts'
import { Cells } from '@souk/platform/cells.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { PluginHost } from '@souk/plugin-host/plugin-host.ts'
import { ProviderCaller } from '@souk/plugin-host/provider-caller.ts'
import { assertSafeRole } from '@souk/tenant-router/boot-check.ts'
import { crashAt } from '@souk/tenant-router/crash-point.ts'
import { followCells } from '@souk/tenant-router/follow-cells.ts'
import { startProcessReport } from '@souk/tenant-router/process-report.ts'
import { Router } from '@souk/tenant-router/router.ts'
import { SafeCells } from '@souk/tenant-router/safe-cells.ts'
import type { FastifyBaseLogger } from 'fastify'
import { type CellUrls, type Config, readConfig } from './config.ts'
import { startInternalListener } from './internal-listener.ts'
import { errorFields, openLog } from './log.ts'
import { measurePlugins } from './metrics.ts'
import { buildServer } from './server.ts'

// How long requests in flight may take once the process was told to stop.
const DRAIN_TIMEOUT_MS = 20_000

/** The API process: refuses to start with a role that could reach past row security, serves, and drains when told to stop. */
async function start(config: Config, log: FastifyBaseLogger): Promise<void> {
  await Promise.all([config.directoryUrl, config.platformUrl].map(assertSafeRole))
  const safeCells = new SafeCells<CellUrls>(
    ({ app, platform }) => [app, platform],
    (cell, error) => log.warn({ cell, ...errorFields(error) }, 'a cell is not served until it answers'),
  )
  const served = await safeCells.sort(config.cells)
  const platformSql = openPlatformSql(config.platformUrl)
  const cells = new Cells(platformSql, served.safe, config.cells)
  let cellsChanged = () => {}
  const router = new Router({
    directoryUrl: config.directoryUrl,
    baseDomain: config.baseDomain,
    ...addressesOf(served.safe),
    ...(config.connectionsPerCell !== undefined && { connectionsPerCell: config.connectionsPerCell }),
    onListening: () => log.info('listening to the directory'),
    onCells: () => cellsChanged(),
  })
  const following = followCells({
    known: served.safe,
    read: config.readCells,
    cells: () => router.directory.cells(),
    apply: async (addresses) => {
      const { safe, away } = await safeCells.sort(addresses)
      const before = cells.reachable.join()
      router.readdress(addressesOf(safe))
      cells.readdress(safe, addresses)
      if (away.length === 0 || cells.reachable.join() !== before) log.info({ cells: cells.reachable }, 'cells are others now')
      return away.length === 0
    },
    onError: (error) => log.warn(errorFields(error), 'cells stay as they were'),
  })
  cellsChanged = () => void following.refresh()
  const report = await startProcessReport({
    directoryUrl: config.directoryUrl,
    kind: 'api',
    onTooOld: () => {
      log.fatal('the schema no longer serves this release')
      process.kill(process.pid, 'SIGTERM')
    },
    onError: (error) => log.warn(errorFields(error), 'could not tell the directory that this process runs'),
  })
  await router.listen()
  await cells.registerFirst()
  const host = new PluginHost({
    ...config.pluginHost,
    onStartFailure: (detail) => log.error({ detail }, 'a plugin runner did not start'),
    onRunnerKilled: ({ merchantId, digest, cordon }) =>
      log.warn({ merchant_id: merchantId, digest, cordon }, 'a plugin had its runner killed'),
    onDifference: (plugin) => log.error(plugin, 'a plugin answered the same question otherwise'),
  })
  let stopping = false
  const isReady = () => !stopping
  const { app, metrics } = await buildServer({
    router,
    platformSql,
    cells,
    jwtKeys: config.jwtKeys,
    tokenKeys: { keys: config.tokenKeys },
    baseDomain: config.baseDomain,
    publicUrlPort: config.publicUrlPort,
    mediaDir: config.mediaDir,
    archiveDir: config.archiveDir,
    redisUrl: config.redisUrl,
    log,
    resolveTxt,
    pluginPort: new ProviderCaller(host),
    paymentProviders: buildProviders(config.paymentProviders).providers,
    isReady,
  })
  measurePlugins(metrics, host)
  const internal = config.internalPort === undefined ? undefined : await startInternalListener(app, metrics, config.internalPort)
  await app.listen({ host: config.host, port: config.port })
  log.info({ host: config.host, port: config.port }, 'serving')
  // Requests need not wait for it: a call that comes first waits for its runner alone.
  host.start().catch((error) => log.warn(errorFields(error), 'plugin runners did not start'))

  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    following.close()
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), DRAIN_TIMEOUT_MS).unref()
    await app.close()
    await Promise.all([internal?.close(), report.stop(), router.close(), cells.close(), platformSql.end(), host.close()])
    log.info('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function addressesOf(cells: Config['cells']): { cellUrls: Record<string, string>; replicaUrls: Record<string, string> } {
  const entries = Object.entries(cells)
  return {
    cellUrls: Object.fromEntries(entries.map(([cell, { app }]) => [cell, app])),
    replicaUrls: Object.fromEntries(entries.flatMap(([cell, { replica }]) => (replica === undefined ? [] : [[cell, replica]]))),
  }
}

const config = configOrExit()
const log = openLog(config.logLevel)
if (config.crashAt !== undefined) crashAt(config.crashAt, config.crashPid ?? process.pid)
try {
  await start(config, log)
} catch (error) {
  log.fatal(errorFields(error), error instanceof Error ? error.message : 'could not start')
  process.exit(1)
}

function configOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
