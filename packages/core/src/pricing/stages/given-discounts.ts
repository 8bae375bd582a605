import type { Adjustment } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import { smaller } from '../smaller.ts'
import { spread } from '../spread.ts'
import { allPieces, applyCuts, type WorkingCart, type WorkingLine } from '../working-cart.ts'
import { notNegative } from './checked-amount.ts'
import { takenOff } from './run-promotions.ts'

type Target = { lineId: string } | 'order' | 'shipping'

interface Given {
  target: Target
  amount: bigint
  label: Pick<Adjustment, 'source' | 'code' | 'reason' | 'installId' | 'version'>
}

/** What plugins and staff take off, in this order. None takes more than there is. */
function givenDiscounts(input: PricingInput): Given[] {
  const plugins = input.plugins.discounts.flatMap(({ installId, plugin, version, operations }) =>
    operations.map(
      ({ target, amount, reason, code }): Given => ({
        target,
        amount,
        label: { source: 'plugin', code: code ?? plugin, reason, installId, version },
      }),
    ),
  )
  const manual = input.manual.map(
    ({ target, amount, reason, code }): Given => ({ target, amount, label: { source: 'manual', code, reason } }),
  )
  return [...plugins, ...manual]
}

/** Takes off the goods what plugins and staff gave. */
export function discountGoods(input: PricingInput, cart: WorkingCart): Adjustment[] {
  return givenDiscounts(input).flatMap(({ target, amount, label }) => {
    if (target === 'shipping') return []
    const lines = cart.lines.filter((line) => line.kind === 'item' && (target === 'order' || line.id === target.lineId))
    const lost = new Map<WorkingLine | 'shipping', bigint>(applyCuts(spread(notNegative(amount), allPieces(lines))))
    return lost.size === 0 ? [] : [withLabel(label, cart, lost)]
  })
}

/** Takes off the shipping what plugins and staff gave. */
export function discountShipping(input: PricingInput, cart: WorkingCart): Adjustment[] {
  return givenDiscounts(input).flatMap(({ target, amount, label }) => {
    const { shipping } = cart
    if (target !== 'shipping' || shipping === null) return []
    const off = smaller(notNegative(amount), shipping.remaining)
    shipping.remaining -= off
    return off === 0n ? [] : [withLabel(label, cart, new Map([['shipping' as const, off]]))]
  })
}

function withLabel(label: Given['label'], cart: WorkingCart, lost: ReadonlyMap<WorkingLine | 'shipping', bigint>): Adjustment {
  const { source, code, reason, ...origin } = label
  return { source, code, reason, ...takenOff(cart, lost), ...origin }
}
