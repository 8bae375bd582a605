import { newId } from '../ids.ts'
import type { TestMerchant } from './merchant.ts'

export interface Goods {
  productId: string
  variantId: string
}

let made = 0

/** Something to sell: one product with one variant and its stock, written as the catalogue would. */
export async function addGoods(
  shop: TestMerchant,
  given: { price?: bigint; onHand?: bigint; published?: boolean; requiresShipping?: boolean; tracked?: boolean } = {},
): Promise<Goods> {
  const { price = 1_000n, onHand = 100n, published = true, requiresShipping = true, tracked = true } = given
  const [productId, variantId] = [newId(), newId()]
  const handle = `goods-${++made}-${productId.slice(-6)}`
  await shop.inMerchant(async (tx) => {
    await tx.sql`
      insert into product (merchant_id, id, handle, title, option_names, status, published, price_min, price_max)
      values (${tx.merchantId}, ${productId}, ${handle}, ${`Goods ${made}`}, array['Title'], 'active', ${published}, ${price}, ${price})`
    await tx.sql`
      insert into variant (merchant_id, id, product_id, position, title, sku, option_values, price, requires_shipping)
      values (${tx.merchantId}, ${variantId}, ${productId}, 1, 'Default Title', ${`SKU-${made}`}, array['Default Title'], ${price}, ${requiresShipping})`
    await tx.sql`
      insert into stock_level (merchant_id, variant_id, location_id, product_id, tracked, backorder, on_hand)
      values (${tx.merchantId}, ${variantId}, ${shop.locationId}, ${productId}, ${tracked}, false, ${onHand})`
    await tx.sql`
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, actor)
      values (${tx.merchantId}, ${variantId}, ${shop.locationId}, ${onHand}, 'import', '{"kind":"job","task":"test"}'::jsonb)`
  })
  return { productId, variantId }
}
