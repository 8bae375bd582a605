import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { FIRST_PAGE, listedProducts, toPage } from './list-products.ts'
import { productByHandle, toStoreProduct } from './product-by-handle.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
})
afterAll(() => shop.close())

async function page(seller: TestMerchant, limit = 20, after = FIRST_PAGE) {
  return toPage(await seller.inMerchant.readOne((door) => listedProducts(door, { limit, after })), limit)
}

async function productOf(seller: TestMerchant, handle: string) {
  return toStoreProduct(await seller.inMerchant.readOne((door) => productByHandle(door, handle)))
}

describe('what a shop shows', () => {
  it('is what is for sale, newest first, page by page, and whether it can be bought', async () => {
    const seller = await shop.addMerchant()
    const made = []
    for (const given of [{ onHand: 0n }, { onHand: 5n }, { published: false }, { onHand: 0n, tracked: false }])
      made.push(await addGoods(seller, given))
    const first = await page(seller, 2)
    const second = await page(seller, 2, first.next!)
    expect([...first.products, ...second.products].map((product) => [product.id, product.available])).toEqual([
      [made[3]!.productId, true],
      [made[1]!.productId, true],
      [made[0]!.productId, false],
    ])
    expect(second.next).toBeNull()
  })

  it('counts what buyers can have, not what lies there', async () => {
    const goods = await addGoods(merchant, { onHand: 5n })
    const { products } = await page(merchant)
    const handle = products.find((product) => product.id === goods.productId)!.handle
    await merchant.inMerchant((tx) =>
      tx.sql`
        update stock_level set allocated = 3, reserved = 1 where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`.then(
        () => {},
      ),
    )
    const product = await productOf(merchant, handle)
    expect(product.variants).toMatchObject([{ id: goods.variantId, unlimited: false, quantity: 1 }])
    await expect(productOf(other, handle)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('does not show what is not for sale', async () => {
    await addGoods(merchant, { published: false })
    const [row] = await merchant.inMerchant(
      (tx) => tx.sql<{ handle: string }[]>`select handle from product where merchant_id = ${tx.merchantId} and not published`,
    )
    await expect(productOf(merchant, row!.handle)).rejects.toMatchObject({ code: 'not_found' })
  })
})

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: Plan[]
}

describe('the statement behind the list', () => {
  it('reads by index alone in a large catalogue, as the application’s role sees it', async () => {
    const seller = await shop.addMerchant()
    await fill(seller)
    const [row] = await seller.inMerchant.readOne(
      (door) => door.sql`explain (format json) ${listedProducts(door, { limit: 20, after: FIRST_PAGE })}`,
    )
    const plan = (row!['QUERY PLAN'] as { Plan: Plan }[])[0]!.Plan
    const nodes = flatten(plan).filter((node) => node['Relation Name'])
    expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([])
    const listing = nodes.find((node) => node['Relation Name'] === 'product')
    expect(listing?.['Index Name']).toBe('product_listing')
    expect(listing?.['Index Cond']).toMatch(/merchant_id = .* AND \(id < /)
  })
})

/** Five thousand products, written by the administrator in steps that each find their statistics. */
async function fill(seller: TestMerchant): Promise<void> {
  const admin = drizzle(shop.database.adminUrl)
  const { id } = seller.merchant
  for (const statement of [
    sql`insert into product (merchant_id, handle, title, option_names, status, published)
      select ${id}::uuid, 'many-' || n, 'Many ' || n, array['Title'], 'active', true from generate_series(1, 5000) n`,
    sql`analyze`,
    sql`insert into variant (merchant_id, product_id, position, title, option_values, price)
      select merchant_id, id, 1, 'Default Title', array['Default Title'], 100 from product where merchant_id = ${id}`,
    sql`analyze`,
    sql`insert into stock_level (merchant_id, variant_id, location_id, product_id, tracked, backorder, on_hand)
      select merchant_id, id, ${seller.locationId}, product_id, true, false, 1 from variant where merchant_id = ${id}`,
    sql`analyze`,
  ]) {
    await admin.execute(statement)
  }
  await admin.$client.end()
}

function flatten(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(flatten)]
}
