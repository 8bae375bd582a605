import { divide } from '../../money.ts'
import type { Adjustment } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import { smaller } from '../smaller.ts'
import { spread } from '../spread.ts'
import { allPieces, applyCuts, type WorkingCart, type WorkingLine } from '../working-cart.ts'
import { notNegative } from './checked-amount.ts'
import { giftLine, takenOff } from './run-promotions.ts'

type Target = { lineId: string } | 'order' | 'shipping'

type Label = Pick<Adjustment, 'source' | 'code' | 'reason'> & {
  [Key in 'promotionId' | 'installId' | 'version']?: Adjustment[Key] | undefined
}

interface Given {
  target: Target
  amount: bigint
  label: Label
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

/** Takes off the goods what an order was granted, and what plugins and staff gave. */
export function discountGoods(input: PricingInput, cart: WorkingCart): Adjustment[] {
  const granted = grantedOnGoods(input, cart)
  const given = givenDiscounts(input).flatMap(({ target, amount, label }) => {
    if (target === 'shipping') return []
    const lines = cart.lines.filter((line) => line.kind === 'item' && (target === 'order' || line.id === target.lineId))
    const lost = new Map<WorkingLine | 'shipping', bigint>(applyCuts(spread(notNegative(amount), allPieces(lines))))
    return lost.size === 0 ? [] : [withLabel(label, cart, lost)]
  })
  return [...granted, ...given]
}

/** Takes off the shipping what an order was granted, in proportion to what sending costs now, and what plugins and staff gave. */
export function discountShipping(input: PricingInput, cart: WorkingCart): Adjustment[] {
  const { shipping } = cart
  if (shipping === null) return []
  const granted = (input.granted?.discounts ?? []).flatMap(({ shipping: share, lines: _, ...label }) =>
    share === null || share.of === 0n ? [] : [{ label, amount: divide(share.amount * shipping.amount, share.of, 'half_up') }],
  )
  const given = givenDiscounts(input).filter(({ target }) => target === 'shipping')
  return [...granted, ...given].flatMap(({ amount, label }) => {
    const off = smaller(notNegative(amount), shipping.remaining)
    shipping.remaining -= off
    return off === 0n ? [] : [withLabel(label, cart, new Map([['shipping' as const, off]]))]
  })
}

/** What an order was granted, gifts first: line by line, of each no more than is left of its line. */
function grantedOnGoods({ granted, gifts }: PricingInput, cart: WorkingCart): Adjustment[] {
  for (const { lineId, variantId, quantity } of granted?.gifts ?? []) {
    const goods = gifts.find((gift) => gift.variantId === variantId)
    if (goods) cart.lines.push(giftLine({ id: lineId, goods, quantity }))
  }
  return (granted?.discounts ?? []).flatMap(({ lines, shipping: _, ...label }) => {
    const lost = new Map<WorkingLine | 'shipping', bigint>()
    for (const { lineId, amount, of } of lines) {
      const own = cart.lines.find((line) => line.id === lineId)
      if (own?.kind === 'gift') lost.set(own, 0n)
      if (own?.kind !== 'item') continue
      const share = divide(notNegative(amount) * own.quantity, of, 'half_up')
      for (const [line, off] of applyCuts(spread(share, allPieces([own])))) lost.set(line, off)
    }
    return lost.size === 0 ? [] : [withLabel(label, cart, lost)]
  })
}

function withLabel(label: Label, cart: WorkingCart, lost: ReadonlyMap<WorkingLine | 'shipping', bigint>): Adjustment {
  const { source, code, reason, promotionId, installId, version } = label
  return {
    ...{ source, code, reason, ...takenOff(cart, lost) },
    ...(promotionId !== undefined && { promotionId }),
    ...(installId !== undefined && { installId }),
    ...(version !== undefined && { version }),
  }
}
