import type { PricedLine } from '../pricing/priced-cart.ts'

/** How much each piece of a line was reduced by, the most first. */
export function unitDiscounts({ pieces, unitPrice }: PricedLine): bigint[] {
  const discounts = pieces.flatMap(({ quantity, amount }) => Array<bigint>(Number(quantity)).fill(unitPrice - amount))
  return discounts.sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))
}

/** What is left of the price of each piece, where all pieces cost the same. */
export function discountedUnitPrice({ pieces }: PricedLine): bigint | null {
  return pieces.length === 1 ? pieces[0]!.amount : null
}
