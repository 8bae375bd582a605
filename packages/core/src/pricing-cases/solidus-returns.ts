import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import { refundShares } from '../pricing/refund-shares.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, read } from './pricing-case.ts'
import { type CasePromotion, type CaseShop, lineId, priceCase } from './shop.ts'

const CURRENCY = 'USD'
const DIGITS = currencyDigits(CURRENCY)

const goodsReturned = z.strictObject({
  line: z.strictObject({ unit_price: decimal, quantity: z.int() }),
  order_adjustment: decimal.optional(),
  shipment_adjustment: decimal.optional(),
  return_quantity: z.int(),
  exchange: z.boolean().default(false),
})

/** What goes back for some pieces of one line. Adjustments are discounts on the order and on the shipping. */
export function answerSolidusReturn(input: Record<string, unknown>): Answer {
  const given = read(goodsReturned, input, 'input')
  if (given.exchange) throw new CannotMap('goods exchanged for others')
  const offOrder = discountOf(given.order_adjustment)
  const offShipping = discountOf(given.shipment_adjustment)
  const result = priceCase({
    currency: CURRENCY,
    lines: [{ name: 'line', unitPrice: amountOf(given.line.unit_price, DIGITS), quantity: given.line.quantity }],
    promotions: [
      ...(offOrder > 0 ? [promotionOn('order', offOrder)] : []),
      ...(offShipping > 0 ? [promotionOn('shipping', offShipping)] : []),
    ],
    ...(offShipping > 0 && shippingFor(offShipping)),
  })
  const refund = refundShares(result.priced, { lines: [{ lineId: lineId(0), quantity: BigInt(given.return_quantity) }], shipping: 0n })
  return { asked: { document: result.document, input: result.input }, actual: { refund: formatDecimal(refund.amount, DIGITS) } }
}

function discountOf(adjustment: string | undefined): number {
  const amount = amountOf(adjustment ?? '0', DIGITS)
  if (amount > 0n) throw new CannotMap('an adjustment that raises what is paid')
  return Number(-amount)
}

function promotionOn(on: 'order' | 'shipping', amount: number): CasePromotion {
  return { name: `Off the ${on}`, actions: [{ type: 'fixed', on, amount, where: null }] }
}

/** Shipping that costs at least what is taken off it. */
function shippingFor(amount: number): Pick<CaseShop, 'shipping' | 'method'> {
  return { shipping: { methods: [{ code: 'shipping', name: 'Shipping', rate: { type: 'flat', amount } }] }, method: 'shipping' }
}
