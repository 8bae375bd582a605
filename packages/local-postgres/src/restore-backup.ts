import { createHash } from 'node:crypto'
import { chownSync, createReadStream, existsSync, lchownSync, readdirSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { chooseAccount } from './account.ts'
import { type BaseBackup, listBaseBackups } from './base-backup.ts'
import { CannotStart } from './cannot-start.ts'
import { archivedSegments, restoreCommand } from './wal-archive.ts'

export interface RestoreOptions {
  /** Where backups are: `base/` and, for moments after a base backup, `wal/`. */
  folder: string
  /** A new data folder. `startServer` over it does the rest. */
  dataDir: string
  /** The state to come back to; nothing: the newest there is. */
  at?: Date
}

/**
 * Lays a backup out as a data folder: the newest base backup before that moment, each file held to its checksum, and the order to the
 * server to read the archive from there on.
 */
export async function restoreBackup(options: RestoreOptions): Promise<{ backup: BaseBackup; archived: number }> {
  const dataDir = resolve(options.dataDir)
  if (existsSync(dataDir)) throw new CannotStart(`${dataDir} exists already. A backup is restored into a new folder.`)
  const backup = chooseBackup(await listBaseBackups(options.folder), options.folder, options.at)
  const archive = join(options.folder, 'wal')
  const archived = archivedSegments(archive).filter((name) => name.slice(8) >= backup.firstSegment.slice(8)).length
  if (options.at && archived === 0)
    throw new CannotStart(`${archive} is empty: without archived segments only the moment of the backup itself can be restored.`)
  const half = `${dataDir}.part`
  await rm(half, { recursive: true, force: true })
  await mkdir(dirname(dataDir), { recursive: true })
  try {
    await cp(join(options.folder, 'base', backup.name, 'data'), half, { recursive: true })
    await holdToChecksums(half, backup)
    if (archived > 0) await orderRecovery(half, archive, options.at)
    await chmod(half, 0o700)
    await copyFile(join(options.folder, 'base', backup.name, 'password'), `${dataDir}.password`)
    const account = chooseAccount(dataDir)
    if (account) giveTo(half, account)
    await rename(half, dataDir)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    throw error
  }
  return { backup, archived }
}

/** The newest one that was complete at that moment. */
export function chooseBackup(backups: readonly BaseBackup[], place: string, at: Date | undefined): BaseBackup {
  const fitting = at ? backups.filter(({ finishedAt }) => new Date(finishedAt) <= at) : backups
  const chosen = fitting.at(-1)
  if (chosen) return chosen
  const first = backups[0]
  throw new CannotStart(
    first === undefined
      ? `There is no complete backup in ${place}.`
      : `The oldest backup in ${place} is of ${first.finishedAt}: there is nothing before.`,
  )
}

async function holdToChecksums(dataDir: string, backup: BaseBackup): Promise<void> {
  for (const { path, sha256 } of backup.files) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(join(dataDir, path))) hash.update(chunk as Buffer)
    if (hash.digest('hex') !== sha256) throw new CannotStart(`The backup ${backup.name} is damaged: ${path} is not what was written.`)
  }
}

/** The server reads these once, recovers, and goes on as an ordinary one on a timeline of its own. */
async function orderRecovery(dataDir: string, archive: string, at: Date | undefined): Promise<void> {
  const settings = {
    restore_command: restoreCommand(archive),
    recovery_target_timeline: 'latest',
    // Nobody is let in before the moment is reached: reads would be answered from any state on the way.
    hot_standby: 'off',
    recovery_target_action: 'promote',
    ...(at && {
      // A number for the zone: names of zones are not known yet when this is read.
      recovery_target_time: at.toISOString().replace('T', ' ').replace('Z', '+00'),
    }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
  const file = join(dataDir, 'postgresql.auto.conf')
  // A server that was restored itself once still has the orders of that time.
  const others = (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => !/^(restore_command|hot_standby|recovery_target\w*)\b/.test(line))
  await writeFile(file, `${others.join('\n').trimEnd()}\n${lines.join('')}`)
  await writeFile(join(dataDir, 'recovery.signal'), '')
}

function giveTo(folder: string, account: { uid: number; gid: number }): void {
  chownSync(folder, account.uid, account.gid)
  for (const entry of readdirSync(folder, { recursive: true })) lchownSync(join(folder, entry as string), account.uid, account.gid)
}
