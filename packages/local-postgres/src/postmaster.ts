import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Account } from './account.ts'
import { databaseEnvironment } from './data-folder.ts'
import { anyoneIn, isRunning, worksIn } from './processes.ts'

export interface Postmaster {
  pid: number
  port: number
  status: string
}

/** Why a launch failed: for good, because the port is taken, or because what ran before has not quite gone. */
export interface LaunchFailure {
  problem: string
  retry: 'never' | 'other port' | 'same'
}

interface Launch {
  dataDir: string
  port: number
  durable?: boolean
  settings: Record<string, string>
  program: string
  account: Account | undefined
  deadline: number
}

const LOG_SIZE_MAX_BYTES = 20 * 1024 * 1024
const POLL_MS = 20

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // Everything connects by TCP; a socket's path would have to be short and writable by the account.
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '200',
  shared_buffers: '128MB',
  wal_level: 'logical',
  max_wal_senders: '20',
  max_replication_slots: '20',
  max_worker_processes: '24',
  max_logical_replication_workers: '16',
  max_sync_workers_per_subscription: '2',
  // Moves: two streams each while they switch, at both ends. A worker that died is back before a fence's time is over, and a slot
  // that nobody reads does not fill the disk.
  max_active_replication_origins: '32',
  wal_retrieve_retry_interval: '200ms',
  max_slot_wal_keep_size: '8GB',
  // Merchants' queries are short: compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Who waited for a lock longer than a second, and for whom.
  log_lock_waits: 'on',
  log_line_prefix: '%m [%p] %q%u@%d ',
  // A failed statement may hold a password, so it is kept out of the log; its error is there.
  log_min_error_statement: 'panic',
}
const DURABLE = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // After a crash the log since the last checkpoint is read again, about 100 MB of it a second. PostgreSQL's own settings may leave a
  // gigabyte to read (decision 23).
  checkpoint_timeout: '30s',
  checkpoint_completion_target: '0.5',
  max_wal_size: '192MB',
  checkpoint_warning: '0',
  // After a crash: one call for the file system, instead of one for each of a thousand files. Others have no such call.
  ...(process.platform === 'linux' && { recovery_init_sync_method: 'syncfs' }),
}
const FLEETING = {
  fsync: 'off',
  synchronous_commit: 'off',
  // What nobody waits for is written after this, and sent to standbys and subscribers no earlier: by default after 200 ms, so that a move
  // in a quiet test waited for half a minute until changes arrived soon enough.
  wal_writer_delay: '10ms',
  full_page_writes: 'off',
  max_wal_size: '1GB',
  autovacuum_naptime: '1min',
}

/** The server that runs over this data folder, as its own lock file tells it. A stale lock file that would stop the next start is removed. */
export function findPostmaster(dataDir: string): Postmaster | undefined {
  const lockFile = join(dataDir, 'postmaster.pid')
  const lines = readLines(lockFile)
  const pid = Number(lines[0])
  if (!(pid > 0)) return undefined
  if (worksIn(pid, dataDir)) return { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? 'starting' }
  // PostgreSQL believes the file as long as any process has that pid, be it a zombie or a stranger. It may go once nobody works here.
  if (pidIsTaken(pid) && !anyoneIn(dataDir)) rmSync(lockFile, { force: true })
  return undefined
}

/** Starts the server and waits until it is ready, has failed, or the deadline has passed. */
export async function launch(options: Launch): Promise<{ postmaster: Postmaster } | LaunchFailure> {
  const logFile = `${options.dataDir}.log`
  const { child, logStart } = spawnPostgres(options, logFile)
  let spawnError: Error | undefined
  child.once('error', (error) => {
    spawnError = error
  })
  while (child.exitCode === null && child.signalCode === null && spawnError === undefined) {
    const found = findPostmaster(options.dataDir)
    if (found && found.pid === child.pid && found.status === 'ready') return { postmaster: found }
    if (Date.now() > options.deadline) {
      child.kill('SIGQUIT')
      return { problem: 'it was not ready in time', retry: 'never' }
    }
    await pause(POLL_MS)
  }
  return explain(spawnError?.message ?? readFileSync(logFile).subarray(logStart).toString('utf8'))
}

function spawnPostgres(options: Launch, logFile: string): { child: ChildProcess; logStart: number } {
  if (existsSync(logFile) && statSync(logFile).size > LOG_SIZE_MAX_BYTES) renameSync(logFile, `${logFile}.old`)
  const log = openSync(logFile, 'a', 0o600)
  try {
    const settings = { ...SETTINGS, ...(options.durable === false ? FLEETING : DURABLE), ...options.settings }
    // Before it can have written anything.
    const logStart = fstatSync(log).size
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(options.program, ['-D', options.dataDir, '-p', String(options.port), ...flags], {
      ...(options.account ? { uid: options.account.uid, gid: options.account.gid } : {}),
      cwd: '/',
      env: databaseEnvironment(),
      stdio: ['ignore', log, log],
      // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the database last.
      detached: true,
    })
    child.unref()
    return { child, logStart }
  } finally {
    closeSync(log)
  }
}

function explain(output: string): LaunchFailure {
  if (/could not bind|could not create any TCP\/IP sockets/.test(output)) return { problem: 'its port was taken', retry: 'other port' }
  if (/lock file "postmaster.pid" (already exists|is empty)|pre-existing shared memory block/.test(output)) {
    return { problem: 'an earlier server over the same data has not ended', retry: 'same' }
  }
  const lines = output.trim().split('\n')
  const fatal = lines.filter((line) => /FATAL|PANIC/.test(line)).at(-1)
  const reason = fatal?.replace(/^.*?(FATAL|PANIC):\s*/, '') ?? lines.slice(-3).join(' ')
  return { problem: reason || 'it left no word', retry: 'never' }
}

function pidIsTaken(pid: number): boolean {
  if (isRunning(pid)) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}
