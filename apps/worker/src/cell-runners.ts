import type { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import { type Followers, type FollowersOptions, startFollowers } from './followers.ts'
import type { Log } from './log.ts'
import type { MerchantTask } from './merchant-task.ts'
import type { CellDepth, WorkerMetrics } from './metrics.ts'
import { Places, type PlacesOptions } from './places.ts'
import { type Runner, startRunner } from './runner.ts'

export interface CellRunnersOptions {
  router: Router
  tasks: Record<string, MerchantTask>
  works: FollowersOptions['works']
  jobsAtOnce: number
  log: Log
  metrics: WorkerMetrics
  limitsOf: PlacesOptions['limitsOf']
  usage: Pick<UsageMeter, 'count'>
}

interface Running {
  queueUrl: string
  runner: Runner
  followers: Followers
}

/** One runner a cell, and one for the followers of its event logs: begun and ended as cells come and go. */
export class CellRunners {
  readonly #options: CellRunnersOptions
  readonly #running = new Map<string, Running>()

  constructor(options: CellRunnersOptions) {
    this.#options = options
  }

  /** Every queue is being worked on. */
  get ready(): boolean {
    return [...this.#running.values()].every(({ runner }) => runner.ready)
  }

  /** Works on these queues from now on, by cell name, and on no others. A queue at another address is another one. */
  async workOn(queueUrls: Record<string, string>): Promise<void> {
    const gone = [...this.#running].filter(([cell, { queueUrl }]) => queueUrls[cell] !== queueUrl)
    for (const [cell] of gone) this.#running.delete(cell)
    for (const [cell, queueUrl] of Object.entries(queueUrls)) if (!this.#running.has(cell)) this.#begin(cell, queueUrl)
    await Promise.all(gone.map(([, running]) => stop(running)))
  }

  /** How full each queue is. One that cannot be asked is left out. */
  async depths(): Promise<CellDepth[]> {
    const answers = await Promise.allSettled([...this.#running.values()].map(({ runner }) => runner.depth()))
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  }

  async stop(): Promise<void> {
    await this.workOn({})
  }

  #begin(cell: string, queueUrl: string): void {
    const { works, limitsOf, ...options } = this.#options
    const { router, log, jobsAtOnce, usage } = options
    // Of its own: what one cell's jobs wait for takes no place from another's.
    const places = new Places({ limitsOf, jobsAtOnce })
    this.#running.set(cell, {
      queueUrl,
      runner: startRunner({ cell, queueUrl, places, ...options }),
      followers: startFollowers({ cell, queueUrl, router, works, log, usage }),
    })
  }
}

async function stop({ runner, followers }: Running): Promise<void> {
  await Promise.all([runner.stop(), followers.stop()])
}
