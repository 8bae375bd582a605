import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { countsOf, eventTypesOf, HEADER, importFile, productRow, uploadFile } from '../testing/product-files.ts'
import { importById, listImports, listProblems } from './list-imports.ts'
import { runImport } from './run-import.ts'
import { abandonImport, appendPart, IMPORTS_OPEN_MAX, type ImportLimits, openImport, PART_BYTES_MAX, sealImport } from './upload.ts'

// Enough for a file of several parts.
const FILLER_ROWS = 20_000
let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

describe('a file that cannot be read', () => {
  const good = productRow({ handle: 'a', title: 'A', price: '1' })
  const faults: [what: string, rows: Buffer, code: string, line: number][] = [
    ['an open quote', Buffer.from(`${good}\nb,"open\n`), 'csv_malformed', 3],
    ['a short row', Buffer.from(`${good}\nb,B\n`), 'csv_malformed', 3],
    ['Latin-1 further down', Buffer.from(productRow({ handle: 'a', title: 'Café', price: '1' }), 'latin1'), 'csv_encoding', 2],
  ]

  test.each(faults)('is refused when it is sealed, if it is small: %s', async (_what, rows, code, line) => {
    const merchant = await shop.addMerchant()
    const bytes = Buffer.concat([Buffer.from(`${HEADER}\n`), rows])
    await expect(uploadFile(merchant, bytes)).rejects.toMatchObject({ code, details: { extra: { line } } })
  })

  test.each(faults)('fails whole, if it is large: %s', async (_what, rows, code, line) => {
    const merchant = await shop.addMerchant()
    const filler = `${productRow({ handle: 'x', title: 'X', price: '1' })}\n`.repeat(FILLER_ROWS)
    const bytes = Buffer.concat([Buffer.from(`${HEADER}\n${filler}`), rows])
    const done = await importFile(merchant, bytes)
    expect(done).toMatchObject({ status: 'failed', failure: { code, line: line + FILLER_ROWS }, createdCount: 0n })
    expect(await countsOf(merchant)).toMatchObject({ products: 0n, parts: 0n })
    expect(await eventTypesOf(merchant)).toEqual(['import.finished'])
  })

  test.each([
    ['an empty file', '', 'csv_header'],
    ['no title', 'Handle,Vendor\na,b', 'csv_header'],
    ['UTF-16', Buffer.from('\ufeffHandle,Title\n', 'utf16le'), 'csv_encoding'],
    ['no title in a large file', `"Han""dle\n",Vendor\n${'a,"b\n'.repeat(PART_BYTES_MAX / 2)}`, 'csv_header'],
    ['no line break in a large file', 'a,'.repeat(PART_BYTES_MAX), 'csv_malformed'],
  ])('is refused when it is sealed, if its header says so: %s', async (_what, bytes, code) => {
    const merchant = await shop.addMerchant()
    await expect(uploadFile(merchant, bytes)).rejects.toMatchObject({ code })
    const [upload] = (await merchant.inMerchant.read((tx) => listImports(tx, { limit: 5 }))).imports
    expect(upload).toMatchObject({ status: 'receiving' })
    await merchant.inMerchant((tx) => abandonImport(tx, upload!.id))
    expect(await countsOf(merchant)).toMatchObject({ imports: 0n, parts: 0n })
  })
})

