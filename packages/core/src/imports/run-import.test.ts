import { existsSync, readFileSync } from 'node:fs'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { claimStock } from '../stock/claim.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { catalogueOf, footprintOf, importFile, uploadFile } from '../testing/product-files.ts'
import { levelsOffTheirMovements } from '../testing/variants.ts'
import { importById, listImports, listProblems, presentImport, presentProblem } from './list-imports.ts'
import { CHUNK_PRODUCTS_MAX, runImport } from './run-import.ts'
import { abandonImport, appendPart, IMPORTS_OPEN_MAX, openImport, PART_BYTES_MAX, sealImport } from './upload.ts'

const CATALOGUES = new URL('../../../../../shared/data/catalogs/shopify/', import.meta.url)
const HEADER =
  'Handle,Title,Body (HTML),Vendor,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image'
// Enough for a file of several parts.
const FILLER_ROWS = 20_000
let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

describe.skipIf(!existsSync(CATALOGUES))('real files', () => {
  // Products and variants as the data's own manifest counts them; negative figures as counted in the files.
  test.each([
    ['apparel.csv', 25, 96, 0],
    ['bicycles.csv', 284, 1121, 23],
    ['snowdevil.csv', 278, 622, 1],
  ])('%s is imported whole, and a second time writes nothing', async (name, products, variants, negative) => {
    const merchant = await shop.addMerchant({ currency: 'USD' })
    const file = readFileSync(new URL(name, CATALOGUES))
    const first = await importFile(merchant, file)
    expect(presentImport(first)).toMatchObject({
      status: 'done',
      created: products,
      updated: 0,
      unchanged: 0,
      failed: 0,
      products_total: products,
    })
    expect(await counts(merchant)).toMatchObject({
      products: BigInt(products),
      variants: BigInt(variants),
      levels: BigInt(variants),
      parts: 0n,
    })
    const problems = await problemsOf(merchant, first.id, 100)
    expect(problems.every((problem) => problem.severity === 'warning' && problem.code === 'negative_quantity')).toBe(true)
    expect(problems.length).toBeLessThanOrEqual(negative)
    expect(await levelsOffTheirMovements(merchant)).toEqual([])

    const before = await footprintOf(merchant)
    const second = await importFile(merchant, file)
    expect(presentImport(second)).toMatchObject({ status: 'done', created: 0, updated: 0, unchanged: products, failed: 0 })
    expect(await footprintOf(merchant)).toEqual(before)
    const third = await importFile(merchant, file, 'set')
    expect(presentImport(third)).toMatchObject({ status: 'done', unchanged: products })
    expect(await footprintOf(merchant)).toEqual(before)
  })
})

