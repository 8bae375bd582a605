import { afterAll, beforeAll, expect, it } from 'vitest'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import { countRows } from './count-rows.ts'

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

it('rows are counted in every table, and only those of the merchant', async () => {
  const [merchant, other] = [await shop.addMerchant(), await shop.addMerchant()]
  const [before, beforeOther] = [await countRows(merchant.inMerchant), await countRows(other.inMerchant)]
  expect(before).toBeGreaterThan(0)
  // A product, a variant, a level and the movement that filled it.
  for (let n = 0; n < 3; n++) await addGoods(merchant)
  expect(await countRows(merchant.inMerchant)).toBe(before + 12)
  expect(await countRows(other.inMerchant)).toBe(beforeOther)
})
