import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { archiveOf, openBackupStore, outboxOf } from './backup-folder.ts'

const CHECK_EVERY_MS = 500

/**
 * Starts our PostgreSQL again, on the same port, whenever it has died; the apps reconnect by themselves. Sends its log to the store, where
 * one is named. Answers how to stop both for good.
 */
export function keepRunning(server: LocalServer, dataDir: string): () => Promise<void> {
  let current = server
  let restarting = Promise.resolve()
  const check = async () => {
    if (current.isRunning()) return
    console.error('PostgreSQL died; starting it again.')
    try {
      current = await startServer({ dataDir, port: server.port, ...archiveOf(dataDir) })
    } catch (error) {
      console.error((error as Error).message)
    }
  }
  const shipping = startShipping(dataDir)
  const timer = setInterval(() => {
    restarting = restarting.then(check)
  }, CHECK_EVERY_MS)
  return async () => {
    clearInterval(timer)
    await restarting
    // The last of its log is sent while it shuts down.
    await current.stop()
    await (await shipping)?.stop()
  }
}

async function startShipping(dataDir: string): Promise<{ stop(): Promise<void> } | undefined> {
  const store = await openBackupStore(dataDir)
  if (!store) return undefined
  const { shipOutbox } = await import('@souk/local-postgres/wal-outbox.ts')
  const shipping = shipOutbox({ folder: outboxOf(dataDir), store, log: console.error })
  return {
    stop: async () => {
      await shipping.stop()
      store.close()
    },
  }
}
