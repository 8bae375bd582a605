import type { Tx } from '@souk/tenant-router/tx.ts'

/** Available is what a buyer can have: what is on hand and neither reserved by a cart nor allocated to an order. */
export interface StockLevel {
  variantId: string
  productId: string
  locationId: string
  /** Not tracked: can always be bought. */
  tracked: boolean
  /** Can be bought when nothing is left. */
  backorder: boolean
  onHand: bigint
  reserved: bigint
  allocated: bigint
  available: bigint
}

/** The level of a variant at the merchant's default location. */
export async function levelOf(tx: Tx, variantId: string): Promise<StockLevel | undefined> {
  const [row] = await tx.sql`
    select l.* from stock_level l join merchant_settings s on s.merchant_id = ${tx.merchantId} and s.default_location_id = l.location_id
    where l.merchant_id = ${tx.merchantId} and l.variant_id = ${variantId}`
  return row && toLevel(row)
}

export function toLevel(row: Record<string, unknown>): StockLevel {
  const [onHand, reserved, allocated] = [row.on_hand as bigint, row.reserved as bigint, row.allocated as bigint]
  return {
    variantId: row.variant_id as string,
    productId: row.product_id as string,
    locationId: row.location_id as string,
    tracked: row.tracked as boolean,
    backorder: row.backorder as boolean,
    onHand,
    reserved,
    allocated,
    available: onHand - reserved - allocated,
  }
}
