import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from './processes.ts'
import { type LocalServer, startServer, stopServer } from './server.ts'
import { makeFleetingFolder } from './throwaway-folder.ts'

let folder: string
let dataDir: string

beforeEach(() => {
  folder = makeFleetingFolder()
  dataDir = join(folder, 'data')
})

afterEach(async () => {
  await stopServer(dataDir)
  rmSync(folder, { recursive: true, force: true })
})

test('starts durable, speaks only to this machine, and keeps its password from other users', async () => {
  const server = await startServer({ dataDir })
  for (const [setting, value] of Object.entries({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    data_checksums: 'on',
    checkpoint_timeout: '30s',
    max_wal_size: '192MB',
    wal_level: 'logical',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
  })) {
    expect([setting, await ask(server, `show ${setting}`)]).toEqual([setting, value])
  }
  expect(statSync(`${dataDir}.password`).mode & 0o077).toBe(0)
  const stranger = postgres(server.adminUrl().replace(/postgres:[0-9a-f]+@/, 'postgres:wrong@'), { max: 1 })
  await expect(stranger`select 1`).rejects.toMatchObject({ code: '28P01' })
  await stranger.end()
})

test('keeps data, password and port over a stop and a start', async () => {
  const first = await startServer({ dataDir })
  await ask(first, 'create table kept as select 42 as answer')
  await first.stop()
  expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false)
  const second = await startServer({ dataDir })
  expect(second.adminUrl()).toBe(first.adminUrl())
  expect(await ask(second, 'select answer from kept')).toBe(42)
})

test('adopts a server that already runs', async () => {
  const first = await startServer({ dataDir })
  const started = await ask(first, 'select pg_postmaster_start_time()::text')
  const second = await startServer({ dataDir })
  expect(second.port).toBe(first.port)
  expect(await ask(second, 'select pg_postmaster_start_time()::text')).toBe(started)
  await second.stop()
  await expect(ask(first, 'select 1')).rejects.toThrow()
})

test('two starts at once end with one server, which both use', async () => {
  const servers = await Promise.all([startServer({ dataDir }), startServer({ dataDir }), startServer({ dataDir })])
  expect(new Set(servers.map((server) => server.adminUrl())).size).toBe(1)
  expect(await ask(servers[0], 'select 1')).toBe(1)
  expect(readdirSync(folder).filter((name) => name.includes('.new-'))).toEqual([])
})

test('recovers every acknowledged row after all its processes were killed', async () => {
  for (let round = 1; round <= 3; round++) {
    const server = await startServer({ dataDir })
    await ask(server, 'create table if not exists acknowledged (round int)')
    const sql = postgres(server.adminUrl(), { max: 4, onnotice: () => {} })
    let acknowledged = 0
    const writers = Array.from({ length: 4 }, async () => {
      for (;;) {
        await sql`insert into acknowledged values (${round})`
        acknowledged++
      }
    })
    const ended = Promise.allSettled(writers)
    await expect.poll(() => acknowledged).toBeGreaterThan(50)
    const postmaster = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0])
    await server.kill()
    expect(isRunning(postmaster)).toBe(false)
    await sql.end({ timeout: 1 })
    await ended
    const after = await startServer({ dataDir })
    expect(Number(await ask(after, `select count(*) from acknowledged where round = ${round}`))).toBeGreaterThanOrEqual(acknowledged)
  }
})

test('kills a server that another process started, and brings it back', async () => {
  const starter = `import { startServer } from './server.ts'; await startServer({ dataDir: process.argv[1] })`
  execFileSync(process.execPath, ['--input-type=module-typescript', '-e', starter, dataDir], { cwd: import.meta.dirname })
  const server = await startServer({ dataDir })
  const started = await ask(server, 'select pg_postmaster_start_time()::text')
  await server.kill()
  const again = await startServer({ dataDir })
  expect(await ask(again, 'select pg_postmaster_start_time()::text')).not.toBe(started)
})

test('starts over the lock file of a server that is gone, even when its pid now belongs to somebody else', async () => {
  const first = await startServer({ dataDir })
  const lockFile = join(dataDir, 'postmaster.pid')
  const [ownPid, ...rest] = readFileSync(lockFile, 'utf8').split('\n')
  await first.kill()
  expect(ownPid).not.toBe(String(process.ppid))
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    writeFileSync(lockFile, [String(stranger.pid), ...rest].join('\n'))
    const second = await startServer({ dataDir })
    expect(await ask(second, 'select 1')).toBe(1)
    expect(isRunning(stranger.pid!)).toBe(true)
  } finally {
    stranger.kill()
  }
})

test('an initialisation that was killed half way leaves nothing in the way', async () => {
  const deadPid = await pidOfTheDead()
  const abandoned = `${dataDir}.new-${deadPid}-0badcafe`
  mkdirSync(join(abandoned, 'data'), { recursive: true })
  writeFileSync(join(abandoned, 'data', 'PG_VERSION'), '18\n')
  const server = await startServer({ dataDir })
  expect(await ask(server, 'select 1')).toBe(1)
  expect(existsSync(abandoned)).toBe(false)
})

test('refuses a chosen port that is taken and says which', async () => {
  const { server: holder, port } = await holdPort()
  try {
    await expect(startServer({ dataDir, port })).rejects.toThrow(`Port ${port} is in use`)
  } finally {
    holder.close()
  }
  const server = await startServer({ dataDir, port })
  expect(server.port).toBe(port)
})

test('moves to another port when the remembered one was taken meanwhile', async () => {
  const first = await startServer({ dataDir })
  await first.stop()
  const { server: holder } = await holdPort(first.port)
  try {
    const second = await startServer({ dataDir })
    expect(second.port).not.toBe(first.port)
    expect(await ask(second, 'select 1')).toBe(1)
  } finally {
    holder.close()
  }
})

test('leaves a folder alone that is not its own', async () => {
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'letters.txt'), 'dear')
  await expect(startServer({ dataDir })).rejects.toThrow('holds files but no PostgreSQL database')
  writeFileSync(join(dataDir, 'PG_VERSION'), '15\n')
  await expect(startServer({ dataDir })).rejects.toThrow('was made by PostgreSQL 15')
  expect(readFileSync(join(dataDir, 'letters.txt'), 'utf8')).toBe('dear')
})

test('says why PostgreSQL would not start', async () => {
  const server = await startServer({ dataDir })
  await server.stop()
  rmSync(join(dataDir, 'global', 'pg_control'))
  await expect(startServer({ dataDir })).rejects.toThrow(/could not find the database system.*\.log/s)
})

async function ask(server: LocalServer, statement: string): Promise<unknown> {
  const sql = postgres(server.adminUrl(), { max: 1, onnotice: () => {}, connect_timeout: 5 })
  try {
    const [row] = await sql.unsafe(statement)
    return row === undefined ? undefined : Object.values(row)[0]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function holdPort(port = 0): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('no address'))
      else resolve({ server, port: address.port })
    })
  })
}

function pidOfTheDead(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', ''])
    child.once('exit', () => resolve(child.pid!))
  })
}
