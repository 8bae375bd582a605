import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MERCHANT, SoukTest } from './testing/run-souk.ts'

const WORK = {
  id: '01a1ffc5-a882-71a8-bd95-56bec8dad4a6',
  kind: 'export',
  merchant_id: MERCHANT.id,
  archive_id: null,
  state: 'queued',
  rows_done: 0,
  rows_total: null,
  failure: null,
  requested_at: '2026-01-01T00:00:00Z',
  finished_at: null,
}
const FILE = 'what a tar would be'
const ARCHIVE = {
  id: '01a1ffc5-a882-71a8-bd95-56bec8dad4a7',
  merchant_id: MERCHANT.id,
  slug: 'acme',
  name: 'Acme',
  made_at: '2026-01-01T00:00:00Z',
  bytes: 19,
  sha256: createHash('sha256').update(JSON.stringify(FILE)).digest('hex'),
  rows: { orders: 40, product: 2 },
  media_files: 1,
}

let souk: SoukTest
beforeEach(async () => {
  souk = new SoukTest()
  await souk.open()
  souk.answers['GET /v1/merchants'] = () => ({ body: { data: [MERCHANT], next_cursor: null } })
  souk.answers[`GET /v1/merchants/${MERCHANT.id}`] = () => ({ body: MERCHANT })
  souk.answers[`GET /v1/merchants/${MERCHANT.id}/contents`] = () => ({ body: { cell: 'shared-1', rows: { orders: 40, product: 2 } } })
  souk.answers[`GET /v1/archives/${ARCHIVE.id}`] = () => ({ body: ARCHIVE })
})
afterEach(() => souk.close())

/** A work that is asked for by that request, and one state further each time it is looked at. */
function workThrough(request: string, states: object[], kind = 'export'): void {
  const left = [...states]
  const [method, path] = request.split(' ') as [string, string]
  const id = `${kind}-work`
  souk.answers[`${method} ${path}`] = ({ body }) => {
    const isTried = (body as { dry_run?: boolean } | undefined)?.dry_run === true
    return { status: isTried ? 200 : 202, body: { ...WORK, id, kind } }
  }
  souk.answers[`GET /v1/merchant-works/${id}`] = () => ({ body: { ...WORK, id, kind, ...(left.length > 1 ? left.shift() : left[0]) } })
}

const asked = (method: string, path: string) =>
  souk.heard.filter((heard) => heard.method === method && heard.path === path).map(({ body }) => body)
/** What was asked to be done, in its order. */
const done = () =>
  souk.heard.filter(
    ({ method, path, body }) => method !== 'GET' && path !== '/v1/sessions' && (body as { dry_run?: boolean })?.dry_run !== true,
  )

test('an export is watched until its archive is there', async () => {
  workThrough(`POST /v1/merchants/${MERCHANT.id}/exports`, [
    { state: 'running', rows_done: 7 },
    { state: 'done', archive_id: ARCHIVE.id },
  ])
  const { code, out } = await souk.run(['merchants', 'export', 'acme', '--watch'])
  expect([code, out]).toEqual([0, expect.stringContaining(`Its archive: ${ARCHIVE.id}`)])
  expect(out).toContain('is exported: 7 rows')
})

test('a work that failed is an error, with its reason', async () => {
  workThrough(`POST /v1/merchants/${MERCHANT.id}/sandboxes`, [{ state: 'failed', failure: 'The archive was deleted.' }], 'sandbox')
  const { code, out } = await souk.run(['merchants', 'sandbox', 'acme', '--slug', 'acme-try', '--watch', '--json'])
  expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ failure: 'The archive was deleted.' })])
  expect(asked('POST', `/v1/merchants/${MERCHANT.id}/sandboxes`)).toEqual([{ slug: 'acme-try', dry_run: false }])
})

test('works are listed, and one is followed later', async () => {
  souk.answers['GET /v1/merchant-works'] = () => ({ body: { data: [{ ...WORK, state: 'failed', failure: 'no room' }], next_cursor: null } })
  expect((await souk.run(['works', '--merchant', 'acme'])).out).toMatch(/export .*failed .*no room/)
  workThrough('POST /nowhere', [{ state: 'running' }, { state: 'done' }])
  expect((await souk.run(['works', 'show', 'export-work', '--watch'])).out).toContain('is exported: done')
})

