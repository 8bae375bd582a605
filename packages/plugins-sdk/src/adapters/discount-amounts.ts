import type { Discount, DiscountInput } from './discount.ts'

/** What a discount takes off, as the shop's pricing takes it. Amounts are minor units, above zero. */
export interface DiscountOperation {
  target: { lineId: string } | 'order' | 'shipping'
  amount: number
  reason: string
  code: string | null
}

/** numerator / denominator, rounded by the merchant's mode. Both are not negative, the denominator above zero. */
export type Divide = (numerator: bigint, denominator: bigint) => bigint

const PPM = 1_000_000n

/** What is left to take from, while discounts are applied one after the other. */
interface Remainder {
  lines: Map<string, { left: bigint; quantity: bigint; reduced: boolean }>
  order: bigint
  shipping: bigint
}

const halfUp: Divide = (numerator, denominator) => (2n * numerator + denominator) / (2n * denominator)

/**
 * The discounts of one plugin as amounts. They are taken in order, each from what the ones before have left; a percentage of the
 * order is of the lines that are left by then. Of a group the one worth most is taken, at the place of the group's first.
 * Never takes more than is left; what would take nothing is left out. Shipping without a chosen method has nothing to take from.
 */
export function discountOperations(discounts: readonly Discount[], input: DiscountInput, divide: Divide = halfUp): DiscountOperation[] {
  const left = remainderOf(input)
  const done = new Set<string>()
  const operations: DiscountOperation[] = []
  for (const discount of discounts) {
    if (discount.group !== null && done.has(discount.group)) continue
    const chosen = discount.group === null ? discount : bestOf(discounts, discount.group, left, divide)
    if (discount.group !== null) done.add(discount.group)
    for (const { target, amount: wanted } of taking(chosen, left, divide)) {
      // What was taken from the order before is no longer on its lines, though nobody says on which.
      const amount = target === 'shipping' ? wanted : least(wanted, orderLeft(left))
      if (amount === 0n) continue
      take(left, target, amount)
      operations.push({ target, amount: Number(amount), reason: chosen.message, code: chosen.code })
    }
  }
  return operations
}

interface Taking {
  target: DiscountOperation['target']
  amount: bigint
}

function remainderOf(input: DiscountInput): Remainder {
  const lines = new Map(
    input.lines.map((line) => {
      const reduced = line.adjustments.reduce((sum, { amount }) => sum + amount, 0)
      return [line.id, { left: BigInt(Math.max(0, line.subtotal - reduced)), quantity: BigInt(line.quantity), reduced: reduced > 0 }]
    }),
  )
  return { lines, order: 0n, shipping: BigInt(input.shipping?.amount ?? 0) }
}

function bestOf(discounts: readonly Discount[], group: string, left: Remainder, divide: Divide): Discount {
  const worth = (discount: Discount) => taking(discount, left, divide).reduce((sum, { amount }) => sum + amount, 0n)
  const [first, ...others] = discounts.filter((discount) => discount.group === group)
  return others.reduce((best, discount) => (worth(discount) > worth(best) ? discount : best), first!)
}

function taking(discount: Discount, left: Remainder, divide: Divide): Taking[] {
  const { target } = discount
  if (target.kind === 'lines') return takingFromLines(discount, target.lines, left, divide)
  if (!discount.combines && [...left.lines.values()].some(({ reduced }) => reduced)) return []
  const base = target.kind === 'order' ? orderLeft(left) : left.shipping
  const amount = least(base, wholeAmount(discount.value, base, divide))
  return amount > 0n ? [{ target: target.kind, amount }] : []
}

function takingFromLines(
  { value, combines }: Discount,
  targeted: readonly { lineId: string; quantity: number | null }[],
  left: Remainder,
  divide: Divide,
): Taking[] {
  const bases = targeted.flatMap(({ lineId, quantity }) => {
    const line = left.lines.get(lineId)
    if (line === undefined || (!combines && line.reduced)) return []
    const units = quantity === null ? line.quantity : BigInt(quantity)
    return [{ lineId, units, base: units >= line.quantity ? line.left : divide(line.left * units, line.quantity) }]
  })
  const sum = bases.reduce((total, { base }) => total + base, 0n)
  const shared =
    value.kind === 'amount' && value.per === 'target'
      ? shares(
          least(BigInt(value.amount), sum),
          bases.map(({ base }) => base),
        )
      : undefined
  return bases
    .map(({ lineId, units, base }, index) => ({
      target: { lineId },
      amount: shared?.[index] ?? least(base, unitAmount(value, units, base, divide)),
    }))
    .filter(({ amount }) => amount > 0n)
}

function unitAmount(value: Discount['value'], units: bigint, base: bigint, divide: Divide): bigint {
  if (value.kind === 'rate') return divide(base * BigInt(value.ppm), PPM)
  if (value.kind === 'unit_price') return base - BigInt(value.amount) * units
  return BigInt(value.amount) * units
}

function wholeAmount(value: Discount['value'], base: bigint, divide: Divide): bigint {
  return value.kind === 'rate' ? divide(base * BigInt(value.ppm), PPM) : BigInt(value.amount)
}

/** Largest remainder, the earlier first: the shares add up to the amount. */
function shares(amount: bigint, weights: readonly bigint[]): bigint[] {
  const sum = weights.reduce((total, weight) => total + weight, 0n)
  if (sum === 0n) return weights.map(() => 0n)
  const whole = weights.map((weight) => (amount * weight) / sum)
  const missing = Number(amount - whole.reduce((total, share) => total + share, 0n))
  const remainder = (index: number) => (amount * weights[index]!) % sum
  const byRemainder = weights.map((_, index) => index).sort((a, b) => Number(remainder(b) - remainder(a)) || a - b)
  for (const index of byRemainder.slice(0, missing)) whole[index]! += 1n
  return whole
}

function take(left: Remainder, target: DiscountOperation['target'], amount: bigint): void {
  if (target === 'shipping') left.shipping -= amount
  else if (target === 'order') left.order += amount
  else {
    const line = left.lines.get(target.lineId)!
    line.left -= amount
    line.reduced = true
  }
}

/** The order has what its lines have left, less what was taken from the order as a whole. */
function orderLeft(left: Remainder): bigint {
  return [...left.lines.values()].reduce((sum, line) => sum + line.left, 0n) - left.order
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}
