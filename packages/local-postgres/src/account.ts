import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CannotStart } from './cannot-start.ts'

export interface Account {
  name: string
  uid: number
  gid: number
}

/**
 * The account PostgreSQL has to run as. Undefined means our own. PostgreSQL refuses to run as root, so root hands it to the owner of
 * an existing data folder, or to the first of its candidates that can reach the data.
 */
export function chooseAccount(dataDir: string): Account | undefined {
  if (process.getuid?.() !== 0) return refuseForeignData(dataDir)
  const owner = existsSync(dataDir) ? ownerOf(dataDir) : undefined
  const accounts = owner !== undefined && owner.uid !== 0 ? [owner] : candidateAccounts()
  const blocked = accounts.map((account) => closedFolder(account, [dirname(resolve(dataDir))]))
  const open = blocked.indexOf(undefined)
  if (open >= 0) return accounts[open]
  throw new CannotStart(
    `PostgreSQL does not run as root, and the user \`${accounts[0]?.name}\` that it would run as cannot pass through ${blocked[0]}. ` +
      `Allow that with \`chmod o+x ${blocked[0]}\`, or move the checkout to a folder every user may enter (such as /srv), ` +
      'or start as a normal user, or set DATABASE_URL to a server of your own.',
  )
}

/** Whom root may hand PostgreSQL to: the user behind sudo, `postgres`, `nobody`, as far as they exist. */
export function candidateAccounts(): Account[] {
  const accounts = [behindSudo(), named('postgres'), named('nobody')].filter((account) => account !== undefined)
  if (accounts.length > 0) return accounts
  throw new CannotStart('PostgreSQL does not run as root, and neither a user `postgres` nor `nobody` exists here. Start as a normal user.')
}

/** The first folder on the way to any of these that the account may not enter. Access lists beyond the mode bits are not considered. */
export function closedFolder(account: Account, destinations: string[]): string | undefined {
  const onTheWay = destinations.flatMap((destination) => ancestors(resolve(destination)))
  return onTheWay.find((folder) => existsSync(folder) && !mayEnter(account, folder))
}

function refuseForeignData(dataDir: string): undefined {
  if (!existsSync(dataDir)) return undefined
  const { uid } = statSync(dataDir)
  const own = process.getuid?.()
  if (own === undefined || uid === own) return undefined
  throw new CannotStart(
    `${dataDir} belongs to user ${uid} and you are user ${own}: it was made by an earlier start as another user, probably root. ` +
      `Start as that user again, or give it to yourself with \`sudo chown -R ${own} ${dirname(resolve(dataDir))}\`, or delete it.`,
  )
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [...ancestors(parent), folder]
}

function mayEnter(account: Account, folder: string): boolean {
  const { mode, uid, gid } = statSync(folder)
  if (uid === account.uid) return (mode & 0o100) !== 0
  if (gid === account.gid) return (mode & 0o010) !== 0
  return (mode & 0o001) !== 0
}

function ownerOf(folder: string): Account {
  const { uid, gid } = statSync(folder)
  return { name: String(uid), uid, gid }
}

function behindSudo(): Account | undefined {
  const uid = Number(process.env.SUDO_UID)
  const gid = Number(process.env.SUDO_GID)
  return uid > 0 && gid > 0 ? { name: process.env.SUDO_USER ?? String(uid), uid, gid } : undefined
}

function named(name: string): Account | undefined {
  const ask = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  try {
    return { name, uid: ask('-u'), gid: ask('-g') }
  } catch {
    return undefined
  }
}
