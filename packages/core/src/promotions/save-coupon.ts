import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { type Coupon, couponById } from './coupon.ts'
import { requireCouponKey } from './coupon-code.ts'
import { emailKey } from './customer-key.ts'
import { COUPON_USES_MAX } from './limits.ts'
import { promotionById } from './promotion.ts'
import type { Change } from './save-promotion.ts'
import { coupons } from './tables.ts'

/** How often, when and by how many a code may be used; null: no limit. */
export interface CouponTerms {
  usesMax: number | null
  usesPerCustomer: number | null
  startsAt: Date | null
  expiresAt: Date | null
}

export interface NewCoupon extends CouponTerms {
  promotionId: string
  code: string
  /** For one customer alone: by account, or by the address the order goes to. Not both. */
  customerId: string | null
  customerEmail: string | null
}

/**
 * Adds a code that brings a promotion. Refuses `not_found` for the promotion, `coupon_code_invalid`, `duplicate` when the code is
 * there in any spelling, and `promotion_invalid` for terms that do not fit, a promotion that takes no codes or a customer that is not there.
 */
export async function createCoupon(tx: Tx, coupon: NewCoupon, change: Change): Promise<Coupon> {
  const codeKey = requireCouponKey('/code', coupon.code)
  await assertTerms(tx, coupon.promotionId, coupon)
  await assertCustomer(tx, coupon)
  const id = newId(change.now)
  const inserted = await tx
    .insert(coupons)
    .values({
      merchantId: tx.merchantId,
      id,
      promotionId: coupon.promotionId,
      code: coupon.code.trim().normalize('NFC'),
      codeKey,
      customerId: coupon.customerId,
      customerEmail: emailKey(coupon.customerEmail),
      ...kept(coupon),
      createdAt: change.now,
    })
    .onConflictDoNothing({ target: [coupons.merchantId, coupons.codeKey] })
    .returning({ id: coupons.id })
  if (inserted.length === 0)
    throw new Refusal('duplicate', { detail: 'There is a coupon with this code.', errors: [{ pointer: '/code', code: 'duplicate' }] })
  const created = await couponById(tx, id)
  await recordAudit(tx, { action: 'coupon.created', targetType: 'coupon', targetId: id, before: null, after: created, ...change })
  return created
}

/** Takes a code out of use, from the next quote on; what orders have used of it stays. Again, it changes nothing. Refuses `not_found`. */
export async function disableCoupon(tx: Tx, couponId: string, change: Change): Promise<Coupon> {
  const before = await couponById(tx, couponId)
  if (before.disabledAt) return before
  await tx
    .update(coupons)
    .set({ disabledAt: change.now })
    .where(and(mine(tx, coupons), eq(coupons.id, couponId)))
  const after = await couponById(tx, couponId)
  await recordAudit(tx, { action: 'coupon.disabled', targetType: 'coupon', targetId: couponId, before, after, ...change })
  return after
}

/** Refuses terms that do not fit together, and a promotion that is not brought by codes. */
export async function assertTerms(tx: Tx, promotionId: string, terms: CouponTerms): Promise<void> {
  const { trigger } = await promotionById(tx, promotionId)
  const faults: FieldProblem[] = []
  if (trigger !== 'coupon')
    faults.push({ pointer: '/promotion_id', code: 'not_by_coupon', detail: 'This promotion is automatic: no code brings it.' })
  for (const [pointer, uses] of [
    ['/uses_max', terms.usesMax],
    ['/uses_per_customer', terms.usesPerCustomer],
  ] as const)
    if (uses !== null && !(Number.isInteger(uses) && uses >= 1 && uses <= COUPON_USES_MAX))
      faults.push({ pointer, code: 'quantity_out_of_range', detail: `From 1 to ${COUPON_USES_MAX} uses.` })
  if (terms.startsAt && terms.expiresAt && terms.startsAt >= terms.expiresAt)
    faults.push({ pointer: '/expires_at', code: 'ends_before_start', detail: 'It expires before it has started.' })
  if (faults.length > 0) throw new Refusal('promotion_invalid', { detail: 'The coupon cannot be kept as it is.', errors: faults })
}

/** Terms as rows hold them. */
export function kept({ usesMax, usesPerCustomer, startsAt, expiresAt }: CouponTerms) {
  return {
    usesMax: usesMax === null ? null : BigInt(usesMax),
    usesPerCustomer: usesPerCustomer === null ? null : BigInt(usesPerCustomer),
    startsAt,
    expiresAt,
  }
}

async function assertCustomer(tx: Tx, { customerId, customerEmail }: NewCoupon): Promise<void> {
  if (customerId === null) return
  const refused = (code: string, detail: string) =>
    new Refusal('promotion_invalid', { detail, errors: [{ pointer: '/customer_id', code, detail }] })
  if (customerEmail !== null) throw refused('one_of_two', 'A code is for an account or for an address, not both.')
  const [customer] = await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${customerId}`
  if (!customer) throw refused('not_found', 'There is no such customer.')
}
