import { setTimeout as sleep } from 'node:timers/promises'
import type { CellEntry } from '@souk/tenant-router/directory.ts'
import { followCells } from '@souk/tenant-router/follow-cells.ts'
import { Router } from '@souk/tenant-router/router.ts'
import { SafeCells } from '@souk/tenant-router/safe-cells.ts'
import { CellRunners } from './cell-runners.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { FollowersOptions } from './followers.ts'
import { startInternalServer } from './internal-server.ts'
import type { Log } from './log.ts'
import type { MerchantTask } from './merchant-task.ts'
import { addQueueMetrics, createMetrics } from './metrics.ts'
import { type PlanLimitsBook, readPlanLimits } from './plan-limits.ts'
import { namesKinds, serves } from './served-cells.ts'
import { meterUsage, type Usage } from './usage.ts'

export interface Worker {
  readonly ready: boolean
  /** Hands all jobs back and closes every connection. */
  stop(): Promise<void>
}

/** What merchants may use of this process, and where it is told what they did use. */
export interface Allowances extends Pick<PlanLimitsBook, 'limitsOf'>, Pick<Usage, 'count'> {}

// The directory may have been away when it was asked, and a cell may be registered after its address is known.
const KINDS_ASKED_EVERY_MS = 5_000
const LISTEN_RETRY_MS = 2_000
// For the sweep, and for followers of event logs.
const ROUTER_CONNECTIONS_BESIDE_JOBS = 6

/** One runner a cell, and one door for all of them. Starts with the databases up or down; throws UnsafeRole where one would let it past row security. */
export async function startWorker(
  config: WorkerConfig,
  tasksFor: (router: Router, allowances: Allowances) => Record<string, MerchantTask>,
  log: Log,
  worksFor: (router: Router, allowances: Allowances) => FollowersOptions['works'] = () => ({}),
  metrics = createMetrics(),
): Promise<Worker> {
  const { jobsAtOnce } = config
  const safeCells = new SafeCells<WorkerConfig['cells'][string] & { replica?: undefined }>(
    ({ app }) => [app],
    (cell, error) => log.warn({ cell, error: describeError(error) }, 'a cell is not worked for until it answers'),
  )
  const served = await safeCells.sort(config.cells)
  let cellsChanged = () => {}
  const router = new Router({
    directoryUrl: config.directoryUrl,
    baseDomain: config.baseDomain,
    ...addressesOf(served.safe),
    // A job works in one transaction at a time.
    connectionsPerCell: jobsAtOnce + ROUTER_CONNECTIONS_BESIDE_JOBS,
    onCells: () => cellsChanged(),
    standsBack: true,
  })
  const usage = meterUsage(config, log)
  const plans = await readPlanLimits(config, log)
  const allowances: Allowances = { limitsOf: plans.limitsOf, count: usage.count }
  const tasks = tasksFor(router, allowances)
  const runners = new CellRunners({
    router,
    tasks,
    works: worksFor(router, allowances),
    jobsAtOnce,
    log,
    metrics,
    usage,
    limitsOf: plans.limitsOf,
  })
  const stopping = new AbortController()
  let addresses = served.safe
  const serve = async () => {
    const kinds = await kindsFor(config, router)
    if (!stopping.signal.aborted) await runners.workOn(queuesOf(addresses, config.worksFor, kinds))
  }
  await serve().catch((error) => log.warn({ error: describeError(error) }, 'which cells are meant is asked again'))
  const following = followCells({
    known: served.safe,
    read: config.readCells ?? (() => config.cells),
    cells: () => router.directory.cells(),
    apply: async (cells) => {
      const { safe, away } = await safeCells.sort(cells)
      const names = Object.keys(safe).join(' ')
      if (away.length === 0 || names !== Object.keys(addresses).join(' ')) log.info({ cell: names }, 'cells are others now')
      router.readdress(addressesOf(safe))
      addresses = safe
      await serve()
      return away.length === 0
    },
    onError: (error) => log.warn({ error: describeError(error) }, 'cells stay as they were'),
  })
  const serveOthers = () => void serve().catch((error) => log.warn({ error: describeError(error) }, 'cells stay as they were'))
  cellsChanged = () => void following.refresh().then(serveOthers)
  const kindsAskedAgain = namesKinds(config.worksFor) ? setInterval(serveOthers, KINDS_ASKED_EVERY_MS).unref() : undefined
  const isReady = () => runners.ready
  void hearOfMoves(router, stopping.signal, log)
  const stopRunners = async () => {
    stopping.abort()
    following.close()
    clearInterval(kindsAskedAgain)
    await runners.stop()
    await Promise.all([usage.close(), plans.close(), router.close()])
  }
  try {
    const refresh = addQueueMetrics(metrics.registry, () => runners.depths())
    const server =
      config.internalPort === undefined
        ? undefined
        : await startInternalServer({ port: config.internalPort, registry: metrics.registry, refresh, isReady })
    let stopped: Promise<unknown> | undefined
    if (server) log.info({ port: server.port }, 'metrics and health are served')
    return {
      get ready() {
        return isReady()
      },
      stop: async () => {
        stopped ??= Promise.all([stopRunners(), server?.close()])
        await stopped
      },
    }
  } catch (error) {
    await stopRunners()
    throw error
  }
}

/** Until this succeeds once, what the directory said is believed for half a minute; the epoch is checked in any case. */
async function hearOfMoves(router: Router, signal: AbortSignal, log: Log): Promise<void> {
  while (!signal.aborted) {
    try {
      return await router.listen()
    } catch (error) {
      log.debug({ error: describeError(error) }, 'directory not reached, trying on')
      await sleep(LISTEN_RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
}

type Kinds = ReadonlyMap<string, CellEntry['kind']>

async function kindsFor({ worksFor }: WorkerConfig, router: Router): Promise<Kinds> {
  if (!namesKinds(worksFor)) return new Map()
  return new Map((await router.directory.cells()).map(({ name, kind }) => [name, kind]))
}

function queuesOf(cells: WorkerConfig['cells'], worksFor: string[] | undefined, kinds: Kinds): Record<string, string> {
  const served = Object.entries(cells).filter(([name]) => serves(worksFor, { name, kind: kinds.get(name) }))
  return Object.fromEntries(served.map(([name, { queue }]) => [name, queue]))
}

function addressesOf(cells: WorkerConfig['cells']): { cellUrls: Record<string, string> } {
  return { cellUrls: Object.fromEntries(Object.entries(cells).map(([cell, { app }]) => [cell, app])) }
}
