import { hostname } from 'node:os'
import type { Lease } from './lease.ts'
import type { QueuePool } from './queue-pool.ts'

export const BEAT_MS = 2_000
// Until the first one arrives the pool cannot begin, so it is tried more often.
const FIRST_BEAT_RETRY_MS = 500

export interface Heartbeat {
  stop(): Promise<void>
}

/**
 * Keeps the pool's row in queue.runner young, and its lease with it. The row is made once: when it is gone, the pool
 * was taken for dead and stays so (`onDead`), because its jobs belong to others now.
 */
export function startHeartbeat(options: {
  pool: QueuePool
  poolId: string
  lease: Lease
  onDead: () => void
  onBeat: () => void
}): Heartbeat {
  const { lease, onDead, onBeat } = options
  let timer: NodeJS.Timeout | undefined
  let registered = false
  let stopped = false

  const beat = async (): Promise<void> => {
    const sentAt = performance.now()
    const found = await (registered ? renew(options) : register(options)).catch(() => undefined)
    if (found === false) {
      lease.lose()
      onDead()
      return
    }
    if (found) {
      registered = true
      lease.renew(sentAt)
    }
    onBeat()
    if (stopped) return
    timer = setTimeout(next, registered ? BEAT_MS : FIRST_BEAT_RETRY_MS)
  }
  let beating: Promise<void>
  const next = () => {
    beating = beat()
  }
  next()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await beating
      clearTimeout(timer)
    },
  }
}

async function register({ pool, poolId }: { pool: QueuePool; poolId: string }): Promise<true> {
  // The answer to a first try may have been lost.
  await pool.query('insert into queue.runner (pool_id, process) values ($1, $2) on conflict (pool_id) do update set beat_at = now()', [
    poolId,
    `${hostname()}:${process.pid}`,
  ])
  return true
}

async function renew({ pool, poolId }: { pool: QueuePool; poolId: string }): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'souk_beat',
    text: 'update queue.runner set beat_at = now() where pool_id = $1',
    values: [poolId],
  })
  return rowCount === 1
}
