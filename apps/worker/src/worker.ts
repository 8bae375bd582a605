import { setTimeout as sleep } from 'node:timers/promises'
import { Router } from '@souk/tenant-router/router.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import { type FollowersOptions, startFollowers } from './followers.ts'
import { startInternalServer } from './internal-server.ts'
import type { Log } from './log.ts'
import type { MerchantTask } from './merchant-task.ts'
import { addQueueMetrics, type CellDepth, createMetrics } from './metrics.ts'
import { type Runner, startRunner } from './runner.ts'

export interface Worker {
  readonly ready: boolean
  /** Hands all jobs back and closes every connection. */
  stop(): Promise<void>
}

const LISTEN_RETRY_MS = 2_000
// For the sweep, and for followers of event logs.
const ROUTER_CONNECTIONS_BESIDE_JOBS = 6

/** One runner a cell, and one door for all of them. Starts with the databases up or down. */
export async function startWorker(
  config: WorkerConfig,
  tasksFor: (router: Router) => Record<string, MerchantTask>,
  log: Log,
  worksFor: (router: Router) => FollowersOptions['works'] = () => ({}),
  metrics = createMetrics(),
): Promise<Worker> {
  const router = new Router({
    directoryUrl: config.directoryUrl,
    baseDomain: config.baseDomain,
    cellUrls: Object.fromEntries(Object.entries(config.cells).map(([cell, { app }]) => [cell, app])),
    // A job works in one transaction at a time.
    connectionsPerCell: config.jobsAtOnce + ROUTER_CONNECTIONS_BESIDE_JOBS,
  })
  const tasks = tasksFor(router)
  const { jobsAtOnce } = config
  const runners = Object.entries(config.cells).map(([cell, { queue }]) =>
    startRunner({ cell, queueUrl: queue, router, tasks, jobsAtOnce, log, metrics }),
  )
  const works = worksFor(router)
  const followers = Object.entries(config.cells).map(([cell, { queue }]) => startFollowers({ cell, queueUrl: queue, router, works, log }))
  const isReady = () => runners.every((runner) => runner.ready)
  const stopping = new AbortController()
  void hearOfMoves(router, stopping.signal, log)
  const stopRunners = async () => {
    stopping.abort()
    await Promise.all([...runners, ...followers].map((running) => running.stop()))
    await router.close()
  }
  try {
    const refresh = addQueueMetrics(metrics.registry, () => readDepths(runners))
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

async function readDepths(runners: Runner[]): Promise<CellDepth[]> {
  const answers = await Promise.allSettled(runners.map((runner) => runner.depth()))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}
