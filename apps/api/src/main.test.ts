import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiEnvironment, run, writeKeys } from './testing/as-process.ts'

// The process as it is run: its own environment, its own start and end.

const MAIN = new URL('./main.ts', import.meta.url).pathname
const CREATE_ADMIN = new URL('./create-admin.ts', import.meta.url).pathname
const PASSWORD = 'a password for tests'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(join(tmpdir(), 'souk-api-'))
  writeKeys(folder)
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await database.drop()
})

const environment = (more: Record<string, string | undefined> = {}) => apiEnvironment(database, folder, more)

const probe = (port: string, path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    (answer) => answer.status,
    () => 0,
  )
function signIn(port: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'platform.localhost', 'content-type': 'application/json' }
    request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/sessions', headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode))
    })
      .on('error', reject)
      .end(JSON.stringify({ email: 'admin@souk.example', password: PASSWORD }))
  })
}

const SOON = { timeout: 180_000, interval: 50 }

describe('the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('becomes ready, serves, and ends cleanly on %s', async (signal) => {
    const env = await environment()
    const process = run(MAIN, env)
    await expect.poll(() => probe(env.PORT!, '/readyz'), SOON).toBe(200)
    expect(await probe(env.INTERNAL_PORT!, '/healthz')).toBe(200)
    expect(await probe(env.INTERNAL_PORT!, '/readyz')).toBe(200)
    expect(await probe(env.INTERNAL_PORT!, '/v1/store')).toBe(404)
    const metrics = await (await fetch(`http://127.0.0.1:${env.INTERNAL_PORT}/metrics`)).text()
    expect(metrics).toMatch(/souk_http_request_duration_seconds_count\{method="GET",route="\/readyz",status="2xx"\} \d+/)
    expect(metrics).toContain('nodejs_eventloop_lag_seconds')
    expect(metrics).toContain('souk_plugin_calls_total{outcome="ok"} 0')
    expect(metrics).toMatch(/^souk_plugin_kills_total 0$/m)
    expect(await probe(env.PORT!, '/metrics')).toBe(421)
    process.child.kill(signal)
    expect(await process.exit).toBe(0)
    expect(process.output()).toContain('"msg":"stopped"')
  })

  it('answers what is under way before it ends', async () => {
    const env = await environment()
    const admin = run(CREATE_ADMIN, { ...env, SOUK_ADMIN_EMAIL: 'admin@souk.example', SOUK_ADMIN_PASSWORD: PASSWORD })
    expect(await admin.exit).toBe(0)
    const process = run(MAIN, env)
    await expect.poll(() => probe(env.PORT!, '/readyz'), SOON).toBe(200)
    // Checking a password takes tens of milliseconds: long enough to be told to stop in the middle.
    const signIns = Array.from({ length: 8 }, () => signIn(env.PORT!))
    await Promise.race(signIns)
    process.child.kill('SIGTERM')
    expect(await Promise.all(signIns)).toEqual(Array.from({ length: 8 }, () => 200))
    expect(await process.exit).toBe(0)
  })

  it.each([
    ['a superuser', () => ({ SOUK_DIRECTORY_URL: database.adminUrl })],
    ['the owner of the tables', () => ({ SOUK_DIRECTORY_URL: database.url('souk_owner') })],
    [
      'a role that passes row security by',
      () => ({
        SOUK_CELLS: JSON.stringify({
          'shared-1': { app: database.url('souk_mover'), queue: 'postgres://x', platform: database.url('souk_platform') },
        }),
      }),
    ],
    [
      'a superuser at a replica',
      () => ({
        SOUK_CELLS: JSON.stringify({
          'shared-1': { app: database.url('souk_app'), platform: database.url('souk_platform'), replica: database.adminUrl },
        }),
      }),
    ],
  ])('refuses to start as %s', async (_name, more) => {
    const process = run(MAIN, await environment(more()))
    expect(await process.exit).toBe(1)
    expect(process.output()).toMatch(/souk_app/)
  })

  it('serves the cells that answer when one of them does not', async () => {
    const dead = 'postgres://souk_app:secret@127.0.0.1:1/gone'
    const { SOUK_CELLS } = await environment()
    const cells = { ...JSON.parse(SOUK_CELLS!), gone: { app: dead, queue: dead, platform: dead } }
    const env = await environment({ SOUK_CELLS: JSON.stringify(cells) })
    const process = run(MAIN, env)
    await expect.poll(() => probe(env.PORT!, '/readyz'), SOON).toBe(200)
    expect(process.output()).toContain('a cell is not served until it answers')
    process.child.kill('SIGTERM')
    expect(await process.exit).toBe(0)
  })

  it('says all that its environment lacks, at once', async () => {
    const process = run(MAIN, { PATH: String(globalThis.process.env.PATH), PORT: 'x' })
    expect(await process.exit).toBe(1)
    for (const name of ['PORT', 'SOUK_DIRECTORY_URL', 'SOUK_PLATFORM_URL', 'SOUK_CELLS', 'SOUK_KEYS_FILE'])
      expect(process.output()).toContain(name)
  })
})
