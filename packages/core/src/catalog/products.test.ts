import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { claimStock } from '../stock/claim.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { levelsOffTheirMovements } from '../testing/variants.ts'
import { addVariant, deleteVariant, updateVariant } from './change-variants.ts'
import type { ProductInput } from './check-product.ts'
import { createProduct } from './create-product.ts'
import { deleteProduct } from './delete-product.ts'
import { makeHandle, normalHandle } from './handle.ts'
import { listProducts } from './list-products.ts'
import { listStock } from './list-stock.ts'
import { getProduct } from './product.ts'
import { type ProductChanges, updateProduct } from './update-product.ts'

const by = { actor: { kind: 'staff', id: newId() } as const, now: new Date('2030-05-01T10:00:00Z') }
const later = { ...by, now: new Date('2030-05-02T10:00:00Z') }
const SHIRT: ProductInput = {
  title: 'Linen shirt',
  bodyHtml: '<p>Light.</p>',
  vendor: 'Weavers',
  tags: ['summer', 'linen'],
  optionNames: ['Size', 'Colour'],
  images: [{ url: 'https://img.example/1.jpg', alt: 'Front' }, { url: '/media/2.svg' }],
  variants: [
    { optionValues: ['S', 'White'], price: 4900n, compareAtPrice: 5900n, sku: 'LS-S', tracked: true, quantity: 3 },
    { optionValues: ['M', 'White'], price: 5100n, sku: 'LS-M', grams: 220 },
  ],
}
let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

test('creates a product with variants, images, opening stock, snapshots and its event', async () => {
  const product = await create(SHIRT)
  expect(product).toMatchObject({
    handle: 'linen-shirt',
    optionNames: ['Size', 'Colour'],
    images: [
      { url: 'https://img.example/1.jpg', alt: 'Front' },
      { url: '/media/2.svg', alt: '' },
    ],
    variants: [
      {
        title: 'S / White',
        optionValues: ['S', 'White'],
        price: 4900n,
        compareAtPrice: 5900n,
        onHand: 3,
        available: 3,
        tracked: true,
      },
      { title: 'M / White', compareAtPrice: null, grams: 220, tracked: false, onHand: 0 },
    ],
    currency: 'EUR',
    createdAt: by.now,
  })
  expect(await row(product.id)).toMatchObject({
    price_min: 4900n,
    price_max: 5100n,
    compare_at_price: 5900n,
    image_url: 'https://img.example/1.jpg',
    image_alt: 'Front',
  })
  expect(await eventsOf(product.id)).toMatchObject([
    { type: 'product.created', actor: by.actor, data: { handle: 'linen-shirt', variant_count: 2 } },
  ])
  expect(await levelsOffTheirMovements(merchant)).toEqual([])
})

test('a handle is unique, in whichever form it is written; one made from the title gives way', async () => {
  await create({ ...SHIRT, handle: 'Café-Chair' })
  await expect(create({ ...SHIRT, handle: 'cafe\u0301-chair' })).rejects.toMatchObject({ code: 'duplicate' })
  expect((await create({ ...SHIRT, title: 'Twin' })).handle).toBe('twin')
  expect((await create({ ...SHIRT, title: 'Twin' })).handle).toBe('twin-2')
  const racing = await Promise.allSettled(Array.from({ length: 8 }, () => create({ ...SHIRT, handle: 'raced' })))
  expect(racing.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
  for (const outcome of racing) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'duplicate' })
})

test.each([
  ['Crème brûlée, 2 kg', 'creme-brulee-2-kg'],
  ['日本 Tシャツ', '日本-tシャツ'],
  ['  --- ', 'product'],
  ['👟', 'product'],
  ['A & B', 'a-b'],
])('the handle of %j is %j', (title, handle) => {
  expect(makeHandle(title)).toBe(handle)
  expect(normalHandle(handle)).toBe(handle)
})

