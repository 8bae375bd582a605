import { newId } from '../ids.ts'
import type { LineContent } from '../orders/order-event.ts'
import type { OrderState } from '../orders/order-state.ts'
import type { PricedLine } from '../pricing/priced-cart.ts'
import { Refusal } from '../refusal.ts'
import type { Repriced } from './edit-pricing.ts'

/** A line as the order has it. */
export interface EditedLine {
  id: string
  pricingLineId: string | null
  kind: 'item' | 'gift'
  productTitle: string
  variantTitle: string
}

/** A line as it will be. */
export type EditedContent = LineContent & EditedLine

/**
 * All lines of an order after an edit, in their order: those there were, with nothing in what is gone, then the new ones.
 * Refuses `quantity_out_of_range` where less would be left of a line than has been sent.
 */
export function contentAfter(
  state: OrderState,
  lines: readonly EditedLine[],
  { priced, added, gifts }: Repriced,
  now: Date,
): EditedContent[] {
  const pricedById = new Map(priced.lines.map((line) => [line.id, line]))
  const states = new Map(state.lines.map((line) => [line.id, line]))
  const kept = lines.map((line): EditedContent => {
    const before = states.get(line.id)!
    const after = pricedById.get(line.pricingLineId ?? '')
    if ((after?.quantity ?? 0n) < before.fulfilled)
      throw new Refusal('quantity_out_of_range', {
        detail: `${before.fulfilled} pieces of ${before.sku || line.productTitle} have been sent.`,
      })
    const { productId, variantId, sku, unitPrice } = before
    return { ...line, productId, variantId, sku, ...(after ? amounts(after) : { ...NOTHING, unitPrice }) }
  })
  const known = new Set(lines.map(({ pricingLineId }) => pricingLineId))
  const fresh = priced.lines
    .filter(({ id }) => !known.has(id))
    .map((line): EditedContent => {
      const goods = added.get(line.id) ?? gifts.get(line.variantId)!
      return {
        ...{ id: line.kind === 'item' ? line.id : newId(now), pricingLineId: line.id, kind: line.kind },
        ...{ productTitle: goods.product_title, variantTitle: goods.variant_title, sku: goods.sku },
        ...{ productId: line.productId, variantId: line.variantId, ...amounts(line) },
      }
    })
  return [...kept, ...fresh]
}

type Amounts = Pick<LineContent, 'quantity' | 'unitPrice' | 'subtotal' | 'discountTotal' | 'taxTotal' | 'total'>

const NOTHING = { quantity: 0n, subtotal: 0n, discountTotal: 0n, taxTotal: 0n, total: 0n }

function amounts({ quantity, unitPrice, subtotal, discount, tax, total }: PricedLine): Amounts {
  return { quantity, unitPrice, subtotal, discountTotal: discount, taxTotal: tax, total }
}
