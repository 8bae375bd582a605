import { readFileSync } from 'node:fs'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { urlAs } from './database.ts'
import { Explained } from './explained.ts'
import { FIRST_CELL, hasSecondCell, SECOND_CELL } from './second-cell.ts'
import { openSecrets, statePaths } from './state.ts'

export interface FleetAddresses {
  directoryUrl: string
  /** By cell name, as souk_owner. */
  cells: Record<string, string>
}

const LOCAL_DATABASE = 'souk'

/**
 * Where the directory and the cells are reached as souk_owner: SOUK_DIRECTORY_OWNER_URL, and `owner` of each cell in SOUK_CELLS or the
 * file SOUK_CELLS_FILE. Without these, the server that `npm start` has started here.
 */
export function fleetAddresses(env: NodeJS.ProcessEnv): FleetAddresses {
  const directoryUrl = env.SOUK_DIRECTORY_OWNER_URL
  if (directoryUrl) return { directoryUrl, cells: readCells(env) }
  const state = statePaths()
  const password = openSecrets(state).roles.souk_owner
  const ownerOf = (dataDir: string) => {
    const running = findPostmaster(dataDir)
    return running && urlAs(`postgres://127.0.0.1:${running.port}`, 'souk_owner', password, LOCAL_DATABASE)
  }
  const [first, second] = [ownerOf(state.database), hasSecondCell(state) ? ownerOf(state.secondDatabase) : undefined]
  if (!first)
    throw new Explained(
      'Nothing runs here, and SOUK_DIRECTORY_OWNER_URL is not set. Run `npm start` in another terminal, or name the databases: docs/fleet.md.',
    )
  return { directoryUrl: first, cells: { [FIRST_CELL]: first, ...(second && { [SECOND_CELL]: second }) } }
}

function readCells(env: NodeJS.ProcessEnv): Record<string, string> {
  const text = env.SOUK_CELLS_FILE ? readFileSync(env.SOUK_CELLS_FILE, 'utf8') : env.SOUK_CELLS
  if (!text) throw new Explained('SOUK_CELLS or SOUK_CELLS_FILE names the cells, each with `owner`: docs/fleet.md.')
  let cells: Record<string, { owner?: unknown }>
  try {
    cells = JSON.parse(text) as typeof cells
  } catch {
    throw new Explained('SOUK_CELLS is not JSON.')
  }
  return Object.fromEntries(Object.entries(cells).flatMap(([cell, { owner }]) => (typeof owner === 'string' ? [[cell, owner]] : [])))
}