test.each<[string, Partial<ProductInput>, string, string]>([
  ['a title with a zero-width space', { title: 'Sh\u200birt' }, 'invalid_text', '/title'],
  ['a blank title', { title: '  ' }, 'invalid_product', '/title'],
  ['a description with a NUL', { bodyHtml: 'a\0' }, 'invalid_text', '/description_html'],
  ['a description without end', { bodyHtml: 'x'.repeat(524_289) }, 'text_too_long', '/description_html'],
  ['a handle with a space', { handle: 'a b' }, 'invalid_product', '/handle'],
  ['no variant', { variants: [] }, 'invalid_product', '/variants'],
  ['a variant with too few options', { variants: [{ optionValues: ['S'], price: 1n }] }, 'invalid_product', '/variants/0/options'],
  ['two variants alike', { variants: [SHIRT.variants[0]!, SHIRT.variants[0]!] }, 'invalid_product', '/variants/1/options'],
  ['a negative price', { variants: [{ optionValues: ['S', 'W'], price: -1n }] }, 'amount_out_of_range', '/variants/0/price'],
  [
    'a price past the end',
    { variants: [{ optionValues: ['S', 'W'], price: 1_000_000_000_001n }] },
    'amount_out_of_range',
    '/variants/0/price',
  ],
  ['half a piece', { variants: [{ optionValues: ['S', 'W'], price: 1n, quantity: 0.5 }] }, 'quantity_out_of_range', '/variants/0/quantity'],
  ['a script as an image', { images: [{ url: 'javascript:alert(1)' }] }, 'invalid_product', '/images/0/url'],
  ['an image of another host in disguise', { images: [{ url: '//evil.example/x' }] }, 'invalid_product', '/images/0/url'],
  ['the same tag twice', { tags: ['a', 'a'] }, 'invalid_product', '/tags'],
  [
    'four options',
    { optionNames: ['a', 'b', 'c', 'd'], variants: [{ optionValues: ['1', '2', '3', '4'], price: 1n }] },
    'invalid_product',
    '/options',
  ],
])('refuses %s', async (_what, part, code, pointer) => {
  const error = { code, details: { errors: expect.arrayContaining([expect.objectContaining({ pointer })]) } }
  await expect(create({ ...SHIRT, ...part })).rejects.toMatchObject(error)
})

test('changes what is given, says so in an event, and writes nothing when nothing differs', async () => {
  const product = await create({ ...SHIRT, handle: 'changing' })
  const changes: ProductChanges = { title: 'Linen shirt II', status: 'archived', images: [{ url: 'https://img.example/9.jpg' }] }
  const changed = await update(product.id, changes)
  expect(changed).toMatchObject({ title: 'Linen shirt II', status: 'archived', vendor: 'Weavers', updatedAt: later.now })
  expect(changed.images).toEqual([{ url: 'https://img.example/9.jpg', alt: '' }])
  expect(await row(product.id)).toMatchObject({ image_url: 'https://img.example/9.jpg', price_min: 4900n })
  expect((await eventsOf(product.id)).at(-1)).toMatchObject({ type: 'product.updated', data: { changed: ['title', 'status', 'images'] } })
  const before = await row(product.id)
  await update(product.id, changes)
  expect(await row(product.id)).toEqual(before)
  expect(await eventsOf(product.id)).toHaveLength(2)
})

test('refuses a handle that is taken, and options in another number', async () => {
  const product = await create({ ...SHIRT, handle: 'first-of-two' })
  await create({ ...SHIRT, handle: 'second-of-two' })
  await expect(update(product.id, { handle: 'second-of-two' })).rejects.toMatchObject({ code: 'duplicate' })
  await expect(update(product.id, { optionNames: ['Size'] })).rejects.toMatchObject({ code: 'invalid_product' })
  expect((await update(product.id, { optionNames: ['Size', 'Color'] })).optionNames).toEqual(['Size', 'Color'])
})

test('of two products given one handle at the same moment, one is refused', async () => {
  const [one, other] = [await create({ ...SHIRT, handle: 'racer-one' }), await create({ ...SHIRT, handle: 'racer-two' })]
  for (let round = 0; round < 5; round++) {
    const outcomes = await Promise.allSettled([one, other].map((product) => update(product.id, { handle: `goal-${round}` })))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    expect(outcomes.find((outcome) => outcome.status === 'rejected')).toMatchObject({ reason: { code: 'duplicate' } })
  }
})

test('adds, changes and deletes variants, and the price range follows', async () => {
  const product = await create({ ...SHIRT, handle: 'with-variants' })
  const input = { optionValues: ['L', 'White'], price: 3900n, tracked: true, quantity: 2 }
  const { variant } = await merchant.inMerchant((tx) => addVariant(tx, product.id, input, later))
  expect(variant).toMatchObject({ title: 'L / White', position: 3, onHand: 2 })
  expect(await row(product.id)).toMatchObject({ price_min: 3900n, price_max: 5100n, compare_at_price: null, updated_at: later.now })
  await expect(merchant.inMerchant((tx) => addVariant(tx, product.id, input, later))).rejects.toMatchObject({ code: 'duplicate' })

  const changed = await merchant.inMerchant((tx) => updateVariant(tx, variant.id, { price: 9900n, backorder: true, sku: 'NEW' }, later))
  expect(changed.variant).toMatchObject({ price: 9900n, backorder: true, sku: 'NEW', onHand: 2, optionValues: ['L', 'White'] })
  expect(await row(product.id)).toMatchObject({ price_min: 4900n, price_max: 9900n })
  const events = (await eventsOf(product.id)).length
  await merchant.inMerchant((tx) => updateVariant(tx, variant.id, { price: 9900n, sku: 'NEW' }, later))
  expect(await eventsOf(product.id)).toHaveLength(events)
  await expect(merchant.inMerchant((tx) => updateVariant(tx, variant.id, { optionValues: ['S', 'White'] }, later))).rejects.toMatchObject({
    code: 'duplicate',
  })

  await merchant.inMerchant((tx) => deleteVariant(tx, variant.id, later))
  expect((await get(product.id)).variants).toHaveLength(2)
  expect(await row(product.id)).toMatchObject({ price_max: 5100n })
  await expect(merchant.inMerchant((tx) => deleteVariant(tx, variant.id, later))).rejects.toMatchObject({ code: 'not_found' })
})

