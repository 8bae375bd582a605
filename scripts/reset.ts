import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { stopServer } from '@souk/local-postgres/server.ts'
import { stopSecondCell } from './second-cell.ts'
import { howToStop, lockHolder } from './start-lock.ts'
import { statePaths } from './state.ts'

// Removes everything that `npm start` has made: database, keys, passwords, logs.

process.exitCode = await main()

async function main(): Promise<number> {
  const state = statePaths()
  if (!existsSync(state.folder)) {
    console.log('Nothing to reset: there is no .souk here.')
    return 0
  }
  const holder = lockHolder(state.lock)
  if (holder) {
    console.error(`Souk runs from this checkout (process ${holder.pid}, port ${holder.port}). ${howToStop(holder)} Then reset.`)
    return 1
  }
  try {
    await stopSecondCell(state)
    if (await stopServer(state.database)) console.log('Stopped a PostgreSQL that an earlier start had left behind.')
    for (const folder of [dirname(state.database), state.folder]) rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    console.error(`Could not remove ${state.folder}: ${(error as Error).message}. If another user made it, remove it as that user.`)
    return 1
  }
  console.log('Removed .souk: the next `npm start` begins afresh.')
  if (process.env.DATABASE_URL)
    console.log('The database at DATABASE_URL was left as it is. Drop it too: its merchants have the old passwords.')
  return 0
}
