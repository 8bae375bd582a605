import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// A real PgBouncer in transaction mode, where there is one: SOUK_PGBOUNCER names the program where it is not on the path.

const PROGRAM = process.env.SOUK_PGBOUNCER || 'pgbouncer'
const UP_WITHIN_MS = 60_000

const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' })
const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(stdout ?? '') ?? []

/** Whether it is here; and whether it keeps prepared statements in transaction mode, as from 1.21 on. That of Debian 12 (1.18) does not. */
export const pgBouncer = { program: PROGRAM, isThere: status === 0, keepsStatements: Number(major) > 1 || Number(minor) >= 21 }

export interface Pooler {
  /** The same database and role, reached through it. */
  through(url: string): string
  stop(): Promise<void>
}

/** Starts one in front of a server, for all of its databases, with so many backends for each. */
export async function startPgBouncer(target: string, backends: number): Promise<Pooler> {
  const { hostname, port, username, password } = new URL(target)
  const folder = mkdtempSync(join(tmpdir(), 'souk-pgbouncer-'))
  chmodSync(folder, 0o755)
  const listenPort = await freePort()
  writeFileSync(join(folder, 'users.txt'), `"${username}" "${password}"\n`)
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: listenPort,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: backends,
    ...(pgBouncer.keepsStatements && { max_prepared_statements: 500 }),
    max_client_conn: 200,
    application_name_add_host: 0,
    // It does not run as root.
    ...(process.getuid?.() === 0 && { user: 'nobody' }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(join(folder, 'pgbouncer.ini'), `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\n${lines.join('\n')}\n`)
  const child = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], { stdio: ['ignore', 'pipe', 'pipe'] })
  await isUp(child)
  return { through: (url) => throughPooler(url, listenPort), stop: () => stop(child, folder) }
}

/** Where statements are not kept, the driver is told to prepare nothing, by its address. */
export function throughPooler(url: string, port: number): string {
  const pooled = new URL(url)
  pooled.port = String(port)
  if (!pgBouncer.keepsStatements) pooled.searchParams.set('prepare', 'false')
  return pooled.toString()
}

async function isUp(child: ChildProcess): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`PgBouncer did not come up: ${said}`)), UP_WITHIN_MS)
    const hear = (chunk: Buffer) => {
      said += chunk.toString()
      if (!said.includes('process up')) return
      clearTimeout(late)
      resolve()
    }
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', hear)
    child.once('close', () => {
      clearTimeout(late)
      reject(new Error(`PgBouncer ended: ${said}`))
    })
  })
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
  rmSync(folder, { recursive: true, force: true })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
