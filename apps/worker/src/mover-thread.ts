import { parentPort } from 'node:worker_threads'
import { crashAt } from '@souk/tenant-router/crash-point.ts'
import { type MoveFacts, Mover } from '@souk/tenant-router/moves/mover.ts'
import { readConfig } from './config.ts'
import { createLog } from './log.ts'

// The thread that movers.ts starts, with the settings of its process. What goes wrong here ends that process.

const config = readConfig(process.env)
const { moverUrl, moveWatchMs, moveWorkShare, readCells } = config
if (moverUrl === undefined) throw new Error('a mover needs the directory as souk_mover')
if (config.crashAt !== undefined) crashAt(config.crashAt, config.crashPid ?? process.pid)
const log = createLog(config.logLevel)
const mover = new Mover({
  directoryUrl: moverUrl,
  cells: () =>
    Object.fromEntries(
      Object.entries(readCells()).flatMap(([name, { mover, replication }]) =>
        mover === undefined ? [] : [[name, { mover, replication }]],
      ),
    ),
  log: {
    info: (facts, message) => log.info(told(facts), message),
    warn: (facts, message) => log.warn(told(facts), message),
  },
  limits: {
    ...(moveWatchMs !== undefined && { watchMs: moveWatchMs }),
    ...(moveWorkShare !== undefined && { workShare: moveWorkShare }),
  },
})
mover.start()
parentPort!.once('message', async () => {
  await mover.stop()
  process.exit()
})

function told({ moveId, merchantId, state, direction, error }: MoveFacts) {
  return {
    task: 'move',
    ...(moveId !== undefined && { jobId: moveId }),
    ...(merchantId !== undefined && { merchantId }),
    ...(state !== undefined && { outcome: direction === undefined ? state : `${state} ${direction}` }),
    ...(error !== undefined && { error }),
  }
}
