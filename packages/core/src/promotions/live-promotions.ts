import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { type PromotionDocument, promotionDocumentSchema } from '../pricing/promotion-document.ts'

/** The versions in force, whatever their schedule; `toLivePromotions` takes the answer. */
export function livePromotionsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select v.document,
      case when v.version = p.live_version then 0 else p.rollout_ppm end as from_ppm,
      case when v.version = p.live_version then p.rollout_ppm else 1000000 end as to_ppm
    from promotion p
      join promotion_version v
        on v.merchant_id = ${tx.merchantId} and v.promotion_id = p.id and (v.version = p.live_version or v.version = p.base_version)
    where p.merchant_id = ${tx.merchantId} and p.state = 'live'
    order by p.id, v.version`
}

/**
 * The answer of `livePromotionsQuery` as what a pricing document holds. A promotion is there twice while a new version is
 * for some buyers and the one before it for the rest.
 */
export function toLivePromotions(rows: readonly unknown[]): PromotionDocument[] {
  return (rows as { document: object; from_ppm: bigint; to_ppm: bigint }[]).map((row) =>
    // Read again by the schema: documents from before a field was added get its default.
    promotionDocumentSchema.parse({ ...row.document, rollout_from_ppm: Number(row.from_ppm), rollout_ppm: Number(row.to_ppm) }),
  )
}
