import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createProduct } from '../catalog/create-product.ts'
import { newId } from '../ids.ts'
import { claimStock } from '../stock/claim.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import {
  catalogueOf,
  countsOf,
  eventTypesOf,
  footprintOf,
  importFile,
  problemsOf,
  productFile,
  productRow,
  uploadFile,
} from '../testing/product-files.ts'
import { levelsOffTheirMovements } from '../testing/variants.ts'
import { importById, listProblems } from './list-imports.ts'
import { runImport } from './run-import.ts'

const CATALOGUES = new URL('../../../../../shared/data/catalogs/shopify/', import.meta.url)
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
    expect(first).toMatchObject({
      status: 'done',
      createdCount: BigInt(products),
      updatedCount: 0n,
      unchangedCount: 0n,
      failedCount: 0n,
      productsTotal: BigInt(products),
    })
    expect(await countsOf(merchant)).toMatchObject({
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
    expect(second).toMatchObject({ status: 'done', createdCount: 0n, updatedCount: 0n, unchangedCount: BigInt(products), failedCount: 0n })
    expect(await footprintOf(merchant)).toEqual(before)
    const third = await importFile(merchant, file, 'set')
    expect(third).toMatchObject({ status: 'done', unchangedCount: BigInt(products) })
    expect(await footprintOf(merchant)).toEqual(before)
  })
})

describe("Shopify's rules", () => {
  test('a product takes its fields from its first row, variants and images from all', async () => {
    const merchant = await shop.addMerchant()
    const done = await importFile(
      merchant,
      productFile(
        'shirt,"Linen, ""soft""",<p>a</p>,Weavers,"b, a, b,",true,Size,S,Colour,Red,L-S,200,shopify,3,deny,49.00,59.00,https://i.example/2.jpg,2,Back,',
        'shirt,,,,,,,M,,Red,L-M,210.4,,9,continue,51.5,,//i.example/1.jpg,1,Front,https://i.example/m.jpg',
        'shirt,,,,,,,,,,,,,,,,,https://i.example/3.jpg,3,,',
        'mug,=SUM(A1),,,,false,Title,Default Title,,,,,,,,8,,,,,',
      ),
    )
    expect(done).toMatchObject({ createdCount: 2n, failedCount: 0n, rowsDone: 4n, productsDone: 2n })
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
    expect(await eventTypesOf(merchant)).toEqual(['product.created', 'product.created', 'import.finished'])
  })

  test('rows of a product may lie apart, and columns in any order', async () => {
    const [sorted, apart] = [await shop.addMerchant(), await shop.addMerchant()]
    const rows = ['a,A,Size,S,1', 'a,,,M,2', 'b,B,Size,S,3', 'b,,,M,4', 'c,C,,,5']
    await importFile(sorted, ['Handle,Title,Option1 Name,Option1 Value,Variant Price', ...rows].join('\n'))
    const shuffled = [rows[0], rows[2], rows[4], rows[3], rows[1]].map((row) => row!.split(',').toReversed().join(','))
    const done = await importFile(apart, ['Variant Price,option1 value,OPTION1 NAME,Title,Handle', ...shuffled].join('\r\n'))
    expect(done).toMatchObject({ createdCount: 3n, productsTotal: 3n, rowsDone: 5n })
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
      { line: 3n, handle: 'no-handle', field: 'Variant Price', code: 'invalid_price' },
    ])
  })

  test('tax codes become tax categories; a file without the column leaves them alone', async () => {
    const merchant = await shop.addMerchant()
    const file = (...codes: string[]) =>
      ['Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Tax Code']
        .concat(codes.map((code, index) => `a,${index === 0 ? 'A' : ''},Size,${index},1,${code}`))
        .join('\n')
    const done = await importFile(merchant, file('Books', '', 'PC040100', 'no code'))
    expect(await categoriesOf(merchant)).toEqual(['books', null, 'pc040100', null])
    expect(await problemsOf(merchant, done.id)).toMatchObject([
      { severity: 'warning', line: 5n, field: 'Variant Tax Code', code: 'invalid_tax_category' },
    ])
    const without = 'Handle,Title,Option1 Name,Option1 Value,Variant Price\na,A,Size,0,1\na,,Size,1,1\na,,Size,2,1\na,,Size,3,1'
    expect(await importFile(merchant, without)).toMatchObject({ unchangedCount: 1n })
    expect(await importFile(merchant, file('food', '', '', 'books'))).toMatchObject({ updatedCount: 1n })
    expect(await categoriesOf(merchant)).toEqual(['food', null, null, 'books'])
  })

  test('a bad row leaves its product out, says where, and the others go on', async () => {
    const merchant = await shop.addMerchant()
    const done = await importFile(
      merchant,
      productFile(
        productRow({ handle: 'good', title: 'Good', price: '1.00' }),
        productRow({ handle: 'dear', title: 'Dear', price: '1.001' }),
        productRow({ handle: 'odd', title: 'Odd', price: '1,5' }).replace('1,5', '"1,5"'),
        productRow({ handle: 'free', title: 'Free', price: '' }),
        productRow({ handle: 'hidden', title: 'Hid\u200bden', price: '1' }),
        productRow({ handle: 'nul', title: 'N\0', price: '1' }),
        productRow({ handle: 'nameless', title: '', price: '1' }),
        productRow({ handle: '', title: '', price: '1' }),
        productRow({ handle: 'sized', title: 'Sized', option: 'Size', value: 'S', price: '1' }),
        productRow({ handle: 'sized', title: '', value: 'S', price: '2' }),
        productRow({ handle: 'short', title: 'Short', tracker: 'shopify', quantity: '-3', price: '1' }),
      ),
    )
    expect(done).toMatchObject({ status: 'done', createdCount: 3n, failedCount: 7n, productsDone: 10n, productsTotal: 10n })
    expect((await catalogueOf(merchant)).map((product) => (product as { handle: string }).handle)).toEqual(['good', 'sized', 'short'])
    expect(
      (await problemsOf(merchant, done.id)).map(({ severity, line, handle, field, code }) => [severity, line, handle, field, code]),
    ).toEqual([
      ['error', 3n, 'dear', 'Variant Price', 'invalid_price'],
      ['error', 4n, 'odd', 'Variant Price', 'invalid_price'],
      ['error', 5n, 'free', 'Variant Price', 'price_missing'],
      ['error', 6n, 'hidden', 'Title', 'invalid_text'],
      ['error', 7n, 'nul', 'Title', 'invalid_text'],
      ['error', 8n, 'nameless', 'Title', 'title_missing'],
      ['error', 9n, '', 'Handle', 'handle_missing'],
      ['warning', 11n, 'sized', 'Option1 Value', 'duplicate_variant'],
      ['warning', 12n, 'short', 'Variant Inventory Qty', 'negative_quantity'],
    ])
    const page = await merchant.inMerchant.read((tx) => listProblems(tx, done.id, { limit: 4 }))
    const rest = await merchant.inMerchant.read((tx) => listProblems(tx, done.id, { limit: 100, after: page.next! }))
    expect([...page.problems, ...rest.problems].map((problem) => Number(problem.line))).toEqual([3, 4, 5, 6, 7, 8, 9, 11, 12])
  })
})

