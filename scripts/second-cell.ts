import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stopServer } from '@souk/local-postgres/server.ts'
import type { Database } from './database.ts'
import type { State } from './state.ts'

export const FIRST_CELL = 'shared-1'
export const SECOND_CELL = 'shared-2'

/** Whether a second cell was asked for, in this run or an earlier one. */
export function hasSecondCell(state: State): boolean {
  return existsSync(state.cells) && SECOND_CELL in (JSON.parse(readFileSync(state.cells, 'utf8')) as object)
}

/** The addresses that API and worker read, again whenever they change. Movers are told where to work once there are two cells. */
export function writeCells(state: State, first: Database, second: Database | undefined): void {
  const addresses = (database: Database) => ({
    app: database.url('souk_app'),
    queue: database.url('souk_queue'),
    platform: database.url('souk_platform'),
    ...(second && { mover: database.url('souk_mover') }),
  })
  const cells = { [FIRST_CELL]: addresses(first), ...(second && { [SECOND_CELL]: addresses(second) }) }
  writeFileSync(`${state.cells}.new`, `${JSON.stringify(cells, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${state.cells}.new`, state.cells)
}

export async function stopSecondCell(state: State): Promise<void> {
  if (existsSync(state.secondDatabase)) await stopServer(state.secondDatabase)
}
