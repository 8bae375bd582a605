import { generateCoupons } from '@souk/core/promotions/generate-coupons.ts'
import type { ApiMerchant } from './api.ts'
import type { Values } from './valid-requests.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Staff = (url: string, payload: object, headers?: Record<string, string>) => Promise<any>

/**
 * A promotion with two versions that were both in force, a code for it that only the shop's buyer may use, and a batch of codes.
 * Its conditions name a collection that is not there, which a warning says.
 */
export async function addPromotions(
  staff: Staff,
  shop: ApiMerchant,
  { name, canary, email }: { name: string; canary: string; email: string },
): Promise<Values> {
  const written = (percent: string) => ({
    name: `${canary} ${name}`,
    trigger: 'coupon',
    conditions: { all: [{ not: { fact: 'cart.collections', operator: 'contains', value: `${canary}-none` } }] },
    actions: [{ type: 'percentage', on: 'order', rate_percent: percent }],
    limits: { uses: 1_000, uses_per_customer: 100 },
    reason: `${canary} said so`,
  })
  const promotion = await staff('/v1/admin/promotions', written('20'))
  const url = `/v1/admin/promotions/${promotion.id}`
  const publish = (version: number) => staff(`${url}/publish`, { version, skip_dry_run: true, reason: `${canary} wants it` })
  await publish(1)
  await staff(`${url}/versions`, written('10'))
  await publish(2)
  const code = `${name}-code`
  const coupon = await staff('/v1/admin/coupons', { promotion_id: promotion.id, code, customer_email: email })
  const batch = await staff('/v1/admin/coupon-batches', { promotion_id: promotion.id, name: `${canary} letter`, prefix: name, quantity: 2 })
  await generateCoupons(shop.inMerchant, { batchId: batch.id })
  const ids = { promotion_id: promotion.id, coupon_id: coupon.id, batch_id: batch.id, target_id: promotion.id, actor_id: shop.owner.id }
  return { ...ids, code }
}

/** Two dry runs of the first version, over the orders that are there. */
export async function addDryRuns(staff: Staff, promotionId: string, name: string): Promise<Values> {
  const runs: string[] = []
  for (const which of ['first', 'second']) {
    const headers = { 'idempotency-key': `${name}-${which}` }
    runs.push((await staff(`/v1/admin/promotions/${promotionId}/dry-runs`, { version: 1, orders: 100 }, headers)).id)
  }
  return { dry_run_id: runs[0]! }
}