test('a product that staff create while its chunk is being written is changed, not made twice', async () => {
  const merchant = await shop.addMerchant()
  const importId = await uploadFile(merchant, productFile(productRow({ handle: 'raced', title: 'From the file', price: '2' })))
  let running: Promise<void> | undefined
  await merchant.inMerchant(async (tx) => {
    const input = { title: 'By hand', handle: 'raced', variants: [{ price: 1n }] }
    await createProduct(tx, input, { actor: { kind: 'staff', id: newId() }, now: new Date() })
    running = runImport(merchant.inMerchant, { importId })
    // The import has looked, found nothing, and waits for this transaction at the unique key.
    await vi.waitUntil(
      async () => {
        const waiting = await merchant.inMerchant.read(
          (other) => other.sql`
          select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into product%'`,
        )
        return waiting.length > 0
      },
      { timeout: 180_000 },
    )
  })
  await running
  const done = await merchant.inMerchant.read((tx) => importById(tx, importId))
  expect(done).toMatchObject({ status: 'done', createdCount: 0n, updatedCount: 1n, failedCount: 0n })
  expect(await catalogueOf(merchant)).toMatchObject([
    { handle: 'raced', title: 'From the file', price_min: 200n, variants: [{ price: 200 }] },
  ])
})

describe('a second file', () => {
  const first = productFile(
    productRow({
      handle: 'shirt',
      title: 'Shirt',
      option: 'Size',
      value: 'S',
      price: '10',
      tracker: 'shopify',
      quantity: '5',
      image: 'https://i.example/1.jpg',
    }),
    productRow({ handle: 'shirt', title: '', value: 'M', price: '11', tracker: 'shopify', quantity: '5' }),
    productRow({ handle: 'mug', title: 'Mug', price: '8' }),
  )

  test('changes what differs and nothing else; variants it does not name stay', async () => {
    const merchant = await shop.addMerchant()
    await importFile(merchant, first)
    const mug = await rowVersion(merchant, 'mug')
    const next = 'Handle,Title,Option1 Name,Option1 Value,Variant Price\nshirt,Shirt II,Size,M,12.00\nshirt,,,L,13.00\nmug,Mug,,,8.00'
    expect(await importFile(merchant, next)).toMatchObject({ createdCount: 0n, updatedCount: 1n, unchangedCount: 1n, failedCount: 0n })
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
    expect(await eventTypesOf(merchant)).toEqual([
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
    expect(await importFile(merchant, counted, 'keep')).toMatchObject({ unchangedCount: 2n })
    const done = await importFile(merchant, counted, 'set')
    expect(done).toMatchObject({ updatedCount: 1n, unchangedCount: 1n })
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
    const other = productFile(productRow({ handle: 'shirt', title: 'Shirt', option: 'Colour', value: 'Red', price: '10' }))
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
    expect(refused).toMatchObject({ failedCount: 1n })
    expect(await problemsOf(merchant, refused.id)).toMatchObject([{ severity: 'error', code: 'variant_promised' }])
    await merchant.inMerchant((tx) => tx.sql`update stock_level set allocated = 0 where merchant_id = ${tx.merchantId}`.execute())
    expect(await importFile(merchant, other)).toMatchObject({ updatedCount: 1n })
    expect(await catalogueOf(merchant)).toMatchObject([{ option_names: ['Colour'], variants: [{ title: 'Red' }] }, { handle: 'mug' }])
  })
})

async function rowVersion(merchant: TestMerchant, handle: string): Promise<unknown> {
  const [found] = await merchant.inMerchant.read(
    (tx) => tx.sql`select xmin::text from product where merchant_id = ${tx.merchantId} and handle = ${handle}`,
  )
  return found?.xmin
}

async function categoriesOf({ inMerchant }: TestMerchant): Promise<(string | null)[]> {
  const rows = await inMerchant.read(
    (tx) => tx.sql<{ category: string | null }[]>`
    select tax_category as category from variant where merchant_id = ${tx.merchantId} order by position`,
  )
  return rows.map(({ category }) => category)
}
