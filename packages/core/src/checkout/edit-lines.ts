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
 * Refuses `quantity_out_of_range` where less would be left of a line than has been sent, or refunded: a piece that was refunded stays in
 * the order, and what is taken out are others.
 */
export function contentAfter(
  state: OrderState,
  lines: readonly EditedLine[],
  { priced, added, gifts }: Repriced,
  { refunded, now }: { refunded: ReadonlyMap<string, bigint>; now: Date },
): EditedContent[] {
  const pricedById = new Map(priced.lines.map((line) => [line.id, line]))
  const states = new Map(state.lines.map((line) => [line.id, line]))
  const kept = lines.map((line): EditedContent => {
    const before = states.get(line.id)!
    const after = pricedById.get(line.pricingLineId ?? '')
    const goods = before.sku || line.productTitle
    assertLeft(after?.quantity ?? 0n, before.fulfilled, `${before.fulfilled} pieces of ${goods} have been sent.`)
    const gone = refunded.get(line.id) ?? 0n
    assertLeft(after?.quantity ?? 0n, gone, `${gone} pieces of ${goods} have been refunded.`)
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

function assertLeft(quantity: bigint, least: bigint, detail: string): void {
  if (quantity < least) throw new Refusal('quantity_out_of_range', { detail })
}

type Amounts = Pick<LineContent, 'quantity' | 'unitPrice' | 'subtotal' | 'discountTotal' | 'taxTotal' | 'total'>

const NOTHING = { quantity: 0n, subtotal: 0n, discountTotal: 0n, taxTotal: 0n, total: 0n }

function amounts({ quantity, unitPrice, subtotal, discount, tax, total }: PricedLine): Amounts {
  return { quantity, unitPrice, subtotal, discountTotal: discount, taxTotal: tax, total }
}
