import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from './merchant-entry.ts'
import { CELL, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'

// The door through a real PgBouncer in transaction mode: a connection of ours is another backend's in each transaction. From 1.21 on
// it keeps prepared statements; the one of Debian 12 (1.18) does not, so there the driver is told to prepare nothing, by its
// address. SOUK_PGBOUNCER names the program where it is not on the path.

const PROGRAM = process.env.SOUK_PGBOUNCER || 'pgbouncer'
const BACKENDS = 3
const MERCHANTS = 40
const WITHIN_MS = 60_000

const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' })
const isThere = status === 0
const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(stdout ?? '') ?? []
const keepsStatements = Number(major) > 1 || Number(minor) >= 21
if (!isThere) console.log(`Not tried through PgBouncer: there is no ${PROGRAM} here.`)

describe.skipIf(!isThere)('through PgBouncer in transaction mode', () => {
  let house: TestHouse
  let pooler: { url: string; stop(): Promise<void> }
  let merchants: MerchantEntry[]

  beforeAll(async () => {
    house = await openTestHouse()
    merchants = await house.addMerchants(MERCHANTS)
    pooler = await startPooler(house.database.url('souk_app'))
  })
  afterAll(async () => {
    await house.close()
    await pooler?.stop()
  })

  const openRouter = () => house.openRouter({ cellUrls: { [CELL]: pooler.url }, connectionsPerCell: 12, waitMs: WITHIN_MS })

  test('forty merchants at once write and read their own, over fewer backends than connections', async () => {
    const router = openRouter()
    const seen = await Promise.all(
      merchants.flatMap((merchant) => {
        const inMerchant = router.inMerchant(merchant)
        const count = () =>
          inMerchant(
            (tx) =>
              tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId} returning merchant_id`,
          )
        const look = () => inMerchant.read((tx) => tx.sql`select merchant_id from location`)
        const peek = () => inMerchant.readOne((door) => door.sql`${door.entered}`)
        return [count, look, peek, count].map(async (ask) => ({ merchant: merchant.id, rows: await ask() }))
      }),
    )
    for (const { merchant, rows } of seen) expect(rows.map((row) => row.merchant_id)).toEqual([merchant])
    const [counted] = await house.admin`select count(*)::int as n from merchant_counter where order_number = 2`
    expect(counted!.n).toBe(MERCHANTS)
    const [backends] =
      await house.admin`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'souk'`
    expect(backends!.n).toBeLessThanOrEqual(BACKENDS)
  })

  test('a transaction that fails leaves nothing to whoever gets its backend next', async () => {
    const router = openRouter()
    for (const merchant of merchants) {
      const broken = router.inMerchant(merchant)(
        (tx) => tx.sql`select 1 / (select count(*) - 1 from location where merchant_id = ${tx.merchantId})`,
      )
      expect(await failureOf(broken)).toMatchObject({ code: '22012' })
    }
    const rows = await Promise.all(
      merchants.map((merchant) => router.inMerchant(merchant).read((tx) => tx.sql`select merchant_id from location`)),
    )
    expect(rows.map(([row]) => row!.merchant_id)).toEqual(merchants.map(({ id }) => id))
  })

  test('the limits of the role hold there too', async () => {
    const [row] = await openRouter().inMerchant(merchants[0]!)((tx) => tx.sql`select current_setting('statement_timeout') as timeout`)
    expect(row!.timeout).toBe('5s')
  })
})

async function startPooler(target: string): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port, pathname, username, password } = new URL(target)
  const folder = mkdtempSync(join(tmpdir(), 'souk-pgbouncer-'))
  chmodSync(folder, 0o755)
  const listenPort = await freePort()
  const database = pathname.slice(1)
  writeFileSync(join(folder, 'users.txt'), `"${username}" "${password}"\n`)
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: listenPort,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: BACKENDS,
    ...(keepsStatements && { max_prepared_statements: 500 }),
    max_client_conn: 200,
    application_name_add_host: 0,
    // It does not run as root.
    ...(process.getuid?.() === 0 && { user: 'nobody' }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]\n${database} = host=${hostname} port=${port} dbname=${database}\n[pgbouncer]\n${lines.join('\n')}\n`,
  )
  const child = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const url = new URL(target)
  url.port = String(listenPort)
  if (!keepsStatements) url.searchParams.set('prepare', 'false')
  await until(
    'PgBouncer is up',
    () => {
      if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${said}`)
      return said.includes('process up')
    },
    WITHIN_MS,
  )
  return { url: url.toString(), stop: () => stop(child, folder) }
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