describe("Shopify's rules", () => {
  test('a product takes its fields from its first row, variants and images from all', async () => {
    const merchant = await shop.addMerchant()
    const done = await importFile(
      merchant,
      file(
        'shirt,"Linen, ""soft""",<p>a</p>,Weavers,"b, a, b,",true,Size,S,Colour,Red,L-S,200,shopify,3,deny,49.00,59.00,https://i.example/2.jpg,2,Back,',
        'shirt,,,,,,,M,,Red,L-M,210.4,,9,continue,51.5,,//i.example/1.jpg,1,Front,https://i.example/m.jpg',
        'shirt,,,,,,,,,,,,,,,,,https://i.example/3.jpg,3,,',
        'mug,=SUM(A1),,,,false,Title,Default Title,,,,,,,,8,,,,,',
      ),
    )
    expect(presentImport(done)).toMatchObject({ created: 2, failed: 0, rows_done: 4, products_done: 2 })
    expect(await catalogueOf(merchant)).toMatchObject([
      {
        handle: 'shirt',
        title: 'Linen, "soft"',
        body_html: '<p>a</p>',
        vendor: 'Weavers',
        tags: ['b', 'a'],
        option_names: ['Size', 'Colour'],
        status: 'active',
        published: true,
        price_min: 4900n,
        price_max: 5150n,
        compare_at_price: 5900n,
        image_url: 'https://i.example/1.jpg',
        variants: [
          { title: 'S / Red', sku: 'L-S', price: 4900, compare: 5900, grams: 200, tracked: true, backorder: false, on_hand: 3, moved: 3 },
          {
            title: 'M / Red',
            price: 5150,
            compare: null,
            grams: 210,
            tracked: false,
            backorder: true,
            on_hand: 0,
            image: 'https://i.example/m.jpg',
          },
        ],
        images: [{ url: 'https://i.example/1.jpg', alt: 'Front' }, { url: 'https://i.example/2.jpg' }, { url: 'https://i.example/3.jpg' }],
      },
      { handle: 'mug', title: '=SUM(A1)', published: false, option_names: [], variants: [{ title: '', options: [], price: 800 }] },
    ])
    expect(await eventTypes(merchant)).toEqual(['product.created', 'product.created', 'import.finished'])
  })

  test('rows of a product may lie apart, and columns in any order', async () => {
    const [sorted, apart] = [await shop.addMerchant(), await shop.addMerchant()]
    const rows = ['a,A,Size,S,1', 'a,,,M,2', 'b,B,Size,S,3', 'b,,,M,4', 'c,C,,,5']
    await importFile(sorted, ['Handle,Title,Option1 Name,Option1 Value,Variant Price', ...rows].join('\n'))
    const shuffled = [rows[0], rows[2], rows[4], rows[3], rows[1]].map((row) => row!.split(',').toReversed().join(','))
    const done = await importFile(apart, ['Variant Price,option1 value,OPTION1 NAME,Title,Handle', ...shuffled].join('\r\n'))
    expect(presentImport(done)).toMatchObject({ created: 3, products_total: 3, rows_done: 5 })
    const byHandle = (goods: unknown[]) => (goods as { handle: string }[]).sort((a, b) => a.handle.localeCompare(b.handle))
    expect(byHandle(await catalogueOf(apart))).toEqual(byHandle(await catalogueOf(sorted)))
  })

  test("the newer template's names, and prices in a currency without decimals", async () => {
    const merchant = await shop.addMerchant({ currency: 'JPY', country: 'JP' })
    const done = await importFile(
      merchant,
      'Title,URL handle,Description,Status,SKU,Price,Inventory tracker,Inventory quantity,Continue selling when out of stock\n湯呑み,yunomi,<p>陶器</p>,draft,Y-1,1200.00,shopify,4,DENY\nNo handle,,,Active,,1200.50,,,',
    )
    expect(await catalogueOf(merchant)).toMatchObject([
      { handle: 'yunomi', body_html: '<p>陶器</p>', status: 'draft', price_min: 1200n, variants: [{ on_hand: 4 }] },
    ])
    expect(await problemsOf(merchant, done.id)).toMatchObject([
      { line: 3, handle: 'no-handle', field: 'Variant Price', code: 'invalid_price' },
    ])
  })

  test('a bad row leaves its product out, says where, and the others go on', async () => {
    const merchant = await shop.addMerchant()
    const done = await importFile(
      merchant,
      file(
        row({ handle: 'good', title: 'Good', price: '1.00' }),
        row({ handle: 'dear', title: 'Dear', price: '1.001' }),
        row({ handle: 'odd', title: 'Odd', price: '1,5' }).replace('1,5', '"1,5"'),
        row({ handle: 'free', title: 'Free', price: '' }),
        row({ handle: 'hidden', title: 'Hid\u200bden', price: '1' }),
        row({ handle: 'nul', title: 'N\0', price: '1' }),
        row({ handle: 'nameless', title: '', price: '1' }),
        row({ handle: '', title: '', price: '1' }),
        row({ handle: 'sized', title: 'Sized', option: 'Size', value: 'S', price: '1' }),
        row({ handle: 'sized', title: '', value: 'S', price: '2' }),
        row({ handle: 'short', title: 'Short', tracker: 'shopify', quantity: '-3', price: '1' }),
      ),
    )
    expect(presentImport(done)).toMatchObject({ status: 'done', created: 3, failed: 7, products_done: 10, products_total: 10 })
    expect((await catalogueOf(merchant)).map((product) => (product as { handle: string }).handle)).toEqual(['good', 'sized', 'short'])
    expect(
      (await problemsOf(merchant, done.id)).map(({ severity, line, handle, field, code }) => [severity, line, handle, field, code]),
    ).toEqual([
      ['error', 3, 'dear', 'Variant Price', 'invalid_price'],
      ['error', 4, 'odd', 'Variant Price', 'invalid_price'],
      ['error', 5, 'free', 'Variant Price', 'price_missing'],
      ['error', 6, 'hidden', 'Title', 'invalid_text'],
      ['error', 7, 'nul', 'Title', 'invalid_text'],
      ['error', 8, 'nameless', 'Title', 'title_missing'],
      ['error', 9, '', 'Handle', 'handle_missing'],
      ['warning', 11, 'sized', 'Option1 Value', 'duplicate_variant'],
      ['warning', 12, 'short', 'Variant Inventory Qty', 'negative_quantity'],
    ])
    const page = await merchant.inMerchant.read((tx) => listProblems(tx, done.id, { limit: 4 }))
    const rest = await merchant.inMerchant.read((tx) => listProblems(tx, done.id, { limit: 100, after: page.next! }))
    expect([...page.problems, ...rest.problems].map((problem) => Number(problem.line))).toEqual([3, 4, 5, 6, 7, 8, 9, 11, 12])
  })
})

