import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reachableDataDir } from '@souk/local-postgres/elsewhere.ts'
import { ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { Explained } from './explained.ts'
import { root } from './pnpm.mjs'

/** Where `npm start` keeps everything it makes; `npm run reset` removes it. */
export interface State {
  folder: string
  logs: string
  /** Elsewhere if we are root and this checkout is closed to everybody else: see local-postgres/elsewhere.ts. */
  database: string
  /** Of the second cell, which there is once it was asked for: see second-cell.ts. */
  secondDatabase: string
  /** The cells' addresses, in the form that SOUK_CELLS_FILE has. */
  cells: string
  lock: string
  keys: string
  secrets: string
  media: string
  /** Archives of whole merchants. */
  archives: string
  /** What would have been mailed, where no mail server is named. */
  mail: string
  /** The sandbox payment provider's journal. */
  payments: string
  paymentSecret: string
}

/** Made once; later starts find the same. */
export interface Secrets {
  roles: Record<RoleName, string>
  adminPassword: string
  /** For every demo merchant's first member of staff. */
  staffPassword: string
}

/** SOUK_STATE_DIR puts it somewhere else, so that the tests of `npm start` leave a developer's own alone. */
export function statePaths(folder = process.env.SOUK_STATE_DIR || join(root, '.souk')): State {
  return {
    folder,
    logs: join(folder, 'logs'),
    database: reachableDataDir(join(folder, 'postgres')),
    secondDatabase: reachableDataDir(join(folder, 'postgres-2')),
    cells: join(folder, 'cells.json'),
    lock: join(folder, 'start.lock'),
    keys: join(folder, 'keys.json'),
    secrets: join(folder, 'secrets.json'),
    media: join(folder, 'media'),
    archives: join(folder, 'archives'),
    mail: join(folder, 'mail'),
    payments: join(folder, 'payments'),
    paymentSecret: join(folder, 'payment-secret.json'),
  }
}

/** Makes the folders. PostgreSQL may run as another user (see local-postgres/account.ts), who has to pass through the first. */
export function openState(state: State): void {
  try {
    mkdirSync(state.folder, { recursive: true })
    if (process.getuid?.() === 0) chmodSync(state.folder, 0o755)
    mkdirSync(state.logs, { recursive: true, mode: 0o700 })
    writeFileSync(join(state.logs, '.writable'), '')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw new Explained(notWritable(state.folder))
    throw error
  }
}

export function openSecrets(state: State): Secrets {
  return readOrMake(state.secrets, () => ({
    roles: Object.fromEntries(ROLE_NAMES.map((role) => [role, randomBytes(24).toString('hex')])) as Record<RoleName, string>,
    adminPassword: readablePassword(),
    staffPassword: readablePassword(),
  }))
}

/** What the sandbox payment provider's keys are made of: see demo-payments.ts. */
export function openPaymentSecret(state: State): string {
  return readOrMake(state.paymentSecret, () => ({ secret: randomBytes(32).toString('hex') })).secret
}

/** The keys that sign sessions and tokens, in the form that SOUK_KEYS_FILE has. */
export function ensureKeys(state: State): void {
  readOrMake(state.keys, () => ({
    jwt: [{ kid: randomUUID(), privateKey: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) }],
    tokens: [{ kid: randomUUID(), secret: randomBytes(32).toString('base64') }],
  }))
}

/** Complete or absent: written under another name first, so a start that is killed here leaves no half of it. */
function readOrMake<T>(file: string, make: () => T): T {
  if (existsSync(file)) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as T
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES') throw new Explained(notWritable(file))
      throw new Explained(`${file} cannot be read as JSON (${(error as Error).message}). Mend it, or start afresh with \`npm run reset\`.`)
    }
  }
  const made = make()
  writeFileSync(`${file}.new`, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return made
}

/** 20 characters that can be told apart and typed: 100 bits. */
function readablePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789x'
  return [...randomBytes(20)].map((byte) => alphabet[byte % alphabet.length]).join('')
}

function notWritable(path: string): string {
  return (
    `No permission for ${path}: an earlier start was probably made by another user, such as root. ` +
    `Give it to yourself with \`sudo chown -R "$(id -u)" ${path}\`, or start as that user.`
  )
}