describe('an erasure', () => {
  const erase = ['merchants', 'erase', 'acme', '--reason', 'asked for', '--archives', 'keep']
  const path = `/v1/merchants/${MERCHANT.id}/erasure`
  beforeEach(() => workThrough(`POST ${path}`, [{ state: 'done' }], 'erasure'))

  test('says in a dry run how much would go, and is done only with --yes where nobody can be asked', async () => {
    expect((await souk.run([...erase, '--dry-run'])).out).toContain('its 42 rows are erased; its archives are kept')
    expect(await souk.run(erase)).toMatchObject({ code: 2, err: expect.stringContaining('Say --yes to do it') })
    expect(done()).toEqual([])
    expect((await souk.run([...erase, '--yes', '--watch'])).out).toContain('souk works certificate erasure-work')
    expect(asked('POST', path).at(-1)).toEqual({ slug: 'acme', reason: 'asked for', archives: 'keep', dry_run: false })
  })

  test('is not begun without a word on the archives', async () => {
    const { code, err } = await souk.run(['merchants', 'erase', 'acme', '--reason', 'asked for', '--yes'])
    expect([code, err]).toEqual([2, expect.stringContaining('archives')])
    expect(done()).toEqual([])
  })

  test('has a certificate, and one that was changed is an error', async () => {
    const certificate = {
      id: 'erasure-work',
      slug: 'acme',
      reason: 'asked for',
      erased_at: '2026-01-02T00:00:00Z',
      rows: { orders: 40 },
      jobs: 1,
      media_files: 0,
      domains: 0,
      usage_days: 3,
      archives: { erased: 0, kept: ['archive-1'] },
      sandboxes: ['sandbox-1'],
      cells_checked: ['shared-1', 'shared-2'],
      digest: 'd1935',
      audit_sequence: 12,
      intact: true,
    }
    souk.answers['GET /v1/erasures/erasure-work'] = () => ({ body: certificate })
    const { code, out } = await souk.run(['works', 'certificate', 'erasure-work'])
    expect([code, out]).toEqual([0, expect.stringContaining('Nothing of it was left in shared-1, shared-2.')])
    expect(out).toContain('The archive archive-1 has its data still.\n  The sandbox sandbox-1 has its data still.')
    souk.answers['GET /v1/erasures/erasure-work'] = () => ({ body: { ...certificate, intact: false } })
    expect(await souk.run(['works', 'certificate', 'erasure-work'])).toMatchObject({ code: 1, err: expect.stringContaining('was changed') })
  })
})