describe('a second file', () => {
  const first = file(
    row({
      handle: 'shirt',
      title: 'Shirt',
      option: 'Size',
      value: 'S',
      price: '10',
      tracker: 'shopify',
      quantity: '5',
      image: 'https://i.example/1.jpg',
    }),
    row({ handle: 'shirt', title: '', value: 'M', price: '11', tracker: 'shopify', quantity: '5' }),
    row({ handle: 'mug', title: 'Mug', price: '8' }),
  )

  test('changes what differs and nothing else; variants it does not name stay', async () => {
    const merchant = await shop.addMerchant()
    await importFile(merchant, first)
    const mug = await rowVersion(merchant, 'mug')
    const next = 'Handle,Title,Option1 Name,Option1 Value,Variant Price\nshirt,Shirt II,Size,M,12.00\nshirt,,,L,13.00\nmug,Mug,,,8.00'
    expect(presentImport(await importFile(merchant, next))).toMatchObject({ created: 0, updated: 1, unchanged: 1, failed: 0 })
    expect(await catalogueOf(merchant)).toMatchObject([
      {
        title: 'Shirt II',
        price_min: 1000n,
        price_max: 1300n,
        images: [{ url: 'https://i.example/1.jpg' }],
        variants: [
          { title: 'M', price: 1200, on_hand: 5, position: 1 },
          { title: 'L', price: 1300, on_hand: 0, tracked: false, position: 2 },
          { title: 'S', price: 1000, on_hand: 5, position: 3 },
        ],
      },
      { handle: 'mug' },
    ])
    expect(await rowVersion(merchant, 'mug')).toBe(mug)
    expect(await eventTypes(merchant)).toEqual([
      'product.created',
      'product.created',
      'import.finished',
      'product.updated',
      'import.finished',
    ])
    const before = await footprintOf(merchant)
    await importFile(merchant, next)
    expect(await footprintOf(merchant)).toEqual(before)
  })

  test('keeps stock, or counts it when asked to, but never below what is promised', async () => {
    const merchant = await shop.addMerchant()
    await importFile(merchant, first)
    const [variant] = await merchant.inMerchant.read(
      (tx) => tx.sql<{ id: string }[]>`
      select id from variant where merchant_id = ${tx.merchantId} and title = 'M'`,
    )
    const claim = {
      orderId: newId(),
      locationId: merchant.locationId,
      lines: [{ variantId: variant!.id, quantity: 4n }],
      actor: { kind: 'buyer' } as const,
      now: new Date(),
    }
    await merchant.inMerchant((tx) => claimStock(tx, claim))
    const counted = first.replaceAll('shopify,5', 'shopify,2')
    expect(presentImport(await importFile(merchant, counted, 'keep'))).toMatchObject({ unchanged: 2 })
    const done = await importFile(merchant, counted, 'set')
    expect(presentImport(done)).toMatchObject({ updated: 1, unchanged: 1 })
    expect(await catalogueOf(merchant)).toMatchObject([
      {
        variants: [
          { title: 'S', on_hand: 2, moved: 2 },
          { title: 'M', on_hand: 5 },
        ],
      },
      {},
    ])
    expect(await problemsOf(merchant, done.id)).toMatchObject([{ severity: 'warning', code: 'stock_promised', handle: 'shirt' }])
    expect(await levelsOffTheirMovements(merchant)).toEqual([])
  })

  test('gives a product other options, unless that would remove what is promised', async () => {
    const merchant = await shop.addMerchant()
    await importFile(merchant, first)
    const other = file(row({ handle: 'shirt', title: 'Shirt', option: 'Colour', value: 'Red', price: '10' }))
    const [variant] = await merchant.inMerchant.read(
      (tx) => tx.sql<{ id: string }[]>`
      select id from variant where merchant_id = ${tx.merchantId} and title = 'M'`,
    )
    const claim = {
      orderId: newId(),
      locationId: merchant.locationId,
      lines: [{ variantId: variant!.id, quantity: 1n }],
      actor: { kind: 'buyer' } as const,
      now: new Date(),
    }
    await merchant.inMerchant((tx) => claimStock(tx, claim))
    const refused = await importFile(merchant, other)
    expect(presentImport(refused)).toMatchObject({ failed: 1 })
    expect(await problemsOf(merchant, refused.id)).toMatchObject([{ severity: 'error', code: 'variant_promised' }])
    await merchant.inMerchant((tx) => tx.sql`update stock_level set allocated = 0 where merchant_id = ${tx.merchantId}`.execute())
    expect(presentImport(await importFile(merchant, other))).toMatchObject({ updated: 1 })
    expect(await catalogueOf(merchant)).toMatchObject([{ option_names: ['Colour'], variants: [{ title: 'Red' }] }, { handle: 'mug' }])
  })
})