describe('an upload', () => {
  test('has an end, and a part that is sent twice counts once', async () => {
    const merchant = await shop.addMerchant()
    const { id } = await open(merchant)
    const part = Buffer.alloc(PART_BYTES_MAX, 'x')
    for (const position of [0, 0, 1]) await merchant.inMerchant((tx) => appendPart(tx, id, position, part))
    expect(await merchant.inMerchant.read((tx) => importById(tx, id))).toMatchObject({ bytesReceived: BigInt(2 * PART_BYTES_MAX) })
    await merchant.inMerchant((tx) =>
      tx.sql`update catalog_import set bytes_received = 67108863 where merchant_id = ${tx.merchantId}`.execute(),
    )
    await expect(merchant.inMerchant((tx) => appendPart(tx, id, 2, Buffer.from('xx')))).rejects.toMatchObject({ code: 'body_too_large' })
    await merchant.inMerchant((tx) => appendPart(tx, id, 2, Buffer.from('x')))
    await expect(merchant.inMerchant((tx) => appendPart(tx, id, 3, Buffer.alloc(PART_BYTES_MAX + 1)))).rejects.toThrow('a part has')
  })

  test('of too many at once is refused', async () => {
    const merchant = await shop.addMerchant()
    const outcomes = await Promise.allSettled(Array.from({ length: IMPORTS_OPEN_MAX + 3 }, () => open(merchant)))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(IMPORTS_OPEN_MAX)
    expect(outcomes.find((outcome) => outcome.status === 'rejected')).toMatchObject({ reason: { code: 'too_many_imports' } })
    // Uploads of a process that died keep nobody out for long.
    await merchant.inMerchant(
      (tx) => tx.sql`update catalog_import set created_at = created_at - interval '2 minutes' where merchant_id = ${tx.merchantId}`,
    )
    await expect(open(merchant)).resolves.toMatchObject({ status: 'receiving' })
  })

  test('is refused by what the plan says: so many at once, and so many of their rows an hour', async () => {
    const merchant = await shop.addMerchant()
    const now = new Date()
    const openBy = (limits: ImportLimits, at = now) =>
      merchant.inMerchant((tx) => openImport(tx, { fileName: 'a.csv', stockMode: 'keep', limits, now: at }))
    const { id } = await openBy({ at_once: 1 })
    await expect(openBy({ at_once: 1 })).rejects.toMatchObject({
      code: 'quota_exceeded',
      details: { extra: { limit: 'imports.at_once', allowed: 1 } },
    })
    await merchant.inMerchant((tx) =>
      tx.sql`update catalog_import set status = 'done', rows_done = 500 where merchant_id = ${tx.merchantId} and id = ${id}`.execute(),
    )
    const inTenMinutes = new Date(now.getTime() + 10 * 60_000)
    await expect(openBy({ rows_per_hour: 500 }, inTenMinutes)).rejects.toMatchObject({
      code: 'quota_exceeded',
      details: { extra: { limit: 'imports.rows_per_hour', allowed: 500 }, retryAfterS: 50 * 60 + 1 },
    })
    await openBy({ at_once: 1, rows_per_hour: 501 }, inTenMinutes)
    await openBy({ at_once: 2, rows_per_hour: 500 }, new Date(now.getTime() + 3_601_000))
  })

  test('that has come to nothing is thrown away an hour later', async () => {
    const merchant = await shop.addMerchant()
    const { id } = await open(merchant)
    await merchant.inMerchant((tx) => appendPart(tx, id, 0, Buffer.from('Handle')))
    const later = new Date(Date.now() + 61 * 60_000)
    await merchant.inMerchant((tx) => openImport(tx, { fileName: 'next.csv', stockMode: 'keep', now: later }))
    await expect(merchant.inMerchant.read((tx) => importById(tx, id))).rejects.toMatchObject({ code: 'not_found' })
    expect(await countsOf(merchant)).toMatchObject({ imports: 1n, parts: 0n })
  })

  test("another merchant's is as if it did not exist", async () => {
    const [merchant, stranger] = [await shop.addMerchant(), await shop.addMerchant()]
    const { id } = await open(stranger)
    await stranger.inMerchant((tx) => appendPart(tx, id, 0, Buffer.from('Handle,Title\n')))
    const tries = [
      () => merchant.inMerchant((tx) => appendPart(tx, id, 1, Buffer.from('x'))),
      () => merchant.inMerchant((tx) => importById(tx, id)),
      () => merchant.inMerchant((tx) => listProblems(tx, id, { limit: 1 })),
    ]
    for (const attempt of tries) await expect(attempt()).rejects.toMatchObject({ code: 'not_found' })
    await expect(merchant.inMerchant((tx) => sealImport(tx, id))).rejects.toMatchObject({
      code: expect.stringMatching(/not_found|csv_header/),
    })
    await runImport(merchant.inMerchant, { importId: id })
    expect(await stranger.inMerchant.read((tx) => importById(tx, id))).toMatchObject({ status: 'receiving' })
  })
})

function open(merchant: TestMerchant) {
  return merchant.inMerchant((tx) => openImport(tx, { fileName: 'products.csv', stockMode: 'keep', now: new Date() }))
}
