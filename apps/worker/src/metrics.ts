import { HOST_FIGURES } from '@souk/plugin-host/host-figures.ts'
import type { PluginHostStats } from '@souk/plugin-host/plugin-host.ts'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { FollowerDepth } from './follower-leases.ts'
import type { QueueDepth } from './queue-jobs.ts'

/**
 * - `done`; `failed`: to be tried again; `exhausted`: failed for the last time; `released`: a closed door, not counted
 * - `lost`: given to another worker meanwhile; `rejected`: nobody's or unreadable; `superseded`: an equal job counts
 */
export type JobOutcome = 'done' | 'failed' | 'exhausted' | 'released' | 'lost' | 'rejected' | 'superseded' | 'handed_on'

/** `delivered`: taken with a 2xx; `refused`: another status; `unanswered`: none came. */
export type WebhookOutcome = 'delivered' | 'refused' | 'unanswered'

export interface WorkerMetrics {
  registry: Registry
  jobs: Counter<'task' | 'outcome'>
  jobSeconds: Histogram<'task'>
  deadJobs: Counter<'task'>
  freedPools: Counter
  webhooks: Counter<'outcome'>
  selfChecks: Counter<'invariant' | 'outcome'>
}

export interface CellDepth {
  cell: string
  tasks: QueueDepth[]
  rejected: number
  /** Jobs in the hands of pools that are no more: for a moment at most. */
  abandoned: number
  followers: FollowerDepth[]
}

const SECONDS_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300]

export function createMetrics(): WorkerMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    jobs: new Counter({ name: 'souk_jobs_total', help: 'Jobs by task and outcome.', labelNames: ['task', 'outcome'], registers }),
    jobSeconds: new Histogram({
      name: 'souk_job_seconds',
      help: 'Time in a task.',
      labelNames: ['task'],
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    deadJobs: new Counter({
      name: 'souk_dead_jobs_total',
      help: 'Jobs this process moved to the dead jobs of their merchant.',
      labelNames: ['task'],
      registers,
    }),
    freedPools: new Counter({ name: 'souk_freed_pools_total', help: 'Dead pools whose jobs this process gave to others.', registers }),
    webhooks: new Counter({
      name: 'souk_webhook_attempts_total',
      help: 'Webhooks this process sent, by what came of it.',
      labelNames: ['outcome'],
      registers,
    }),
    selfChecks: new Counter({
      name: 'souk_self_checks_total',
      help: 'Merchants whose rows this process held to an invariant, by what it found.',
      labelNames: ['invariant', 'outcome'],
      registers,
    }),
  }
}

/** The queues as they were when the function it answers with was last called. A queue that cannot be asked is absent. */
export function addQueueMetrics(registry: Registry, readDepths: () => Promise<CellDepth[]>): () => Promise<void> {
  const registers = [registry]
  const jobs = new Gauge({
    name: 'souk_queue_jobs',
    help: 'Jobs in the queue by state.',
    labelNames: ['cell', 'task', 'state'],
    registers,
  })
  const oldest = new Gauge({
    name: 'souk_queue_oldest_runnable_seconds',
    help: 'How long the oldest job that could run has been waiting.',
    labelNames: ['cell', 'task'],
    registers,
  })
  const rejected = new Gauge({ name: 'souk_queue_rejected_jobs', help: 'Rejected jobs that are kept.', labelNames: ['cell'], registers })
  const abandoned = new Gauge({
    name: 'souk_queue_abandoned_jobs',
    help: 'Jobs that pools hold which are dead for long.',
    labelNames: ['cell'],
    registers,
  })
  const behind = new Gauge({
    name: 'souk_follower_merchants_behind',
    help: 'Merchants with something for this follower of their event log to do.',
    labelNames: ['cell', 'follower'],
    registers,
  })
  return async () => {
    const depths = await readDepths()
    for (const gauge of [jobs, oldest, rejected, abandoned, behind]) gauge.reset()
    for (const { cell, tasks, rejected: count, abandoned: held, followers } of depths) {
      rejected.set({ cell }, count)
      abandoned.set({ cell }, held)
      for (const { follower, merchants } of followers) behind.set({ cell, follower }, merchants)
      for (const { task, oldestRunnableSeconds, ...states } of tasks) {
        oldest.set({ cell, task }, oldestRunnableSeconds)
        for (const [state, count] of Object.entries(states)) jobs.set({ cell, task, state }, count)
      }
    }
  }
}

/** What runs plugins for this process. The host counts by itself; it is read when it is asked for. */
export function measurePlugins(registry: Registry, host: { stats(): PluginHostStats }): void {
  for (const { name, help, kind, labels: labelNames, read } of HOST_FIGURES) {
    function collect(this: { reset(): void; inc(labels: Record<string, string>, value: number): void }) {
      this.reset()
      for (const { labels, value } of read(host.stats())) this.inc(labels, value)
    }
    const settings = { name, help, labelNames: [...labelNames], registers: [registry], collect }
    if (kind === 'gauge') new Gauge(settings)
    else new Counter(settings)
  }
}
