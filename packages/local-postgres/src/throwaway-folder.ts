import { chmodSync, mkdtempSync, readdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from './processes.ts'

/** Where Linux keeps files in memory. In containers it is mostly 64 MB. */
const MEMORY = '/dev/shm'
const TMPFS = 0x01021994
// A whole run has a few hundred megabytes at once: a database is 15, and few tests have many rows.
const ROOM_BYTES_MIN = 2 * 1024 ** 3
const MEMORY_BYTES_MIN = 4 * 1024 ** 3

/**
 * A new folder outside the repository for a server that a test starts (its data folder is to be called `data`). If the test is killed, the next run
 * of any tests stops that server and removes the folder.
 */
export function makeThrowawayFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `souk-test-${process.pid}-`))
  // Under root the server runs as another user, who has to come in.
  chmodSync(folder, 0o755)
  return folder
}

/**
 * The same for databases that come and go, in memory if there is plenty. Each is a thousand files, and where many have just been removed, ext4
 * looks long for the place of a new one: a fifth to a third of all that small tests cost.
 */
export function makeFleetingFolder(): string {
  return makeThrowawayFolder(hasRoomInMemory() ? MEMORY : undefined)
}

function hasRoomInMemory(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(MEMORY)
    return type === TMPFS && bavail * bsize >= ROOM_BYTES_MIN && process.availableMemory() >= MEMORY_BYTES_MIN
  } catch {
    return false
  }
}

/** Those whose makers are gone. */
export function abandonedFolders(): string[] {
  return [...new Set([tmpdir(), MEMORY])].flatMap((parent) =>
    namesIn(parent)
      .filter(isAbandoned)
      .map((name) => join(parent, name)),
  )
}

function isAbandoned(name: string): boolean {
  const maker = Number(/^souk-test-(\d+)-\w+$/.exec(name)?.[1])
  return maker > 0 && !isRunning(maker)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
