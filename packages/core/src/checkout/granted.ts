import type { Granted, PricingInput } from '../pricing/pricing-input.ts'

type Discount = Granted['discounts'][number]

/** What of a stored result says what was taken off. Amounts are plain numbers. */
interface StoredResult {
  lines: { id: string; kind: 'item' | 'gift'; variantId: string; quantity: number }[]
  shipping: { amount: number } | null
  adjustments: {
    source: string
    code: string
    reason: string
    shares: { target: { lineId: string } | { shipping: true }; amount: number }[]
    promotionId?: string
    installId?: string
    version?: string | number
  }[]
}

/**
 * What an edit takes along of what an order was granted. Discounts of plugins stay with the goods that they were taken off. Those of
 * promotions do so, with their gifts, unless promotions are counted anew.
 */
export function grantedOf(before: PricingInput, storedResult: unknown, recounts: boolean): Granted {
  const result = storedResult as StoredResult
  const plugins = before.granted?.discounts.filter(isOfPlugin) ?? discountsOf(result).filter(isOfPlugin)
  if (recounts) return { keepsPromotions: false, discounts: plugins, gifts: [] }
  // Kept before: the shares of then, so that pieces that go and come back change nothing.
  if (before.granted?.keepsPromotions) return before.granted
  const promotions = discountsOf(result).filter((discount) => !isOfPlugin(discount))
  return { keepsPromotions: true, discounts: [...promotions, ...plugins], gifts: giftsOf(result) }
}

function isOfPlugin({ source }: Discount): boolean {
  return source === 'plugin'
}

function discountsOf({ lines, shipping, adjustments }: StoredResult): Discount[] {
  const quantities = new Map(lines.map(({ id, quantity }) => [id, quantity]))
  return adjustments.flatMap(({ source, shares, ...label }): Discount[] => {
    if (source !== 'promotion' && source !== 'plugin') return []
    const ofShipping = shares.find(({ target }) => 'shipping' in target)
    return [
      {
        ...{ source, code: label.code, reason: label.reason },
        ...(label.promotionId !== undefined && { promotionId: label.promotionId }),
        ...(label.installId !== undefined && { installId: label.installId }),
        ...(label.version !== undefined && { version: label.version }),
        lines: shares.flatMap(({ target, amount }) =>
          'lineId' in target ? [{ lineId: target.lineId, amount: BigInt(-amount), of: BigInt(quantities.get(target.lineId) ?? 1) }] : [],
        ),
        shipping: ofShipping && shipping ? { amount: BigInt(-ofShipping.amount), of: BigInt(shipping.amount) } : null,
      },
    ]
  })
}

function giftsOf({ lines }: StoredResult): Granted['gifts'] {
  return lines
    .filter(({ kind }) => kind === 'gift')
    .map(({ id, variantId, quantity }) => ({ lineId: id, variantId, quantity: BigInt(quantity) }))
}
