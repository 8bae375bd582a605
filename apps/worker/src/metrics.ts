import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { QueueDepth } from './queue-jobs.ts'

/**
 * - `done`; `failed`: to be tried again; `exhausted`: failed for the last time; `released`: a closed door, not counted
 * - `lost`: given to another worker meanwhile; `rejected`: nobody's or unreadable; `superseded`: an equal job counts
 */
export type JobOutcome = 'done' | 'failed' | 'exhausted' | 'released' | 'lost' | 'rejected' | 'superseded'

export interface WorkerMetrics {
  registry: Registry
  jobs: Counter<'task' | 'outcome'>
  jobSeconds: Histogram<'task'>
  deadJobs: Counter<'task'>
  freedPools: Counter
}

export interface CellDepth {
  cell: string
  tasks: QueueDepth[]
  rejected: number
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
  return async () => {
    const depths = await readDepths()
    for (const gauge of [jobs, oldest, rejected]) gauge.reset()
    for (const { cell, tasks, rejected: count } of depths) {
      rejected.set({ cell }, count)
      for (const { task, oldestRunnableSeconds, ...states } of tasks) {
        oldest.set({ cell, task }, oldestRunnableSeconds)
        for (const [state, count] of Object.entries(states)) jobs.set({ cell, task, state }, count)
      }
    }
  }
}
