import { setTimeout as pause } from 'node:timers/promises'
import { type Account, chooseAccount } from './account.ts'
import { findBinaries } from './binaries.ts'
import { CannotStart } from './cannot-start.ts'
import { ensureDataFolder } from './data-folder.ts'
import { reachableBinaries } from './elsewhere.ts'
import { isFree, PortTaken, pickPort, rememberPort } from './ports.ts'
import { findPostmaster, launch, type Postmaster } from './postmaster.ts'
import { anyoneIn, childrenOf, isRunning, signal, worksIn } from './processes.ts'
import { archiveSettings } from './wal-archive.ts'
import { outboxSettings } from './wal-outbox.ts'

export interface ServerOptions {
  /** Made if missing. Its password, port and log are kept beside it, in `<dataDir>.password`, `.port` and `.log`. */
  dataDir: string
  /** 0 or nothing: the port of the last start if it is still free, or else a free one. */
  port?: number
  /** False only for data that nobody will miss: the server then never waits for the disk. */
  durable?: boolean
  /** A folder to which the write-ahead log is copied: with a base backup, what any later moment can be restored from. */
  walArchive?: string
  /** Instead: a folder by way of which the log goes to a store, as long as somebody sends what lies there (wal-outbox.ts). */
  walOutbox?: string
  /** False for a copy of a server that still runs: subscriptions in it stay quiet, so that it takes nothing from those the original hears. */
  subscribes?: boolean
  /** A server that is being restored may read its log for a long time before it is ready. */
  startTimeoutMs?: number
  log?: (line: string) => void
}

export interface LocalServer {
  port: number
  /** As the superuser `postgres`. */
  adminUrl(database?: string): string
  isRunning(): boolean
  /** Ends every session and waits until the server has shut down cleanly. */
  stop(): Promise<void>
  /** SIGKILL to all of the server's processes at once, as in a crash. `startServer` brings the data back. */
  kill(): Promise<void>
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
const POLL_MS = 20

/**
 * A PostgreSQL 18 on 127.0.0.1 over that data folder, ready for connections. A server that already runs there is adopted; what a
 * killed start or a crash left behind is put right. It outlives this process unless stopped.
 */
export async function startServer(options: ServerOptions): Promise<LocalServer> {
  const account = chooseAccount(options.dataDir)
  const binaries = reachableBinaries(findBinaries(), account)
  const { dataDir, password } = await ensureDataFolder(options, binaries, account)
  const postmaster = await adoptOrLaunch({ ...options, dataDir }, binaries.postgres, account)
  return {
    port: postmaster.port,
    adminUrl: (database = 'postgres') => `postgres://postgres:${password}@127.0.0.1:${postmaster.port}/${database}`,
    isRunning: () => worksIn(postmaster.pid, dataDir),
    stop: () => stopPostmaster(postmaster.pid, dataDir),
    kill: () => killPostmaster(postmaster.pid, dataDir),
  }
}

/** Stops the server of that data folder if one runs. Answers whether one did. */
export async function stopServer(dataDir: string): Promise<boolean> {
  const postmaster = findPostmaster(dataDir)
  if (!postmaster) return false
  await stopPostmaster(postmaster.pid, dataDir)
  return true
}

async function adoptOrLaunch(options: ServerOptions, program: string, account: Account | undefined): Promise<Postmaster> {
  const deadline = Date.now() + (options.startTimeoutMs ?? START_TIMEOUT_MS)
  const settings = settingsOf(options, account)
  let problem = 'it did not answer'
  while (Date.now() < deadline) {
    const found = findPostmaster(options.dataDir)
    if (found?.status === 'ready') return found
    if (!found) {
      const port = await portToUse(options)
      const outcome = await launch({ ...options, port, settings, program, account, deadline })
      if ('postmaster' in outcome) {
        rememberPort(options.dataDir, port)
        return outcome.postmaster
      }
      problem = outcome.problem
      if (outcome.retry === 'never') break
      if (outcome.retry === 'other port' && options.port) throw new PortTaken(options.port)
    }
    await pause(POLL_MS)
  }
  throw new CannotStart(`PostgreSQL did not start over ${options.dataDir}: ${problem}. Its log is ${options.dataDir}.log`)
}

function settingsOf({ walArchive, walOutbox, subscribes }: ServerOptions, account: Account | undefined): Record<string, string> {
  return {
    ...(walArchive !== undefined && archiveSettings(walArchive, account)),
    ...(walOutbox !== undefined && outboxSettings(walOutbox, account)),
    ...(subscribes === false && { max_logical_replication_workers: '0' }),
  }
}

async function portToUse(options: ServerOptions): Promise<number> {
  if (!options.port) return pickPort(options.dataDir)
  if (!(await isFree(options.port))) throw new PortTaken(options.port)
  return options.port
}

async function stopPostmaster(pid: number, dataDir: string): Promise<void> {
  // Fast shutdown ends sessions and flushes; immediate shutdown is for a server that hangs, and costs a recovery at the next start.
  for (const shutdown of ['SIGINT', 'SIGQUIT'] as const) {
    if (!worksIn(pid, dataDir)) return
    signal(pid, shutdown)
    if (await gone([pid], STOP_TIMEOUT_MS)) return
  }
  await killPostmaster(pid, dataDir)
}

async function killPostmaster(pid: number, dataDir: string): Promise<void> {
  if (!worksIn(pid, dataDir)) return
  // A stopped postmaster cannot start another child between the reading of the list and its end.
  signal(pid, 'SIGSTOP')
  const family = [...childrenOf(pid), pid]
  for (const member of family) signal(member, 'SIGKILL')
  if (!(await gone(family, STOP_TIMEOUT_MS)) || anyoneIn(dataDir))
    throw new Error(`Some processes of PostgreSQL (${pid}) survived SIGKILL.`)
}

async function gone(pids: number[], timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (pids.some(isRunning)) {
    if (Date.now() > deadline) return false
    await pause(POLL_MS)
  }
  return true
}
