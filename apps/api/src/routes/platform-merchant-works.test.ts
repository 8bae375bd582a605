import { createHash } from 'node:crypto'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArchiveFolder } from '@souk/platform/merchant-life/archives.ts'
import { CellDoors } from '@souk/platform/merchant-life/cell-doors.ts'
import { workOnce } from '@souk/platform/merchant-life/run-merchant-works.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

const PLATFORM = 'platform.localhost'
const CELL = 'shared-1'

let api: TestApi
let admin: string
let archiveDir: string
let doors: CellDoors
let kaffa: ApiMerchant

beforeAll(async () => {
  archiveDir = await mkdtemp(join(tmpdir(), 'souk-archives-'))
  api = await createTestApi({ archiveDir })
  admin = await api.adminToken()
  const { database } = api.shop
  doors = new CellDoors(() => ({ [CELL]: { app: database.url('souk_app'), platform: database.url('souk_platform') } }))
  kaffa = await api.addMerchant({ slug: 'kaffa' })
})
afterAll(async () => {
  await doors.close()
  await api.close()
  await rm(archiveDir, { recursive: true })
})

const get = (url: string) => api.call(PLATFORM, { url, token: admin })
const post = (url: string, payload?: object) => api.call(PLATFORM, { method: 'POST', url, token: admin, ...(payload && { payload }) })
const kindOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)

/** Does all that is asked for, as a worker does, and answers what came of the last. */
async function worked(asked: { status: number; body: { id: string } }) {
  expect(asked.status).toBe(202)
  const deps = { directory: api.platformSql, cells: doors, archives: new ArchiveFolder(archiveDir), mediaDir: undefined }
  while (await workOnce(deps));
  return (await get(`/v1/merchant-works/${asked.body.id}`)).body
}

it('exports a merchant into a file that can be fetched, and says what is in it', async () => {
  const work = await worked(await post(`/v1/merchants/${kaffa.merchant.id}/exports`))
  expect(work).toMatchObject({ kind: 'export', state: 'done', failure: null, merchant_id: kaffa.merchant.id })
  const { body: archive } = await get(`/v1/archives/${work.archive_id}`)
  expect(archive).toMatchObject({ slug: 'kaffa', rows: { merchant_settings: 1, staff: 1 } })
  const file = await api.app.inject({
    url: `/v1/archives/${work.archive_id}/file`,
    headers: { host: PLATFORM, authorization: `Bearer ${admin}` },
  })
  expect(file.headers['content-disposition']).toBe(`attachment; filename="kaffa-${archive.id}.tar.gz"`)
  expect(createHash('sha256').update(file.rawPayload).digest('hex')).toBe(archive.sha256)
  const listed = await get(`/v1/archives?merchant_id=${kaffa.merchant.id}`)
  expect(listed.body.data).toEqual([archive])
})

it('makes a sandbox that is served at a host of its own, sends no webhooks, and is listed as one', async () => {
  const work = await worked(await post(`/v1/merchants/${kaffa.merchant.id}/sandboxes`, { slug: 'kaffa-sandbox' }))
  expect(work).toMatchObject({ kind: 'sandbox', state: 'done', failure: null })
  expect((await get(`/v1/merchants/${work.merchant_id}`)).body).toMatchObject({ slug: 'kaffa-sandbox', sandbox: true, status: 'active' })
  expect((await get(`/v1/merchants/${kaffa.merchant.id}`)).body).toMatchObject({ sandbox: false })
  await expect.poll(async () => (await api.call('kaffa-sandbox.localhost', { url: '/v1/store' })).status).toBe(200)
  expect(kindOf(await post(`/v1/merchants/${kaffa.merchant.id}/sandboxes`, { slug: 'kaffa-sandbox' }))).toBe('duplicate')
})

