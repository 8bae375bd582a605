import { AMOUNT_MAX, divideHalfUp } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { percent } from './percent.ts'
import type { PricingInput, PricingLine } from './pricing-input-v1.ts'

/** Where an adjustment's parts lie: on a line, or on the shipping. */
export type ShareTarget = { lineId: string } | { shipping: true }

/**
 * A signed change of what the buyer pays, with its origin, and its parts as they were rounded. The parts add up to
 * `amount`, and refunds and recalculations use them instead of dividing again. `included` marks a tax that is already
 * inside the prices: it is shown, not added.
 */
export interface Adjustment {
  source: 'promotion' | 'shipping' | 'tax' | 'plugin' | 'manual'
  code: string
  reason: string
  amount: bigint
  included: boolean
  shares: { target: ShareTarget; amount: bigint }[]
}

export interface PricedLine {
  id: string
  unitPrice: bigint
  quantity: bigint
  subtotal: bigint
  discount: bigint
  tax: bigint
  /** What the buyer pays for the line, tax in it. */
  total: bigint
}

export interface Totals {
  subtotal: bigint
  discount: bigint
  shipping: bigint
  tax: bigint
  taxIncluded: boolean
  total: bigint
}

/** One step of the way from list prices to the total, in words and as an amount. */
export interface ExplanationStep {
  step: 'list_price' | 'shipping' | 'tax' | 'total'
  text: string
  amount: bigint
}

export interface PricedCart {
  lines: PricedLine[]
  adjustments: Adjustment[]
  totals: Totals
  explanation: ExplanationStep[]
}

/**
 * Prices a cart. Pure: no clock, no I/O, no randomness; the same input gives the same answer. The stages run in a fixed
 * order: list prices, shipping, taxes, totals; promotions and plugins take their place between list prices and shipping.
 *
 * Tax is rounded half up per line and once for the shipping. Prices without tax: tax = net * rate. Prices with tax:
 * tax = gross * rate / (1 + rate). Refuses `amount_out_of_range` when a line or the total passes AMOUNT_MAX.
 */
export function priceCart(input: PricingInput): PricedCart {
  const lines = input.lines.map(listPrice)
  const adjustments: Adjustment[] = []
  const shipping = addShipping(input, adjustments)
  addTax(input, lines, shipping, adjustments)
  const totals = addUp(input, lines, shipping, adjustments)
  return { lines, adjustments, totals, explanation: explain(input, adjustments, totals) }
}

function listPrice(line: PricingLine): PricedLine {
  const subtotal = checked(line.unitPrice * line.quantity)
  return { id: line.id, unitPrice: line.unitPrice, quantity: line.quantity, subtotal, discount: 0n, tax: 0n, total: subtotal }
}

/** Shipping is due when something has to be sent. */
function addShipping(input: PricingInput, adjustments: Adjustment[]): bigint {
  if (!input.shipping || !input.lines.some((line) => line.requiresShipping)) return 0n
  const { code, name, amount } = input.shipping
  adjustments.push({ source: 'shipping', code, reason: name, amount, included: false, shares: [{ target: { shipping: true }, amount }] })
  return amount
}

function addTax(input: PricingInput, lines: PricedLine[], shipping: bigint, adjustments: Adjustment[]): void {
  const { policy, tax } = input
  const shares: Adjustment['shares'] = []
  for (const [index, line] of lines.entries()) {
    line.tax = input.lines[index]!.taxable ? taxOf(line.subtotal - line.discount, input) : 0n
    line.total = line.subtotal - line.discount + (policy.pricesIncludeTax ? 0n : line.tax)
    shares.push({ target: { lineId: line.id }, amount: line.tax })
  }
  if (shipping > 0n && tax.appliesToShipping) shares.push({ target: { shipping: true }, amount: taxOf(shipping, input) })
  const amount = sum(shares.map((share) => share.amount))
  adjustments.push({ source: 'tax', code: 'tax', reason: tax.name, amount, included: policy.pricesIncludeTax, shares })
}

function taxOf(amount: bigint, { policy, tax }: PricingInput): bigint {
  const whole = 1_000_000n
  return divideHalfUp(amount * tax.ratePpm, policy.pricesIncludeTax ? whole + tax.ratePpm : whole)
}

function addUp(input: PricingInput, lines: PricedLine[], shipping: bigint, adjustments: Adjustment[]): Totals {
  const subtotal = sum(lines.map((line) => line.subtotal))
  const discount = sum(lines.map((line) => line.discount))
  const tax = sum(adjustments.filter((adjustment) => adjustment.source === 'tax').map((adjustment) => adjustment.amount))
  const taxIncluded = input.policy.pricesIncludeTax
  const total = checked(subtotal - discount + shipping + (taxIncluded ? 0n : tax))
  return { subtotal, discount, shipping, tax, taxIncluded, total }
}

function explain(input: PricingInput, adjustments: Adjustment[], totals: Totals): ExplanationStep[] {
  const count = sum(input.lines.map((line) => line.quantity))
  const steps: ExplanationStep[] = [
    { step: 'list_price', text: `${count} ${count === 1n ? 'item' : 'items'} at list price`, amount: totals.subtotal },
  ]
  for (const adjustment of adjustments) {
    if (adjustment.source === 'shipping') steps.push({ step: 'shipping', text: adjustment.reason, amount: adjustment.amount })
    if (adjustment.source === 'tax') {
      const text = `${adjustment.reason} ${percent(input.tax.ratePpm)} %, ${adjustment.included ? 'included in the prices' : 'added to the prices'}`
      steps.push({ step: 'tax', text, amount: adjustment.amount })
    }
  }
  steps.push({ step: 'total', text: 'Total', amount: totals.total })
  return steps
}

function checked(amount: bigint): bigint {
  if (amount > AMOUNT_MAX) throw new Refusal('amount_out_of_range', { detail: 'The amount is larger than this shop can charge.' })
  return amount
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}
