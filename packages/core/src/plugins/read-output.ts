import type { ParsedDiscountOutputV2 } from '@souk/plugins-sdk/contracts/discount-v2.ts'
import type { RatesOutputV1 } from '@souk/plugins-sdk/contracts/fulfillment.ts'
import type { TaxesDueV1, TaxOutputV1 } from '@souk/plugins-sdk/contracts/tax.ts'
import { allocate, divide, parseDecimal, type RoundingMode } from '../money.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PluginDiscounts, PluginRates, PluginTaxes } from '../pricing/pricing-input.ts'

// What providers answered, in the words of a pricing input. The port has checked every form; here their sense is checked
// against the cart: lines that are there, and no more taken off than there is.

type Operation = PluginDiscounts['operations'][number]
type Discount = ParsedDiscountOutputV2['discounts'][number]

const PERCENT_DIGITS = 4
const WHOLE_PPM = 1_000_000n

/** An answer that has the right form and makes no sense. It counts as a failure of the plugin. */
export class SenselessOutput extends Error {}

/**
 * The amounts that a discount answer takes off. Its discounts apply in order, each to what the ones before it left; of one
 * group only the one worth most stays.
 */
export function discountOperations(output: ParsedDiscountOutputV2, draft: PricedCart, rounding: RoundingMode): Operation[] {
  const groups = new Set<string>()
  const operations: Operation[] = []
  const left = new Left(draft)
  for (const discount of output.discounts) {
    if (discount.group === undefined) operations.push(...left.take(discount, rounding))
    else if (!groups.has(discount.group)) {
      groups.add(discount.group)
      const rivals = output.discounts.filter((other) => other.group === discount.group)
      const worth = rivals.map((rival) => total(left.copy().take(rival, rounding)))
      const best = worth.reduce((chosen, amount, index) => (amount > worth[chosen]! ? index : chosen), 0)
      operations.push(...left.take(rivals[best]!, rounding))
    }
  }
  return operations
}

/** What is left of each line and of the shipping while an answer is applied. */
class Left {
  readonly #lines: Map<string, { amount: bigint; quantity: bigint; reduced: boolean }>
  #shipping: bigint

  constructor(draft: PricedCart | Left) {
    if (draft instanceof Left) {
      this.#lines = new Map([...draft.#lines].map(([id, line]) => [id, { ...line }]))
      this.#shipping = draft.#shipping
      return
    }
    this.#lines = new Map(
      draft.lines.map((line) => [line.id, { amount: line.subtotal - line.discount, quantity: line.quantity, reduced: line.discount > 0n }]),
    )
    this.#shipping = draft.shipping ? draft.shipping.amount - draft.shipping.discount : 0n
  }

  copy(): Left {
    return new Left(this)
  }

  take(discount: Discount, rounding: RoundingMode): Operation[] {
    const { target, message, code = null } = discount
    if ('shipping' in target) {
      const amount = smaller(worthOf(discount.value, this.#shipping, 1n, rounding), this.#shipping)
      this.#shipping -= amount
      return amount > 0n ? [{ target: 'shipping', amount, reason: message, code }] : []
    }
    const parts = this.#parts(discount)
    const amounts = amountsOf(discount, parts, rounding)
    for (const [index, part] of parts.entries()) this.#reduce(part.id, amounts[index]!)
    if ('order' in target) return total2(amounts) > 0n ? [{ target: 'order', amount: total2(amounts), reason: message, code }] : []
    return parts.flatMap(({ id }, index) =>
      amounts[index]! > 0n ? [{ target: { lineId: id }, amount: amounts[index]!, reason: message, code }] : [],
    )
  }

  #reduce(id: string, amount: bigint): void {
    const line = this.#lines.get(id)!
    line.amount -= amount
    line.reduced ||= amount > 0n
  }

  /** The targeted units: of which line, how many, and what they still cost. */
  #parts({ target, combines }: Discount): { id: string; quantity: bigint; room: bigint }[] {
    const wanted =
      'lines' in target
        ? target.lines.map(({ line_id, quantity }) => ({ id: line_id, quantity }))
        : [...this.#lines.keys()].map((id) => ({ id, quantity: undefined }))
    return wanted.flatMap(({ id, quantity }) => {
      const line = this.#lines.get(id)
      if (!line) throw new SenselessOutput(`there is no line ${id.slice(0, 40)}`)
      if (quantity !== undefined && BigInt(quantity) > line.quantity) throw new SenselessOutput(`line ${id.slice(0, 40)} has fewer units`)
      if (!combines && line.reduced) return []
      const units = quantity === undefined ? line.quantity : BigInt(quantity)
      return [{ id, quantity: units, room: (line.amount * units) / line.quantity }]
    })
  }
}

function amountsOf({ value, target }: Discount, parts: { quantity: bigint; room: bigint }[], rounding: RoundingMode): bigint[] {
  const rooms = parts.map((part) => part.room)
  const shared = 'amount' in value ? value.per === 'target' : 'order' in target
  if (!shared) return parts.map(({ quantity, room }) => smaller(worthOf(value, room, quantity, rounding), room))
  const room = total2(rooms)
  if (room === 0n) return rooms.map(() => 0n)
  return allocate(smaller(worthOf(value, room, 1n, rounding), room), rooms)
}

function worthOf(value: Discount['value'], room: bigint, quantity: bigint, rounding: RoundingMode): bigint {
  if ('percentage' in value) return divide(room * ppm(value.percentage), WHOLE_PPM, rounding)
  if ('unit_price' in value) return larger(room - BigInt(value.unit_price) * quantity, 0n)
  return BigInt(value.amount) * (value.per === 'unit' ? quantity : 1n)
}

/** The taxes of an answer. Every line of the cart has to be in it, once. */
export function taxesOf(output: TaxOutputV1, priced: PricedCart): Pick<PluginTaxes, 'lines' | 'shipping' | 'note'> {
  const lines = Object.fromEntries(output.lines.map(({ line_id, due }) => [line_id, dueOf(due)]))
  const missing = priced.lines.find((line) => !Object.hasOwn(lines, line.id))
  if (missing) throw new SenselessOutput(`nothing is said of line ${missing.id}`)
  if (output.lines.length !== priced.lines.length) throw new SenselessOutput('a line is named twice, or is not there')
  return { lines, shipping: output.shipping && dueOf(output.shipping), note: output.note }
}

function dueOf(due: TaxesDueV1): PluginTaxes['lines'][string] {
  if ('rates' in due) return due.rates.map(({ name, rate }) => ({ name, ratePpm: ppm(rate) }))
  return due.taxes.map(({ name, amount }) => ({ name, amount: BigInt(amount) }))
}

/** The delivery rates of an answer, each code once. */
export function ratesOf(output: RatesOutputV1): PluginRates['rates'] {
  if (new Set(output.rates.map((rate) => rate.code)).size !== output.rates.length) throw new SenselessOutput('a code is used twice')
  return output.rates.map(({ code, name, amount, tax_category }) => ({
    code,
    name,
    amount: BigInt(amount),
    taxCategory: tax_category ?? null,
  }))
}

/** '8.25' -> 82500 parts per million. */
function ppm(percent: string): bigint {
  return parseDecimal(percent, PERCENT_DIGITS)!
}

function total(operations: Operation[]): bigint {
  return total2(operations.map((operation) => operation.amount))
}

function total2(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n)
}

const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other)
const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other)
