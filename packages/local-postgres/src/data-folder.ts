import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { CannotStart } from './cannot-start.ts'
import { isRunning } from './processes.ts'

const MAJOR_VERSION = '18'

/**
 * Makes the data folder if there is none. It is initialised under another name and renamed when complete, so a start that was killed
 * half way leaves no half of it under its own name.
 */
export async function ensureDataFolder(
  options: { dataDir: string; durable?: boolean; log?: (line: string) => void },
  binaries: Binaries,
  account: Account | undefined,
): Promise<{ dataDir: string; password: string }> {
  const dataDir = resolve(options.dataDir)
  mkdirSync(dirname(dataDir), { recursive: true })
  const exists = isInitialised(dataDir)
  const password = readOrMakePassword(`${dataDir}.password`, exists)
  if (!exists) {
    options.log?.('Initialising PostgreSQL')
    removeAbandoned(dataDir)
    await initialise({ dataDir, password, durable: options.durable !== false }, binaries, account)
  }
  return { dataDir, password }
}

function isInitialised(dataDir: string): boolean {
  const versionFile = join(dataDir, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const version = readFileSync(versionFile, 'utf8').trim()
    if (version === MAJOR_VERSION) return true
    throw new CannotStart(
      `${dataDir} was made by PostgreSQL ${version}; this is ${MAJOR_VERSION}. Move it away to start with an empty one.`,
    )
  }
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new CannotStart(`${dataDir} holds files but no PostgreSQL database. Move it away to start with an empty one.`)
  }
  return false
}

function readOrMakePassword(file: string, required: boolean): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  if (required)
    throw new CannotStart(`${file} is missing: it holds the superuser's password. Put it back, or delete the data folder beside it.`)
  const password = randomBytes(24).toString('hex')
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' })
  return password
}

async function initialise(
  wanted: { dataDir: string; password: string; durable: boolean },
  binaries: Binaries,
  account: Account | undefined,
): Promise<void> {
  const workplace = `${wanted.dataDir}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  const passwordFile = join(workplace, 'password')
  const fresh = join(workplace, 'data')
  try {
    mkdirSync(workplace, { mode: 0o700 })
    writeFileSync(passwordFile, wanted.password, { mode: 0o600 })
    if (account) for (const path of [workplace, passwordFile]) chownSync(path, account.uid, account.gid)
    await runInitdb(
      binaries.initdb,
      [...INITDB_FLAGS, `--pwfile=${passwordFile}`, ...(wanted.durable ? [] : ['--no-sync']), '-D', fresh],
      account,
    )
    try {
      renameSync(fresh, wanted.dataDir)
    } catch (error) {
      // Another start was quicker; its folder is as good as ours, and so is the password, which both read from one file.
      if (!isInitialised(wanted.dataDir)) throw error
    }
  } finally {
    rmSync(workplace, { recursive: true, force: true })
  }
}

// The built-in collation sorts the same on every machine, whatever locales it has.
const INITDB_FLAGS = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
]

async function runInitdb(initdb: string, flags: string[], account: Account | undefined): Promise<void> {
  const asAccount = account ? { uid: account.uid, gid: account.gid } : {}
  try {
    await promisify(execFile)(initdb, flags, { ...asAccount, cwd: '/', env: databaseEnvironment(), encoding: 'utf8' })
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    // The file was seen to exist, so what was not found is the dynamic loader that it names.
    if (code === 'ENOENT')
      throw new CannotStart(
        'The bundled PostgreSQL needs glibc, which this system lacks (Alpine?). Set DATABASE_URL to a server of your own.',
      )
    if (/shared librar/i.test(stderr ?? ''))
      throw new CannotStart(`The bundled PostgreSQL cannot run here: ${stderr?.trim()}. Delete node_modules and start again.`)
    if (/could not look up effective user ID/.test(stderr ?? '')) {
      throw new CannotStart(
        `PostgreSQL wants the user it runs as to have a name, and user ${account?.uid ?? process.getuid?.()} has none in /etc/passwd (a container started ` +
          'with another user?). Add one, or run as a user that is listed, or set DATABASE_URL to a server of your own.',
      )
    }
    throw new CannotStart(`PostgreSQL's initdb failed: ${stderr?.trim() || String(error)}`)
  }
}

/** What the database programs see of our environment: no PG* variable of the user's, and messages in English, which we read. */
export function databaseEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
}

/** Folders of initialisations that were killed. One that runs right now carries the pid of a living process. */
function removeAbandoned(dataDir: string): void {
  const prefix = `${basename(dataDir)}.new-`
  for (const name of readdirSync(dirname(dataDir))) {
    if (!name.startsWith(prefix)) continue
    const maker = Number(name.slice(prefix.length).split('-')[0])
    if (!isRunning(maker)) rmSync(join(dirname(dataDir), name), { recursive: true, force: true })
  }
}
