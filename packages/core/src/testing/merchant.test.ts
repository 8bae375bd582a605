import { expect, test } from 'vitest'
import { createTestShop } from './merchant.ts'

test('two merchants of one database see their own settings and location only', async () => {
  const shop = await createTestShop()
  const one = await shop.addMerchant({ currency: 'JPY', country: 'JP' })
  const other = await shop.addMerchant()
  const seen = await one.inMerchant.read(
    (tx) => tx.sql`
    select s.currency, l.id as location_id from merchant_settings s, location l, merchant_counter c where s.merchant_id = ${tx.merchantId}`,
  )
  expect([...seen]).toEqual([{ currency: 'JPY', location_id: one.locationId }])
  expect(other.locationId).not.toBe(one.locationId)
  await shop.close()
})