test('the last variant stays, and so does what is promised to a buyer', async () => {
  const product = await create({ title: 'Sold', variants: [{ price: 100n, tracked: true, quantity: 1 }] })
  const variantId = product.variants[0]!.id
  await expect(merchant.inMerchant((tx) => deleteVariant(tx, variantId, by))).rejects.toMatchObject({ code: 'invalid_state' })
  const claim = { orderId: newId(), locationId: merchant.locationId, lines: [{ variantId, quantity: 1n }], actor: by.actor, now: by.now }
  await merchant.inMerchant((tx) => claimStock(tx, claim))
  await expect(merchant.inMerchant((tx) => deleteProduct(tx, product.id, by))).rejects.toMatchObject({ code: 'invalid_state' })
})

test('deletes a product with all that hangs on it', async () => {
  const product = await create({ ...SHIRT, handle: 'going' })
  await merchant.inMerchant((tx) => deleteProduct(tx, product.id, by))
  await expect(get(product.id)).rejects.toMatchObject({ code: 'not_found' })
  expect((await eventsOf(product.id)).at(-1)).toMatchObject({ type: 'product.deleted', data: { handle: 'going' } })
  await expect(merchant.inMerchant((tx) => deleteProduct(tx, product.id, by))).rejects.toMatchObject({ code: 'not_found' })
})

test('lists page by page, newest first, without gap or repetition', async () => {
  const own = await shop.addMerchant()
  const created: string[] = []
  for (let index = 0; index < 5; index++) {
    const now = new Date(by.now.getTime() + index)
    created.push((await own.inMerchant((tx) => createProduct(tx, { ...SHIRT, title: `P${index}` }, { ...by, now }))).id)
  }
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = await own.inMerchant.read((tx) => listProducts(tx, { limit: 2, after }))
    seen.push(...page.products.map((product) => product.id))
    after = page.next ?? undefined
  } while (after)
  expect(seen).toEqual(created.toReversed())
  const stock = await own.inMerchant.read((tx) => listStock(tx, { sku: 'LS-S' }, { limit: 3 }))
  expect(stock.levels).toHaveLength(3)
  expect(stock.levels[0]).toMatchObject({ sku: 'LS-S', productTitle: 'P4', variantTitle: 'S / White', available: 3n })
  const rest = await own.inMerchant.read((tx) => listStock(tx, { sku: 'LS-S' }, { limit: 3, after: stock.next! }))
  expect(rest).toMatchObject({ next: null, levels: [{ productTitle: 'P1' }, { productTitle: 'P0' }] })
})

test("another merchant's product and variant are as if they did not exist, and its handles are free", async () => {
  const stranger = await shop.addMerchant()
  const theirs = await stranger.inMerchant((tx) => createProduct(tx, { ...SHIRT, handle: 'theirs' }, by))
  const variantId = theirs.variants[0]!.id
  expect((await create({ ...SHIRT, handle: 'theirs' })).handle).toBe('theirs')
  const tries = [
    () => get(theirs.id),
    () => update(theirs.id, { title: 'Mine' }),
    () => merchant.inMerchant((tx) => deleteProduct(tx, theirs.id, by)),
    () => merchant.inMerchant((tx) => addVariant(tx, theirs.id, { optionValues: ['X', 'Y'], price: 1n }, by)),
    () => merchant.inMerchant((tx) => updateVariant(tx, variantId, { price: 1n }, by)),
    () => merchant.inMerchant((tx) => deleteVariant(tx, variantId, by)),
  ]
  for (const attempt of tries) await expect(attempt()).rejects.toMatchObject({ code: 'not_found' })
})

function create(input: ProductInput) {
  return merchant.inMerchant((tx) => createProduct(tx, input, by))
}

function update(id: string, changes: ProductChanges) {
  return merchant.inMerchant((tx) => updateProduct(tx, id, changes, later))
}

function get(id: string) {
  return merchant.inMerchant.read((tx) => getProduct(tx, id))
}

async function row(id: string) {
  const [found] = await merchant.inMerchant.read(
    (tx) => tx.sql`select xmin::text, * from product where merchant_id = ${tx.merchantId} and id = ${id}`,
  )
  return found
}

async function eventsOf(id: string) {
  return [
    ...(await merchant.inMerchant.read(
      (tx) => tx.sql`
    select type, data, actor from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id} order by sequence`,
    )),
  ]
}
