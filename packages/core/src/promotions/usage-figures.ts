import type { Tx } from '@souk/tenant-router/tx.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import { couponById } from './coupon.ts'
import { promotionById } from './promotion.ts'

/** How often something was used by orders that were not cancelled, and what it took off, in minor units. */
export interface UsageFigures {
  uses: bigint
  amount: bigint
}

/** A promotion's figures, in all and by version, and what counts against its limits: the uses since it has had any. */
export interface PromotionUsage extends UsageFigures {
  currency: string
  byVersion: ({ version: number } & UsageFigures)[]
  counted: { uses: bigint; amount: bigint }
  /** Of the version in force, or of the latest. */
  limits: PromotionDocument['limits']
}

/** Refuses `not_found`. */
export async function promotionUsage(tx: Tx, promotionId: string): Promise<PromotionUsage> {
  const head = await promotionById(tx, promotionId)
  const [versions, counters, documents, settings] = await Promise.all([
    tx.sql<{ version: number; uses: bigint; amount: bigint }[]>`
      select version, count(*) as uses, coalesce(sum(amount), 0)::bigint as amount from redemption
      where merchant_id = ${tx.merchantId} and promotion_id = ${promotionId} and state = 'claimed'
      group by version order by version`,
    tx.sql<{ used: bigint; spent: bigint }[]>`
      select used, spent from usage_counter where merchant_id = ${tx.merchantId} and subject_id = ${promotionId} and customer_key = ''`,
    tx.sql<{ limits: PromotionDocument['limits'] }[]>`
      select document -> 'limits' as limits from promotion_version
      where merchant_id = ${tx.merchantId} and promotion_id = ${promotionId} and version = ${head.liveVersion ?? head.latestVersion}::int`,
    tx.sql<{ currency: string }[]>`select currency from merchant_settings where merchant_id = ${tx.merchantId}`,
  ])
  return {
    currency: settings[0]!.currency,
    uses: versions.reduce((sum, row) => sum + row.uses, 0n),
    amount: versions.reduce((sum, row) => sum + row.amount, 0n),
    byVersion: [...versions],
    counted: { uses: counters[0]?.used ?? 0n, amount: counters[0]?.spent ?? 0n },
    limits: documents[0]!.limits,
  }
}

/** The figures of a code. Refuses `not_found`. */
export async function couponUsage(tx: Tx, couponId: string): Promise<UsageFigures> {
  await couponById(tx, couponId)
  const [row] = await tx.sql<{ uses: bigint; amount: bigint }[]>`
    select count(*) as uses, coalesce(sum(amount), 0)::bigint as amount from redemption
    where merchant_id = ${tx.merchantId} and coupon_id = ${couponId} and state = 'claimed'`
  return row!
}