describe('a run that is killed', () => {
  const many = file(
    ...Array.from({ length: 2 * CHUNK_PRODUCTS_MAX + 7 }, (_, n) =>
      row({ handle: `p-${n}`, title: n % 40 === 3 ? '' : `P ${n}`, tracker: 'shopify', quantity: '2', price: '1' }),
    ),
  )
  let whole: unknown[]

  beforeAll(async () => {
    const merchant = await shop.addMerchant()
    expect(presentImport(await importFile(merchant, many))).toMatchObject({ created: 104, failed: 3 })
    whole = await catalogueOf(merchant)
  })

  test.each([1, 2, 3])('after chunk %i goes on there', async (chunk) => {
    const merchant = await shop.addMerchant()
    const importId = await uploadFile(merchant, many)
    let chunks = 0
    const onChunk = () => {
      if (++chunks === chunk) throw new Error('killed')
    }
    await expect(runImport(merchant.inMerchant, { importId }, { onChunk })).rejects.toThrow('killed')
    const half = await merchant.inMerchant.read((tx) => importById(tx, importId))
    expect(presentImport(half)).toMatchObject({
      status: 'running',
      products_done: Math.min(107, chunk * CHUNK_PRODUCTS_MAX),
      products_total: 107,
    })
    await runImport(merchant.inMerchant, { importId })
    await assertWhole(merchant, importId)
  })

  test.each(['before', 'after'] as const)('%s the commit of each of its transactions in turn ends the same', async (moment) => {
    for (let boundary = 1; ; boundary++) {
      const merchant = await shop.addMerchant()
      const importId = await uploadFile(merchant, many)
      const failing = failAt(merchant.inMerchant, boundary, moment)
      const outcome = await runImport(failing, { importId }).then(
        () => 'done',
        (error: Error) => error.message,
      )
      if (outcome === 'done') {
        // start, total, three chunks, finish
        expect(boundary).toBe(7)
        break
      }
      expect(outcome).toBe('killed')
      await runImport(merchant.inMerchant, { importId })
      await assertWhole(merchant, importId)
    }
  })

  test('two runs of one import at once import each product once', async () => {
    const merchant = await shop.addMerchant()
    const importId = await uploadFile(merchant, many)
    const outcomes = await Promise.allSettled([1, 2].map(() => runImport(merchant.inMerchant, { importId })))
    expect(outcomes.some((outcome) => outcome.status === 'fulfilled')).toBe(true)
    await runImport(merchant.inMerchant, { importId })
    await assertWhole(merchant, importId)
  })

  async function assertWhole(merchant: TestMerchant, importId: string): Promise<void> {
    const done = await merchant.inMerchant.read((tx) => importById(tx, importId))
    expect(presentImport(done)).toMatchObject({ status: 'done', created: 104, failed: 3, products_done: 107, rows_done: 107 })
    expect(await catalogueOf(merchant)).toEqual(whole)
    expect(await problemsOf(merchant, importId)).toHaveLength(3)
    expect((await eventTypes(merchant)).filter((type) => type === 'product.created')).toHaveLength(104)
    expect((await eventTypes(merchant)).filter((type) => type === 'import.finished')).toHaveLength(1)
    expect(await levelsOffTheirMovements(merchant)).toEqual([])
  }
})