it('erases only who is named twice, gives a certificate, and the merchant is nobody`s to reach', async () => {
  const gone = await api.addMerchant({ slug: 'gone' })
  const { body: contents } = await get(`/v1/merchants/${gone.merchant.id}/contents`)
  expect(contents).toMatchObject({ cell: CELL, rows: { merchant_settings: 1, orders: 0 } })
  const url = `/v1/merchants/${gone.merchant.id}/erasure`
  const given = { slug: 'gone', reason: 'asked for', archives: 'erase' }
  expect(kindOf(await post(url, { ...given, slug: 'kaffa' }))).toBe('invalid-slug')
  expect(await post(url, { ...given, dry_run: true })).toMatchObject({ status: 200, body: { kind: 'erasure', state: 'queued' } })
  expect((await get(`/v1/merchants/${gone.merchant.id}`)).body).toMatchObject({ status: 'active' })
  expect((await get(`/v1/merchant-works?merchant_id=${gone.merchant.id}`)).body.data).toEqual([])
  const asked = await post(url, given)
  expect((await get(`/v1/merchants/${gone.merchant.id}`)).body).toMatchObject({ status: 'erasing' })
  expect(kindOf(await post(url, { ...given, dry_run: true }))).toBe('invalid-state')
  expect(kindOf(await post(url, given))).toBe('invalid-state')
  const work = await worked(asked)
  expect(work).toMatchObject({ state: 'done', failure: null })
  const { body: certificate } = await get(`/v1/erasures/${work.id}`)
  expect(certificate).toMatchObject({ slug: 'gone', reason: 'asked for', rows: contents.rows, cells_checked: [CELL], intact: true })
  expect((await get(`/v1/merchants/${gone.merchant.id}`)).status).toBe(404)
  await expect.poll(async () => (await api.call('gone.localhost', { url: '/v1/store' })).status).toBe(421)
  expect((await get('/v1/audit/verification')).body).toMatchObject({ intact: true })
})

it('restores an erased merchant suspended, so that somebody looks first; and no merchant that lives', async () => {
  const back = await api.addMerchant({ slug: 'back' })
  const { archive_id: archiveId } = await worked(await post(`/v1/merchants/${back.merchant.id}/exports`))
  const restore = `/v1/archives/${archiveId}/restore`
  expect(kindOf(await post(restore, { slug: 'back' }))).toBe('invalid-state')
  // What would come of it if it did not live any more, and it goes on living.
  const tried = { slug: 'back', dry_run: true, after_erasure: true }
  expect((await post(restore, tried)).status).toBe(200)
  expect(kindOf(await post(restore, { ...tried, slug: 'kaffa' }))).toBe('duplicate')
  expect(kindOf(await post(restore, { ...tried, cell: 'nowhere' }))).toBe('not-found')
  expect(kindOf(await post(restore, { slug: 'back', after_erasure: true }))).toBe('invalid-state')
  expect((await get(`/v1/merchants/${back.merchant.id}`)).body).toMatchObject({ slug: 'back', status: 'active' })
  const file = join(archiveDir, `${archiveId}.tar.gz`)
  await rename(file, `${file}.away`)
  expect((await post(restore, tried)).body).toMatchObject({ detail: 'The file of the archive is not there.' })
  await rename(`${file}.away`, file)
  await worked(await post(`/v1/merchants/${back.merchant.id}/erasure`, { slug: 'back', reason: 'by mistake', archives: 'keep' }))
  expect(kindOf(await post(`/v1/archives/${archiveId}/restore`, { slug: 'back', cell: 'nowhere' }))).toBe('not-found')
  expect(kindOf(await post(`/v1/archives/${archiveId}/restore`, { slug: 'kaffa' }))).toBe('duplicate')
  expect(kindOf(await post(`/v1/archives/${archiveId}/sandboxes`, { slug: 'kaffa', dry_run: true }))).toBe('duplicate')
  expect((await post(`/v1/archives/${archiveId}/restore`, { slug: 'back', dry_run: true })).status).toBe(200)
  const work = await worked(await post(`/v1/archives/${archiveId}/restore`, { slug: 'back' }))
  expect(work).toMatchObject({ kind: 'restore', state: 'done', failure: null, merchant_id: back.merchant.id })
  expect((await get(`/v1/merchants/${back.merchant.id}`)).body).toMatchObject({ slug: 'back', status: 'suspended' })
  const opened = await api.call(PLATFORM, {
    method: 'PATCH',
    url: `/v1/merchants/${back.merchant.id}`,
    token: admin,
    payload: { status: 'active' },
  })
  expect(opened.body).toMatchObject({ status: 'active' })
  expect((await api.call('back.localhost', { url: '/v1/admin/me', token: back.token })).status).toBe(200)
})

it('throws an archive away: it cannot be fetched or restored any more', async () => {
  const { archive_id: archiveId } = await worked(await post(`/v1/merchants/${kaffa.merchant.id}/exports`))
  const deleted = await api.call(PLATFORM, { method: 'DELETE', url: `/v1/archives/${archiveId}`, token: admin })
  expect(deleted.status).toBe(204)
  expect((await get(`/v1/archives/${archiveId}`)).status).toBe(404)
  expect((await get(`/v1/archives/${archiveId}/file`)).status).toBe(404)
  expect((await post(`/v1/archives/${archiveId}/sandboxes`, { slug: 'late' })).status).toBe(404)
})
