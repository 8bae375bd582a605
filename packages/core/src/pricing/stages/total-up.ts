import { AMOUNT_MAX } from '../../money.ts'
import { Refusal } from '../../refusal.ts'
import type { Adjustment, PricedCart, PricedLine, PricedShipping, Totals } from '../priced-cart.ts'
import type { PricingPolicy } from '../pricing-document.ts'
import type { WorkingCart, WorkingLine } from '../working-cart.ts'
import { checked } from './checked-amount.ts'

/** Adds everything up from the shares, so that lines, shipping and totals cannot disagree with them. */
export function totalUp(
  cart: WorkingCart,
  adjustments: readonly Adjustment[],
  policy: PricingPolicy,
): Pick<PricedCart, 'lines' | 'shipping' | 'totals'> {
  const taxIncluded = policy.prices_include_tax
  const taxes = taxesByTarget(adjustments)
  const lines = cart.lines.map((line) => toPricedLine(line, taxes.get(line.id) ?? 0n, taxIncluded))
  const shipping = toPricedShipping(cart, taxes.get(SHIPPING) ?? 0n, taxIncluded)
  const totals: Totals = {
    subtotal: sum(lines, (line) => line.subtotal),
    discount: sum(lines, (line) => line.discount) + (shipping?.discount ?? 0n),
    shippingDiscount: shipping?.discount ?? 0n,
    shipping: shipping?.amount ?? 0n,
    tax: sum(lines, (line) => line.tax) + (shipping?.tax ?? 0n),
    taxIncluded,
    total: sum(lines, (line) => line.total) + (shipping?.total ?? 0n),
  }
  checked(totals.total)
  if (totals.total < 0n || totals.tax > AMOUNT_MAX)
    throw new Refusal('rule_result_invalid', { detail: 'The rules lead to no valid total.' })
  return { lines, shipping, totals }
}

const SHIPPING = ''

function taxesByTarget(adjustments: readonly Adjustment[]): Map<string, bigint> {
  const taxes = new Map<string, bigint>()
  for (const { source, shares } of adjustments) {
    if (source !== 'tax') continue
    for (const { target, amount } of shares) {
      const key = 'lineId' in target ? target.lineId : SHIPPING
      taxes.set(key, (taxes.get(key) ?? 0n) + amount)
    }
  }
  return taxes
}

function toPricedLine(line: WorkingLine, tax: bigint, taxIncluded: boolean): PricedLine {
  return {
    id: line.id,
    kind: line.kind,
    variantId: line.goods.variantId,
    productId: line.goods.productId,
    unitPrice: line.unitPrice,
    listPrice: line.listPrice,
    quantity: line.quantity,
    subtotal: line.subtotal,
    discount: line.subtotal - line.remaining,
    tax,
    total: line.remaining + (taxIncluded ? 0n : tax),
    pieces: piecesOf(line),
  }
}

/** What is left of single pieces, the dearest first. */
function piecesOf({ runs }: WorkingLine): PricedLine['pieces'] {
  if (runs.length === 1) return [{ quantity: runs[0]!.count, amount: runs[0]!.each }]
  const byAmount = new Map<bigint, bigint>()
  for (const { each, count } of runs) byAmount.set(each, (byAmount.get(each) ?? 0n) + count)
  return [...byAmount].sort(([a], [b]) => (a > b ? -1 : 1)).map(([amount, quantity]) => ({ quantity, amount }))
}

function toPricedShipping({ shipping }: WorkingCart, tax: bigint, taxIncluded: boolean): PricedShipping | null {
  if (shipping === null) return null
  const { method, name, amount, remaining } = shipping
  return { method, name, amount, discount: amount - remaining, tax, total: remaining + (taxIncluded ? 0n : tax) }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => bigint): bigint {
  let total = 0n
  for (const item of items) total += of(item)
  return total
}