describe('a file that cannot be read', () => {
  const good = row({ handle: 'a', title: 'A', price: '1' })
  const faults: [what: string, rows: Buffer, code: string, line: number][] = [
    ['an open quote', Buffer.from(`${good}\nb,"open\n`), 'csv_malformed', 3],
    ['a short row', Buffer.from(`${good}\nb,B\n`), 'csv_malformed', 3],
    ['Latin-1 further down', Buffer.from(row({ handle: 'a', title: 'Café', price: '1' }), 'latin1'), 'csv_encoding', 2],
  ]

  test.each(faults)('is refused when it is sealed, if it is small: %s', async (_what, rows, code, line) => {
    const merchant = await shop.addMerchant()
    const bytes = Buffer.concat([Buffer.from(`${HEADER}\n`), rows])
    await expect(uploadFile(merchant, bytes)).rejects.toMatchObject({ code, details: { extra: { line } } })
  })

  test.each(faults)('fails whole, if it is large: %s', async (_what, rows, code, line) => {
    const merchant = await shop.addMerchant()
    const filler = `${row({ handle: 'x', title: 'X', price: '1' })}\n`.repeat(FILLER_ROWS)
    const bytes = Buffer.concat([Buffer.from(`${HEADER}\n${filler}`), rows])
    const done = await importFile(merchant, bytes)
    expect(presentImport(done)).toMatchObject({ status: 'failed', failure: { code, line: line + FILLER_ROWS }, created: 0 })
    expect(await counts(merchant)).toMatchObject({ products: 0n, parts: 0n })
    expect(await eventTypes(merchant)).toEqual(['import.finished'])
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
    expect(await counts(merchant)).toMatchObject({ imports: 0n, parts: 0n })
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

function file(...rows: string[]): string {
  return [HEADER, ...rows, ''].join('\n')
}

function row(cells: {
  handle: string
  title: string
  option?: string
  value?: string
  tracker?: string
  quantity?: string
  price?: string
  image?: string
}): string {
  const { handle, title, option = '', value = '', tracker = '', quantity = '', price = '', image = '' } = cells
  return `${handle},${title},,,,true,${option},${value},,,,,${tracker},${quantity},deny,${price},,${image},,,`
}

function open(merchant: TestMerchant) {
  return merchant.inMerchant((tx) => openImport(tx, { fileName: 'products.csv', stockMode: 'keep', now: new Date() }))
}

/** The door, of which the n-th writing transaction fails: rolled back, or committed without anybody hearing of it. */
function failAt(inMerchant: InMerchant, boundary: number, moment: 'before' | 'after'): InMerchant {
  let count = 0
  const failing = async <T>(work: Parameters<typeof inMerchant<T>>[0]): Promise<T> => {
    const fails = ++count === boundary
    const result = await inMerchant(async (tx) => {
      const done = await work(tx)
      if (fails && moment === 'before') throw new Error('killed')
      return done
    })
    if (fails) throw new Error('killed')
    return result
  }
  return Object.assign(failing, { merchant: inMerchant.merchant, read: inMerchant.read, readOnce: inMerchant.readOnce })
}

async function problemsOf(merchant: TestMerchant, importId: string, limit = 100) {
  const { problems } = await merchant.inMerchant.read((tx) => listProblems(tx, importId, { limit }))
  return problems.map(presentProblem)
}

async function eventTypes(merchant: TestMerchant): Promise<string[]> {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql<{ type: string }[]>`
    select type from event where merchant_id = ${tx.merchantId} order by sequence`,
  )
  return rows.map((event) => event.type)
}

async function rowVersion(merchant: TestMerchant, handle: string): Promise<unknown> {
  const [found] = await merchant.inMerchant.read(
    (tx) => tx.sql`select xmin::text from product where merchant_id = ${tx.merchantId} and handle = ${handle}`,
  )
  return found?.xmin
}

async function counts(merchant: TestMerchant) {
  const [found] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select (select count(*) from product where merchant_id = ${tx.merchantId}) as products,
      (select count(*) from variant where merchant_id = ${tx.merchantId}) as variants,
      (select count(*) from stock_level where merchant_id = ${tx.merchantId}) as levels,
      (select count(*) from catalog_import where merchant_id = ${tx.merchantId}) as imports,
      (select count(*) from catalog_import_part where merchant_id = ${tx.merchantId}) as parts`,
  )
  return { ...found }
}
