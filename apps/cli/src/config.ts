import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { PlainError } from './plain-error.ts'

/** Where the platform is and who asks. Read once, here; nothing else looks at the environment. */
export interface Settings {
  api: URL
  /** Without them the admin is asked, at a terminal. */
  email: string | undefined
  password: string | undefined
  /** The last access token is kept there, for its ten minutes, readable by its owner alone. */
  tokenFile: string
}

const API_DEFAULT = 'http://platform.localhost:3000'

export function readSettings(givenApi?: string): Settings {
  const { env } = process
  const api = givenApi ?? (env.SOUK_API || API_DEFAULT)
  const url = URL.parse(api)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new PlainError(`"${api}" is not the address of a platform API. Example: ${API_DEFAULT}`, 'usage')
  }
  return {
    api: url,
    email: env.SOUK_ADMIN_EMAIL || undefined,
    password: env.SOUK_ADMIN_PASSWORD || undefined,
    tokenFile: join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'souk', 'token.json'),
  }
}

/** A password to set, where nobody can be asked for it. */
export function readNewPassword(): string | undefined {
  return process.env.SOUK_ADMIN_NEW_PASSWORD || undefined
}

/** Where the directory and the cells are reached as souk_owner, for what no API may do. */
export function readOwnerAddresses(): { directoryUrl: string; cells: Record<string, string> } {
  const { env } = process
  const directoryUrl = env.SOUK_DIRECTORY_OWNER_URL
  if (!directoryUrl) {
    throw new PlainError('SOUK_DIRECTORY_OWNER_URL is not set: migrations go to the databases themselves, as souk_owner.', 'usage')
  }
  const text = env.SOUK_CELLS_FILE ? readCells(env.SOUK_CELLS_FILE) : env.SOUK_CELLS
  if (!text) throw new PlainError('SOUK_CELLS_FILE or SOUK_CELLS names the cells, each with its `owner` address.', 'usage')
  return { directoryUrl, cells: ownersOf(text) }
}

function readCells(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new PlainError(`SOUK_CELLS_FILE cannot be read: ${(error as Error).message}`, 'usage')
  }
}

function ownersOf(text: string): Record<string, string> {
  try {
    const cells = JSON.parse(text) as Record<string, { owner?: unknown }>
    return Object.fromEntries(Object.entries(cells).flatMap(([cell, { owner }]) => (typeof owner === 'string' ? [[cell, owner]] : [])))
  } catch {
    throw new PlainError('The addresses of the cells are not JSON.', 'usage')
  }
}
