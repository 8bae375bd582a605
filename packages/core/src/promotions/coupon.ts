import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, getTableColumns, gt, lt, type SQL, sql } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { couponKey } from './coupon-code.ts'
import { couponBatches, coupons } from './tables.ts'

export type Coupon = Omit<typeof coupons.$inferSelect, 'merchantId'>
export type CouponBatch = Omit<typeof couponBatches.$inferSelect, 'merchantId'>

const { merchantId: _ofCoupon, disabledAt: _own, ...OWN } = getTableColumns(coupons)
const { merchantId: _ofBatch, ...BATCH } = getTableColumns(couponBatches)
/** A code is out of use by itself, or with its batch. */
const COUPON = {
  ...OWN,
  disabledAt: sql<Date | null>`coalesce(${coupons.disabledAt}, ${couponBatches.disabledAt})`.mapWith(coupons.disabledAt),
}

/** A coupon. Refuses `not_found`. */
export async function couponById(tx: Tx, couponId: string): Promise<Coupon> {
  const [found] = await couponsQuery(tx, eq(coupons.id, couponId)).limit(1)
  if (!found) throw new Refusal('not_found', { detail: 'There is no such coupon.' })
  return found
}

/** Coupons, the newest first: of a promotion, of a batch, or the one with a code, in any spelling. */
export async function listCoupons(
  tx: Tx,
  filter: { promotionId?: string | undefined; batchId?: string | undefined; code?: string | undefined },
  page: { limit: number; before?: string | undefined },
): Promise<{ coupons: Coupon[]; next: string | null }> {
  const { promotionId, batchId, code } = filter
  const wanted = and(
    promotionId === undefined ? undefined : eq(coupons.promotionId, promotionId),
    batchId === undefined ? undefined : eq(coupons.batchId, batchId),
    // What cannot be a code is nobody's.
    code === undefined ? undefined : eq(coupons.codeKey, couponKey(code) ?? ''),
    page.before === undefined ? undefined : lt(coupons.id, page.before),
  )
  const rows = await couponsQuery(tx, wanted)
    .orderBy(desc(coupons.id))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  return { coupons: shown, next: rows.length > page.limit ? shown.at(-1)!.id : null }
}

/** A batch of codes. Refuses `not_found`. */
export async function batchById(tx: Tx, batchId: string): Promise<CouponBatch> {
  const [found] = await tx
    .select(BATCH)
    .from(couponBatches)
    .where(and(mine(tx, couponBatches), eq(couponBatches.id, batchId)))
  if (!found) throw new Refusal('not_found', { detail: 'There is no such batch of codes.' })
  return found
}

/** Batches, the newest first, all or those of a promotion. */
export async function listBatches(
  tx: Tx,
  filter: { promotionId?: string | undefined },
  page: { limit: number; before?: string | undefined },
): Promise<{ batches: CouponBatch[]; next: string | null }> {
  const rows = await tx
    .select(BATCH)
    .from(couponBatches)
    .where(
      and(
        mine(tx, couponBatches),
        filter.promotionId === undefined ? undefined : eq(couponBatches.promotionId, filter.promotionId),
        page.before === undefined ? undefined : lt(couponBatches.id, page.before),
      ),
    )
    .orderBy(desc(couponBatches.id))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  return { batches: shown, next: rows.length > page.limit ? shown.at(-1)!.id : null }
}

/** Codes of a batch in the order in which they were made, after the one named: for an export, page by page. */
export async function codesOf(tx: Tx, batchId: string, page: { limit: number; after?: string | undefined }): Promise<Coupon[]> {
  const onwards = page.after === undefined ? undefined : gt(coupons.id, page.after)
  return couponsQuery(tx, and(eq(coupons.batchId, batchId), onwards))
    .orderBy(coupons.id)
    .limit(page.limit)
}

function couponsQuery(tx: Tx, wanted: SQL | undefined) {
  return tx
    .select(COUPON)
    .from(coupons)
    .leftJoin(couponBatches, and(mine(tx, couponBatches), eq(couponBatches.id, coupons.batchId)))
    .where(and(mine(tx, coupons), wanted))
}
