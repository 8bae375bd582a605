import { chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { type Account, closedFolder } from './account.ts'
import { CannotStart } from './cannot-start.ts'

// A quiet shop's changes too are in the archive after this time: what a lost disk costs at most.
export const ARCHIVE_TIMEOUT = '60s'
const POLL_MS = 50
const WAL_NAME = /^[0-9A-F]{24}$/

/** The settings under which a server copies each finished segment of its write-ahead log to a folder. */
export function archiveSettings(folder: string, account: Account | undefined): Record<string, string> {
  const path = openArchive(folder, account)
  const [from, to] = [`'%p'`, `'${path.replaceAll('%', '%%')}/%f'`]
  const half = `'${path.replaceAll('%', '%%')}/%f.part'`
  return {
    archive_mode: 'on',
    archive_timeout: ARCHIVE_TIMEOUT,
    // A segment that is there already is the same one, sent before a crash; another under its name is never written over.
    archive_command: `if test -f ${to}; then cmp -s ${from} ${to}; else cp ${from} ${half} && sync ${half} && mv ${half} ${to}; fi`,
  }
}

/** How a server that is being restored gets segments back. */
export function restoreCommand(folder: string): string {
  return `cp '${checked(folder).replaceAll('%', '%%')}/%f' '%p'`
}

/** A folder that the server's account may write to, by a name that can stand in a shell's command. */
export function openArchive(folder: string, account: Account | undefined): string {
  const path = checked(folder)
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
  const closed = account && closedFolder(account, [dirname(path)])
  if (closed)
    throw new CannotStart(
      `The user \`${account.name}\`, as which PostgreSQL runs, cannot pass through ${closed}. Allow it: chmod o+x ${closed}`,
    )
  if (account && statSync(path).uid !== account.uid) chownSync(path, account.uid, account.gid)
  return path
}

function checked(folder: string): string {
  const path = resolve(folder)
  // It becomes part of a shell's command.
  if (/['\\\n]/.test(path)) throw new CannotStart(`${path} cannot hold an archive: its name has a quote, a backslash or a line break.`)
  return path
}

/** The finished segments of an archive, oldest first. */
export function archivedSegments(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => WAL_NAME.test(name))
    .sort()
}

/** Ends the current segment and waits until the archive has it: everything committed before can then be restored. */
export async function archiveEverything(adminUrl: string, folder: string, timeoutMs: number): Promise<void> {
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    // One less: where nothing was written since the last switch, it answers where the next segment begins.
    const [row] = await admin<{ command: string; segment: string }[]>`
      select current_setting('archive_command') as command, pg_walfile_name(pg_switch_wal() - 1) as segment`
    if (!row?.command.includes(`'${checked(folder).replaceAll('%', '%%')}/%f'`))
      throw new CannotStart(`This server does not archive its write-ahead log to ${folder}. Start it with SOUK_BACKUP_DIR set.`)
    const deadline = performance.now() + timeoutMs
    while (!existsSync(join(folder, row.segment))) {
      if (performance.now() > deadline) throw new CannotStart(`The archive did not take ${row.segment} in time: see the server's log.`)
      await pause(POLL_MS)
    }
  } finally {
    await admin.end()
  }
}
