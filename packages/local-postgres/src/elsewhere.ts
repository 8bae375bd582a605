import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type Account, candidateAccounts, closedFolder } from './account.ts'
import type { Binaries } from './binaries.ts'
import { CannotStart } from './cannot-start.ts'

// PostgreSQL does not run as root, and a checkout under /root (or any closed home) cannot be entered by the user it runs as instead. Root may
// then keep data and programs where that user can reach them.
const ELSEWHERE = '/var/lib/souk'

/** The data folder to use for the wanted one: itself, unless we are root and no user that PostgreSQL could run as can reach it. */
export function reachableDataDir(wanted: string, elsewhere = ELSEWHERE): string {
  const path = resolve(wanted)
  if (process.getuid?.() !== 0) return path
  const substitute = join(elsewhere, createHash('sha256').update(path).digest('hex').slice(0, 12), basename(path))
  // Once there, it stays there, even if the way to the wanted folder is opened later.
  if (existsSync(substitute)) return substitute
  return existsSync(path) || candidateAccounts().some((account) => !closedFolder(account, [path])) ? path : substitute
}

/** The same programs where the account can run them: where they are, or else a copy of them. */
export function reachableBinaries(binaries: Binaries, account: Account | undefined, elsewhere = ELSEWHERE): Binaries {
  if (account === undefined || !closedFolder(account, [binaries.folder])) return binaries
  const copy = join(elsewhere, `postgresql-${binaries.version}`)
  if (!existsSync(copy)) {
    const half = `${copy}.new-${process.pid}`
    mkdirSync(elsewhere, { recursive: true, mode: 0o755 })
    cpSync(join(binaries.folder, '..'), half, { recursive: true, verbatimSymlinks: true })
    try {
      renameSync(half, copy)
    } catch (error) {
      if (!existsSync(copy)) throw error
      rmSync(half, { recursive: true, force: true })
    }
  }
  const folder = join(copy, 'bin')
  const closed = closedFolder(account, [folder])
  if (closed)
    throw new CannotStart(
      `The user \`${account.name}\`, as which PostgreSQL is to run, cannot pass through ${closed}. Allow it: chmod o+x ${closed}`,
    )
  return { ...binaries, folder, initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
}
