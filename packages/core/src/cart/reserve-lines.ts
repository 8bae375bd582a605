import type { Tx } from '@souk/tenant-router/tx.ts'
import { reserveStock } from '../stock/reserve.ts'
import type { Cart } from './cart.ts'

/**
 * Where the merchant keeps what is put into carts: reserves these variants in the quantity that the cart has of them now, for
 * the merchant's minutes from now on. What is no longer in the cart is everybody's again; other lines stay as they are.
 */
export async function reserveLines(tx: Tx, cart: Cart, variantIds: readonly string[], now: Date): Promise<void> {
  if (cart.reservedMinutes === null) return
  const lines = variantIds.map((variantId) => ({
    variantId,
    quantity: cart.lines.find((line) => line.variantId === variantId)?.quantity ?? 0n,
  }))
  await reserveStock(tx, {
    holder: { cartId: cart.id },
    lines,
    others: 'kept',
    minutes: cart.reservedMinutes,
    actor: { kind: 'buyer' },
    now,
  })
}
