import { allocate } from '../money.ts'
import type { PricedCart, PricedLine } from '../pricing/priced-cart.ts'

/** How much each piece of a line was reduced by. */
export function unitDiscounts(_priced: PricedCart, { discount, quantity }: PricedLine): bigint[] {
  return allocate(discount, Array<bigint>(Number(quantity)).fill(1n))
}

export function paidForPieces(priced: PricedCart, lineId: string, pieces: number): bigint {
  const line = priced.lines.find(({ id }) => id === lineId)!
  return (line.total * BigInt(pieces)) / line.quantity
}
