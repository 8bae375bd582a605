import pg from 'pg'

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: (destroy?: boolean | Error) => void) => void

const CONNECT_TIMEOUT_MS = 5_000
// Beside one for each running job's bookkeeping: LISTEN, the heartbeat, the sweep.
const CONNECTIONS_BESIDE_JOBS = 3

export interface QueuePoolOptions {
  /** As souk_queue, at the cell's database. */
  url: string
  jobsAtOnce: number
  onError: (error: Error) => void
}

/** The connections of one runner to its queue. */
export class QueuePool extends pg.Pool {
  constructor(options: QueuePoolOptions) {
    super({
      connectionString: options.url,
      max: options.jobsAtOnce + CONNECTIONS_BESIDE_JOBS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'souk-worker',
    })
    // Without listeners the loss of a connection would end the process; the pool replaces the connection by itself.
    this.on('error', options.onError)
    this.on('connect', (client) => client.on('error', options.onError))
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: Connected): void
  override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    if (!callback) {
      return super.connect().catch((error: Error) => {
        throw unreachable(error)
      })
    }
    super.connect((error, client, release) => callback(error && unreachable(error), client, release))
    return undefined
  }
}

/**
 * graphile-worker knows some codes of a server that cannot be reached and backs off for up to two minutes. Without a
 * code it asks again after its poll interval, so that jobs go on a second after a restart.
 */
function unreachable(error: Error): Error {
  return new Error('The queue cannot be reached.', { cause: error })
}