describe('an archive', () => {
  test('is fetched into a file that is the one that was made, and none is written over', async () => {
    souk.answers[`GET /v1/archives/${ARCHIVE.id}/file`] = () => ({ body: FILE })
    const to = join(souk.home, 'acme.tar.gz')
    expect((await souk.run(['archives', 'fetch', ARCHIVE.id, '--to', to])).code).toBe(0)
    expect(readFileSync(to, 'utf8')).toBe(JSON.stringify(FILE))
    expect(await souk.run(['archives', 'fetch', ARCHIVE.id, '--to', to])).toMatchObject({ code: 1, err: `${to} is there already.\n` })
    souk.answers[`GET /v1/archives/${ARCHIVE.id}/file`] = () => ({ body: 'another' })
    const { err } = await souk.run(['archives', 'fetch', ARCHIVE.id, '--to', `${to}.2`])
    expect(err).toContain('is not the file that was made')
  })

  test('is thrown away only when that is said', async () => {
    souk.answers[`DELETE /v1/archives/${ARCHIVE.id}`] = () => ({ status: 200, body: {} })
    expect((await souk.run(['archives', 'delete', ARCHIVE.id])).code).toBe(2)
    expect(done()).toEqual([])
    expect((await souk.run(['archives', 'delete', ARCHIVE.id, '--yes'])).out).toBe('It is gone.\n')
  })

  test('becomes its merchant again', async () => {
    const path = `/v1/archives/${ARCHIVE.id}/restore`
    workThrough(`POST ${path}`, [{ state: 'running', rows_done: 21, rows_total: 42 }, { state: 'done' }], 'restore')
    expect((await souk.run(['archives', 'restore', ARCHIVE.id, '--slug', 'acme', '--dry-run'])).out).toContain('42 rows, 1 media')
    expect(done()).toEqual([])
    const { out } = await souk.run(['archives', 'restore', ARCHIVE.id, '--slug', 'acme', '--watch'])
    expect(out).toContain('is restored: 21 of 42 rows')
    expect(asked('POST', path).at(-1)).toEqual({ slug: 'acme', open: false, dry_run: false })
  })

  test('takes the place of the merchant as it is now, which is kept in an archive of its own', async () => {
    const [erasure, exports, restore] = [
      `/v1/merchants/${MERCHANT.id}/erasure`,
      `/v1/merchants/${MERCHANT.id}/exports`,
      `/v1/archives/${ARCHIVE.id}/restore`,
    ]
    workThrough(`POST ${exports}`, [{ state: 'done', archive_id: 'the-present' }])
    workThrough(`POST ${erasure}`, [{ state: 'done' }], 'erasure')
    workThrough(`POST ${restore}`, [{ state: 'done' }], 'restore')
    souk.answers[`PATCH /v1/merchants/${MERCHANT.id}`] = () => ({ body: { ...MERCHANT, status: 'suspended' } })
    const replace = ['archives', 'restore', ARCHIVE.id, '--slug', 'acme', '--replace']
    expect((await souk.run([...replace, '--dry-run'])).out).toContain('is exported as it is now and then erased')
    expect((await souk.run(replace)).code).toBe(2)
    expect(done()).toEqual([])
    const { code, out } = await souk.run([...replace, '--yes', '--watch'])
    expect([code, out]).toEqual([0, expect.stringContaining('As it was until now: archive the-present.')])
    expect(done().map(({ method, path }) => `${method} ${path}`)).toEqual([
      `PATCH /v1/merchants/${MERCHANT.id}`,
      `POST ${exports}`,
      `POST ${erasure}`,
      `POST ${restore}`,
    ])
    // Where it lived; and whether it would come there was asked before anything was done, for the dry run, the question and the deed.
    const restored = { slug: 'acme', cell: 'shared-1', open: false }
    const tried = { ...restored, dry_run: true, after_erasure: true }
    expect(asked('POST', restore)).toEqual([tried, tried, tried, { ...restored, dry_run: false }])
    expect(asked('POST', erasure).at(-1)).toMatchObject({ archives: 'keep', kept_in: 'the-present', dry_run: false })
  })

  test('is put there when those have ended who were at work in the shop as it was closed', async () => {
    workThrough(`POST /v1/merchants/${MERCHANT.id}/exports`, [{ state: 'done', archive_id: 'the-present' }])
    workThrough(
      `POST /v1/merchants/${MERCHANT.id}/erasure`,
      [{ state: 'failed', failure: 'The merchant was written to after its archive was made: event.' }, { state: 'done' }],
      'erasure',
    )
    workThrough(`POST /v1/archives/${ARCHIVE.id}/restore`, [{ state: 'done' }], 'restore')
    souk.answers[`PATCH /v1/merchants/${MERCHANT.id}`] = () => ({ body: { ...MERCHANT, status: 'suspended' } })
    const present = [MERCHANT, { ...MERCHANT, status: 'suspended' }]
    souk.answers[`GET /v1/merchants/${MERCHANT.id}`] = () => ({ body: present.length > 1 ? present.shift()! : present[0]! })
    const { code, out } = await souk.run(['archives', 'restore', ARCHIVE.id, '--slug', 'acme', '--replace', '--yes', '--watch'])
    expect([code, out]).toEqual([0, expect.stringContaining('made: event. Once more.')])
    expect(done().filter(({ path }) => path.endsWith('/exports'))).toHaveLength(2)
  })

  test('takes nobody`s place when it could not be restored there: that is asked before anything is done', async () => {
    workThrough(`POST /v1/merchants/${MERCHANT.id}/erasure`, [{ state: 'done' }], 'erasure')
    const path = `/v1/archives/${ARCHIVE.id}/restore`
    souk.answers[`POST ${path}`] = () => ({ status: 409, body: { title: 'Duplicate', status: 409, detail: 'This slug is taken.' } })
    const { code, err } = await souk.run(['archives', 'restore', ARCHIVE.id, '--slug', 'taken', '--replace', '--yes'])
    expect([code, err]).toEqual([1, expect.stringContaining('This slug is taken.')])
    expect(done()).toEqual([])
  })

  test('takes nobody`s place when the merchant of today could not be kept', async () => {
    workThrough(`POST /v1/merchants/${MERCHANT.id}/exports`, [{ state: 'failed', failure: 'no room' }])
    workThrough(`POST /v1/merchants/${MERCHANT.id}/erasure`, [{ state: 'done' }], 'erasure')
    workThrough(`POST /v1/archives/${ARCHIVE.id}/restore`, [{ state: 'done' }], 'restore')
    souk.answers[`PATCH /v1/merchants/${MERCHANT.id}`] = () => ({ body: { ...MERCHANT, status: 'suspended' } })
    const { code, err } = await souk.run(['archives', 'restore', ARCHIVE.id, '--slug', 'acme', '--replace', '--yes'])
    expect([code, err]).toEqual([1, expect.stringContaining('The export failed: no room.')])
    expect(done().map(({ path }) => path)).not.toContain(`/v1/merchants/${MERCHANT.id}/erasure`)
  })
})
