import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestShop, type TestMerchant, type TestShop } from '@souk/core/testing/merchant.ts'
import { type MerchantWork, MerchantWorks } from '@souk/platform/merchant-life/merchant-works.ts'
import { requestExport, requestSandbox } from '@souk/platform/merchant-life/request-works.ts'
import { openPlatformSql, type PlatformSql } from '@souk/platform/platform-sql.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WorkerConfig } from './config.ts'
import { createLog } from './log.ts'
import { startMerchantWorks } from './merchant-works.ts'

const SOON = { timeout: 180_000, interval: 50 }

let shop: TestShop
let merchant: TestMerchant
let directory: PlatformSql
let archiveDir: string
let adminId: string

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant({ slug: 'kaffa' })
  directory = openPlatformSql(shop.database.url('souk_platform'))
  archiveDir = await mkdtemp(join(tmpdir(), 'souk-archives-'))
  const [admin] = await directory<{ id: string }[]>`
    insert into platform.admin (email, password_hash) values ('admin@souk.example', 'none') returning id`
  adminId = admin!.id
})
afterAll(async () => {
  await directory.end()
  await shop.close()
  await rm(archiveDir, { recursive: true })
})

function configured(more: Partial<WorkerConfig>): WorkerConfig {
  const { database } = shop
  const cell = { app: database.url('souk_app'), queue: database.url('souk_queue'), platform: database.url('souk_platform') }
  return { cells: { 'shared-1': cell }, ...more } as WorkerConfig
}

const stateOf = async ({ id }: MerchantWork) => (await new MerchantWorks(directory).find(id))?.state

test('a worker does what is asked for with merchants as a whole, one after the other; the door of a sandbox knows that it is one', async () => {
  const works = startMerchantWorks(configured({ platformUrl: shop.database.url('souk_platform'), archiveDir }), createLog('silent'))
  const asked = { adminId, now: new Date() }
  const exported = await requestExport(directory, merchant.merchant.id, asked)
  const made = { slug: 'kaffa-sandbox', name: undefined, cell: 'shared-1' }
  const sandbox = await requestSandbox(directory, { merchantId: merchant.merchant.id }, made, asked)
  await expect.poll(() => stateOf(exported), SOON).toBe('done')
  await expect.poll(() => stateOf(sandbox), SOON).toBe('done')
  await works.stop()
  expect((await stat(join(archiveDir, `${exported.id}.tar.gz`))).size).toBeGreaterThan(0)
  const entry = (await shop.router.directory.refresh(sandbox.merchantId))!
  expect(entry).toMatchObject({ slug: 'kaffa-sandbox', status: 'active', sandbox: true })
  expect((await shop.router.directory.refresh(merchant.merchant.id))!.sandbox).toBe(false)
  const names = await shop.router.inMerchant(entry).read((tx) => tx.sql<{ slug: string }[]>`select slug from merchant_settings`)
  expect(names).toEqual([{ slug: 'kaffa-sandbox' }])
})

test('a worker without a folder for archives leaves it to others', async () => {
  const works = startMerchantWorks(configured({ platformUrl: shop.database.url('souk_platform') }), createLog('silent'))
  await works.stop()
})
