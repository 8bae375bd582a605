import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { FIRST_PAGE, listedInCollection, toPage } from '../storefront/list-products.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import {
  addToCollection,
  createCollection,
  deleteCollection,
  listCollections,
  listInCollection,
  removeFromCollection,
  renameCollection,
} from './collections.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }
const make = (title: string, of = merchant) => of.inMerchant((tx) => createCollection(tx, { title }, by))
const put = (collectionId: string, productIds: string[]) =>
  merchant.inMerchant((tx) => addToCollection(tx, { collectionId, productIds }, by))

describe('a collection', () => {
  it('holds products once each, in pages, and shops show those for sale', async () => {
    const collection = await make('Winter')
    const [one, two, hidden] = [await addGoods(merchant), await addGoods(merchant), await addGoods(merchant, { published: false })]
    await addGoods(merchant)
    await put(collection.id, [one.productId, two.productId])
    expect((await put(collection.id, [two.productId, hidden.productId, two.productId])).productCount).toBe(3)
    const page = await merchant.inMerchant.read((tx) => listInCollection(tx, collection.id, { limit: 2 }))
    expect([page.products.map(({ id }) => id), page.next]).toEqual([[hidden.productId, two.productId], two.productId])
    const shown = async (seller: TestMerchant, limit: number, after = FIRST_PAGE) =>
      toPage(await seller.inMerchant.readOne((door) => listedInCollection(door, { collection: 'winter', limit, after })), limit)
    const first = await shown(merchant, 1)
    expect(first.products.map(({ id, available }) => [id, available])).toEqual([[two.productId, true]])
    expect((await shown(merchant, 1, first.next!)).products.map(({ id }) => id)).toEqual([one.productId])
    expect((await shown(await shop.addMerchant(), 5)).products).toEqual([])
    await merchant.inMerchant((tx) => removeFromCollection(tx, { collectionId: collection.id, productId: one.productId }, by))
    await expect(
      merchant.inMerchant((tx) => removeFromCollection(tx, { collectionId: collection.id, productId: one.productId }, by)),
    ).rejects.toMatchObject({ code: 'not_found' })
  })

  it('keeps its handle, which is its own among a merchant’s', async () => {
    const collection = await make('Spring')
    const renamed = await merchant.inMerchant((tx) => renameCollection(tx, collection.id, 'Early summer', by))
    expect(renamed).toMatchObject({ handle: 'spring', title: 'Early summer' })
    await expect(make('Spring')).rejects.toMatchObject({ code: 'duplicate' })
    expect((await make('Spring', await shop.addMerchant())).handle).toBe('spring')
    await merchant.inMerchant((tx) => deleteCollection(tx, collection.id, by))
    expect((await merchant.inMerchant.read(listCollections)).map(({ handle }) => handle)).not.toContain('spring')
  })

  it('takes no product that is not there, and says which', async () => {
    const collection = await make('Autumn')
    const { productId } = await addGoods(merchant)
    await expect(put(collection.id, [productId, newId()])).rejects.toMatchObject({
      code: 'not_found',
      details: { errors: [{ pointer: '/product_ids/1', code: 'not_found' }] },
    })
    await expect(put(newId(), [productId])).rejects.toMatchObject({ code: 'not_found' })
  })
})
