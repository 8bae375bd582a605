import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { archiveOf } from './backup-folder.ts'

const CHECK_EVERY_MS = 500

/** Starts our PostgreSQL again, on the same port, whenever it has died; the apps reconnect by themselves. Answers how to stop it for good. */
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
  const timer = setInterval(() => {
    restarting = restarting.then(check)
  }, CHECK_EVERY_MS)
  return async () => {
    clearInterval(timer)
    await restarting
    await current.stop()
  }
}
