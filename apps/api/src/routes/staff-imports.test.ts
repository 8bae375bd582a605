import { runImport } from '@souk/core/imports/run-import.ts'
import { FILE_BYTES_MAX, PART_BYTES_MAX } from '@souk/core/imports/upload.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inParts } from '../receive-import.ts'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  other = await api.addMerchant()
})
afterAll(() => api.close())

const HEADER = 'Handle,Title,Variant Price\n'
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)

function upload(payload: string | Buffer, { type = 'text/csv', query = 'file_name=products.csv', token = shop.token } = {}) {
  return api.call(shop.host, { method: 'POST', url: `/v1/admin/imports?${query}`, token, payload, headers: { 'content-type': type } })
}

const imports = (of = shop) => of.inMerchant.read((tx) => tx.sql`select status from catalog_import where merchant_id = ${tx.merchantId}`)

describe('an upload', () => {
  it('is stored part by part, sealed, queued, and shown', async () => {
    const row = `mug,Mug,${'1'.repeat(3)}\n`
    const file = HEADER + row.repeat(Math.ceil((2.5 * PART_BYTES_MAX) / row.length))
    const begun = await upload(file, { query: 'file_name=%C3%9Cbersicht.csv&stock=set', type: 'text/csv; charset=utf-8' })
    expect(begun.status).toBe(202)
    expect(begun.body).toMatchObject({ file_name: 'Übersicht.csv', status: 'queued', stock: 'set', bytes_received: file.length })
    const stored = await shop.inMerchant.read(
      (tx) =>
        tx.sql`select content from catalog_import_part where merchant_id = ${tx.merchantId} and import_id = ${begun.body.id} order by position`,
    )
    expect(stored).toHaveLength(3)
    expect(Buffer.concat(stored.map((part) => part.content)).toString()).toBe(file)
    const read = await api.call(shop.host, { url: `/v1/admin/imports/${begun.body.id}`, token: shop.token })
    expect(read.body).toEqual(begun.body)
    const listed = await api.call(shop.host, { url: '/v1/admin/imports', token: shop.token })
    expect(listed.body.data[0].id).toBe(begun.body.id)
    const problems = await api.call(shop.host, { url: `/v1/admin/imports/${begun.body.id}/problems`, token: shop.token })
    expect(problems.body).toEqual({ data: [], next_cursor: null })
    for (const path of ['', '/problems']) {
      const foreign = await api.call(other.host, { url: `/v1/admin/imports/${begun.body.id}${path}`, token: other.token })
      expect(slugOf(foreign)).toBe('not-found')
    }
  })

  it('tells, once it is done, what came of it and what was wrong by line', async () => {
    const begun = await upload('Handle,Title,Variant Price\ncup,Cup,2.50\ndear,Dear,2.505\n')
    await runImport(shop.inMerchant, { importId: begun.body.id })
    const url = `/v1/admin/imports/${begun.body.id}`
    const done = await api.call(shop.host, { url, token: shop.token })
    expect(done.body).toMatchObject({
      status: 'done',
      rows_done: 2,
      products_done: 2,
      products_total: 2,
      created: 1,
      failed: 1,
      failure: null,
    })
    const problems = await api.call(shop.host, { url: `${url}/problems`, token: shop.token })
    expect(problems.body.data).toMatchObject([
      { severity: 'error', line: 3, handle: 'dear', field: 'Variant Price', code: 'invalid_price' },
    ])
  })

  it.each([
    ['JSON', '{}', 'application/json', 415, 'unsupported-media-type'],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
    ['another character set', HEADER, 'text/csv; charset=utf-16', 415, 'unsupported-media-type'],
    ['a type of its own', HEADER, 'text/csv-schema', 415, 'unsupported-media-type'],
    ['no header line', 'a,b\n1,2\n', 'text/csv', 422, 'csv-header'],
    ['nothing', '', 'text/csv', 422, 'csv-header'],
    ['a column twice', 'Handle,Title,Title\n', 'text/csv', 422, 'csv-header'],
    ['__proto__', 'Handle,Title,__proto__\n', 'text/csv', 422, 'csv-header'],
    ['UTF-16', Buffer.from(HEADER, 'utf16le'), 'text/csv', 422, 'csv-encoding'],
    ['Latin-1', Buffer.from('Handle,Title,Größe\n', 'latin1'), 'text/csv', 422, 'csv-encoding'],
  ])('of %s is refused, and nothing is kept of it', async (_name, payload, type, status, slug) => {
    const before = await imports()
    const answer = await upload(payload, { type })
    expect([answer.status, slugOf(answer)]).toEqual([status, slug])
    expect(await imports()).toHaveLength(before.length)
  })

  it('is refused when it is too large, before anything is kept', async () => {
    const answer = await api.call(shop.host, {
      method: 'POST',
      url: '/v1/admin/imports?file_name=x.csv',
      token: shop.token,
      headers: { 'content-type': 'text/csv', 'content-length': String(FILE_BYTES_MAX + 1) },
      payload: HEADER,
    })
    expect(slugOf(answer)).toBe('body-too-large')
  })

  it('needs a name and knows two ways with stock', async () => {
    expect(slugOf(await upload(HEADER, { query: 'stock=keep' }))).toBe('invalid-parameter')
    expect(slugOf(await upload(HEADER, { query: 'file_name=x&stock=add' }))).toBe('invalid-parameter')
    expect(slugOf(await upload(HEADER, { query: 'file_name=a%00b' }))).toBe('invalid-text')
  })

  it('needs the scope to write', async () => {
    const key = await api.call(shop.host, {
      method: 'POST',
      url: '/v1/admin/api-keys',
      token: shop.token,
      payload: { name: 'r', scopes: ['catalog:read'] },
    })
    expect((await upload(HEADER, { token: key.body.secret })).status).toBe(403)
  })
})

describe('cutting a stream into parts', () => {
  it('loses no byte and keeps to the size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), fc.integer({ min: 1, max: 9 }), async (chunks, size) => {
        const parts: Buffer[] = []
        for await (const part of inParts(stream(chunks), size)) parts.push(Buffer.from(part))
        expect(Buffer.concat(parts)).toEqual(Buffer.concat(chunks))
        expect(parts.slice(0, -1).every((part) => part.length === size)).toBe(true)
        expect(parts.every((part) => part.length > 0)).toBe(true)
      }),
    )
  })
})

async function* stream(chunks: Uint8Array[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}
