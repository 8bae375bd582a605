import type { Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'

/** Available is what a buyer can have: what is on hand and neither reserved by a cart nor allocated to an order. */
export interface StockLevel {
  variantId: string
  productId: string
  locationId: string
  /** Not tracked: can always be bought. */
  tracked: boolean
  /** Can be bought when nothing is left. */
  backorder: boolean
  /** How many beyond what is there; null: any number. */
  backorderLimit: bigint | null
  /** The day (YYYY-MM-DD) until which it is sold on preorder. */
  availableFrom: string | null
  preorderLimit: bigint | null
  /** Has no stock of its own: what there is of it is what its components make. */
  bundle: boolean
  onHand: bigint
  reserved: bigint
  allocated: bigint
  available: bigint
}

/** The level of a variant at a location: the merchant's default one, unless another is named. */
export async function levelOf(tx: Tx, variantId: string, locationId?: string): Promise<StockLevel | undefined> {
  const [row] = await tx.sql`
    select l.* from stock_level l
      join merchant_settings s on s.merchant_id = ${tx.merchantId} and l.location_id = coalesce(${locationId ?? null}::uuid, s.default_location_id)
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
    backorderLimit: row.backorder_limit as bigint | null,
    availableFrom: dayOf(row.available_from as Date | string | null),
    preorderLimit: row.preorder_limit as bigint | null,
    bundle: row.bundle as boolean,
    onHand,
    reserved,
    allocated,
    available: onHand - reserved - allocated,
  }
}

export function noLevel(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such variant.' })
}

function dayOf(date: Date | string | null): string | null {
  return date instanceof Date ? date.toISOString().slice(0, 10) : date
}
