import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestDatabase } from '@souk/local-postgres/test-database.ts'

export interface Run {
  child: ChildProcess
  output: () => string
  exit: Promise<number | null>
}

/** A program of ours in a process of its own, with these settings and no others. */
export function run(file: string, env: Record<string, string>, parameters: string[] = []): Run {
  const child = spawn(process.execPath, [file, ...parameters], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += chunk))
  // Closed rather than exited: the last words have been read.
  return { child, output: () => output, exit: once(child, 'close').then(([code]) => code as number | null) }
}

/** What the API is told by its environment, on ports that are free now. `undefined` leaves a setting out. */
export async function apiEnvironment(
  database: TestDatabase,
  folder: string,
  more: Record<string, string | undefined> = {},
): Promise<Record<string, string>> {
  const all = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    PORT: String(await freePort()),
    INTERNAL_PORT: String(await freePort()),
    SOUK_DIRECTORY_URL: database.url('souk_app'),
    SOUK_PLATFORM_URL: database.url('souk_platform'),
    SOUK_CELLS: JSON.stringify({
      'shared-1': { app: database.url('souk_app'), queue: database.url('souk_queue'), platform: database.url('souk_platform') },
    }),
    SOUK_KEYS_FILE: join(folder, 'keys.json'),
    ...more,
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** The file that SOUK_KEYS_FILE names. */
export function writeKeys(folder: string): void {
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const keys = { jwt: [{ kid: 'a', privateKey }], tokens: [{ kid: 't', secret: randomBytes(32).toString('base64') }] }
  writeFileSync(join(folder, 'keys.json'), JSON.stringify(keys))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
