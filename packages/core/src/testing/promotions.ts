import { newId } from '../ids.ts'
import { type PromotionDocument, type PromotionDocumentInput, promotionDocumentSchema } from '../pricing/promotion-document.ts'
import type { TestMerchant } from './merchant.ts'

/** A promotion's document: ten percent off the order for everybody, and what is said otherwise. */
export function promotionDocument(given: Partial<PromotionDocumentInput> = {}): PromotionDocument {
  return promotionDocumentSchema.parse({
    id: newId(),
    version: 1,
    name: 'Ten off',
    trigger: 'automatic',
    priority: 100,
    stacking: { mode: 'stack', group: null },
    conditions: null,
    actions: [{ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null }],
    schedule: null,
    limits: {},
    rollout_ppm: 1_000_000,
    ...given,
  })
}

/** A promotion in force, written as it would be once published to all buyers. */
export async function addPromotion(merchant: TestMerchant, given: Partial<PromotionDocumentInput> = {}): Promise<PromotionDocument> {
  const document = promotionDocument(given)
  const { id, version, name, trigger, limits } = document
  const limited = limits.uses !== null || limits.uses_per_customer !== null || limits.budget !== null
  await merchant.inMerchant(async (tx) => {
    await tx.sql`
      insert into promotion (merchant_id, id, name, trigger, state, latest_version, live_version, rollout_ppm, limited)
      values (${tx.merchantId}, ${id}, ${name}, ${trigger}, 'live', ${version}, ${version}, 1000000, ${limited})`
    await tx.sql`
      insert into promotion_version (merchant_id, promotion_id, version, document, warnings, author, reason)
      values (${tx.merchantId}, ${id}, ${version}, ${JSON.stringify(document)}::jsonb, '[]'::jsonb, '{"kind":"job","task":"test"}'::jsonb, 'test')`
    await tx.sql`
      insert into promotion_stage (merchant_id, promotion_id, version, stage, first_live_at)
      values (${tx.merchantId}, ${id}, ${version}, 'live', now())`
    await tx.sql`update merchant_settings set pricing_revision = pricing_revision + 1 where merchant_id = ${tx.merchantId}`
  })
  return document
}

export interface TestCoupon {
  promotionId: string
  code: string
  usesMax?: number
  usesPerCustomer?: number
  customerId?: string
  customerEmail?: string
  startsAt?: Date
  expiresAt?: Date
  disabledAt?: Date
}

/** A code, in the form it is compared in. */
export async function addCoupon(merchant: TestMerchant, coupon: TestCoupon): Promise<string> {
  const id = newId()
  const { promotionId, code, usesMax = null, usesPerCustomer = null, customerId = null, customerEmail = null } = coupon
  const { startsAt = null, expiresAt = null, disabledAt = null } = coupon
  await merchant.inMerchant(
    (tx) => tx.sql`
      insert into coupon (merchant_id, id, promotion_id, code, code_key, customer_id, customer_email, uses_max, uses_per_customer,
        starts_at, expires_at, disabled_at)
      values (${tx.merchantId}, ${id}, ${promotionId}, ${code}, ${code}, ${customerId}, ${customerEmail}, ${usesMax}, ${usesPerCustomer},
        ${startsAt}, ${expiresAt}, ${disabledAt})`,
  )
  return id
}
