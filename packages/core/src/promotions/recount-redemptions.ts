import type { Tx } from '@souk/tenant-router/tx.ts'
import { assertRedeemed, type RedemptionClaim, redeemPromotions } from './redeem.ts'
import { returnRedemptions } from './return-redemptions.ts'

/**
 * What an order uses of promotions and coupons from now on, in place of what it used: the old uses are given back and the new ones
 * claimed, against every limit, in the caller's transaction; it comes after the stock. Refuses what `assertRedeemed` refuses.
 */
export async function recountRedemptions(tx: Tx, claim: RedemptionClaim): Promise<void> {
  await returnRedemptions(tx, claim.orderId, claim.now)
  if (claim.uses.length > 0) assertRedeemed(await redeemPromotions(tx, claim), claim.uses)
}
