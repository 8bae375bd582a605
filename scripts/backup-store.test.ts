import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type S3Server, startS3Server } from '@souk/local-postgres/testing/s3-server.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Database, openDatabase } from './database.ts'
import { keepRunning } from './database-keeper.ts'
import { openSecrets, openState, statePaths } from './state.ts'

// Backups in a store, as `npm start` and the commands beside it make and use them.

const MERCHANT = '01a1ffc5-a882-71a8-bd95-56bec8dad4a4'

let folder: string
let s3: S3Server
let database: Database
let stop: (() => Promise<void>) | undefined
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = makeFleetingFolder()
  s3 = await startS3Server(join(folder, 's3'))
  environment = {
    ...process.env,
    SOUK_STATE_DIR: join(folder, 'state'),
    SOUK_BACKUP_DIR: '',
    SOUK_BACKUP_S3: `s3://${s3.bucket}/souk`,
    SOUK_BACKUP_S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    DATABASE_URL: '',
  }
  for (const [name, value] of Object.entries(environment)) if (/^(SOUK|AWS|DATABASE)_/.test(name)) vi.stubEnv(name, value)
  const state = statePaths(environment.SOUK_STATE_DIR)
  openState(state)
  mkdirSync(state.archives, { recursive: true })
  database = await openDatabase(state, openSecrets(state), () => {})
  stop = keepRunning(database.server!, state.database)
})
afterAll(async () => {
  await stop?.()
  await s3?.close()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

function run(script: string, ...parameters: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, script), ...parameters], { env: environment }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: out + err }),
    )
  })
}

async function asAdmin(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(database.server!.adminUrl('souk'), { max: 1 })
  await work(sql)
  await sql.end()
}

test('a merchant as it was at a past moment is brought back from what is in the store alone', async () => {
  await asAdmin(async (sql) => {
    await sql`insert into platform.cell (name, kind) values ('shared-1', 'shared')`
    await sql`insert into platform.merchant (id, slug, name, status) values (${MERCHANT}, 'kaffa', 'Kaffa', 'active')`
    await sql`insert into platform.home (merchant_id, cell, epoch) values (${MERCHANT}, 'shared-1', 1)`
    await sql`select tenancy.admit(${MERCHANT})`
    await sql`
      insert into merchant_settings (merchant_id, slug, name, currency, country, prices_include_tax, tax_rate_ppm, shipping_name, shipping_amount,
        contact_email, default_location_id)
      values (${MERCHANT}, 'kaffa', 'Kaffa', 'EUR', 'DE', true, 190000, 'Post', 490, 'shop@kaffa.example', ${MERCHANT})`
  })
  const backup = await run('backup.ts', '--keep', '3')
  expect(backup).toMatchObject({ code: 0, output: expect.stringMatching(/In the store, base\/.*: \d+ MiB in \d+ files/) })
  await asAdmin(
    (sql) => sql`
      insert into product (merchant_id, handle, title, option_names, status, published) values (${MERCHANT}, 'cup', 'Cup', '{}', 'active', true)`,
  )
  // PostgreSQL compares commit times.
  await pause(50)
  const moment = new Date().toISOString()
  await pause(50)
  await asAdmin((sql) => sql`delete from product`)

  const then = await run('merchant-at.ts', 'kaffa', '--at', moment)
  expect(then).toMatchObject({ code: 0, output: expect.stringContaining(`kaffa as it was at ${moment}`) })
  await asAdmin(async (sql) => {
    const [archive] = await sql`select id, merchant_id, content from platform.archive`
    expect(archive).toMatchObject({ merchant_id: MERCHANT, content: { rows: { product: 1, merchant_settings: 1 } } })
    expect(readdirSync(statePaths(environment.SOUK_STATE_DIR).archives)).toEqual([`${archive!.id}.tar.gz`])
  })
  expect(await run('merchant-at.ts', 'nobody', '--at', moment)).toMatchObject({ code: 1, output: expect.stringContaining('"nobody"') })

  // Nothing of it is left on this machine.
  expect(existsSync(join(folder, 'state', 'backups'))).toBe(false)
})

test('settings that contradict each other are refused', async () => {
  const asked = environment.SOUK_BACKUP_S3
  environment.SOUK_BACKUP_S3 = 'backups'
  expect((await run('restore-drill.ts')).output).toBe('SOUK_BACKUP_S3 is not of the form s3://bucket/folder.\n')
  environment.SOUK_BACKUP_S3 = asked
  environment.SOUK_BACKUP_DIR = folder
  expect((await run('restore-drill.ts')).output).toContain('backups go to one of them')
  environment.SOUK_BACKUP_DIR = ''
})
