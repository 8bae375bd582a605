import type { AskedInput, CheckedAnswer } from '../check-answer.ts'
import { checkAnswer } from '../check-answer.ts'
import type { DiscountInputV1, DiscountOutputV1 } from '../contracts/discount.ts'
import type { DiscountInputV2, ParsedDiscountOutputV2 } from '../contracts/discount-v2.ts'
import { ppmOf } from './percent.ts'

// The shop thinks in one canonical form; each served major is a pair of pure functions from and to it. A new major changes
// the canonical form and adds a pair; the pairs of older majors keep their goldens (golden/discount.json).

export type DiscountContract = 'discount@1' | 'discount@2'

/** The cart as the shop knows it: at present what the newest major sees. */
export type DiscountInput = DiscountInputV2

/** One discount of an answer, whatever its major. Amounts are minor units, rates parts per million. */
export interface Discount {
  target: { kind: 'lines'; lines: { lineId: string; quantity: number | null }[] } | { kind: 'order' } | { kind: 'shipping' }
  value: { kind: 'rate'; ppm: number } | { kind: 'amount'; amount: number; per: 'target' | 'unit' } | { kind: 'unit_price'; amount: number }
  message: string
  code: string | null
  /** Of one group only the discount worth most counts. */
  group: string | null
  /** False: not on a line that is reduced already. */
  combines: boolean
}

/** The input of a major, out of the canonical one. */
export function discountInputFor(contract: DiscountContract, input: DiscountInput): DiscountInputV1 | DiscountInputV2 {
  return contract === 'discount@2' ? input : inputForV1(input)
}

/** A plugin's answer under a major, checked and in canonical form. `input` is the canonical input that it was asked with. */
export function readDiscounts(contract: DiscountContract, answer: unknown, input: DiscountInput): CheckedAnswer<Discount[]> {
  const checked = checkAnswer(contract, 'run', answer, input as AskedInput, {})
  if (!checked.ok) return checked
  const discounts =
    contract === 'discount@2' ? fromV2(checked.answer as ParsedDiscountOutputV2) : fromV1(checked.answer as DiscountOutputV1)
  return { ok: true, answer: discounts }
}

function inputForV1({ shipping: _shipping, customer, lines, ...rest }: DiscountInput): DiscountInputV1 {
  return {
    ...rest,
    lines: lines.map(({ adjustments, ...line }) => ({ ...line, discount: adjustments.reduce((sum, { amount }) => sum + amount, 0) })),
    customer: customer && { groups: customer.groups, orders_count: customer.orders_count, total_spent: customer.total_spent },
  }
}

function fromV1({ operations }: DiscountOutputV1): Discount[] {
  return operations.map((operation) => ({
    target:
      operation.type === 'line' ? { kind: 'lines', lines: [{ lineId: operation.line_id, quantity: null }] } : { kind: operation.type },
    value:
      'percentage' in operation.value
        ? { kind: 'rate', ppm: ppmOf(operation.value.percentage) }
        : { kind: 'amount', amount: operation.value.amount, per: 'target' },
    message: operation.message,
    code: operation.code ?? null,
    group: null,
    combines: true,
  }))
}

function fromV2({ discounts }: ParsedDiscountOutputV2): Discount[] {
  return discounts.map(({ target, value, message, code, group, combines }) => ({
    target:
      'lines' in target
        ? { kind: 'lines', lines: target.lines.map(({ line_id, quantity }) => ({ lineId: line_id, quantity: quantity ?? null })) }
        : { kind: 'order' in target ? 'order' : 'shipping' },
    value:
      'percentage' in value
        ? { kind: 'rate', ppm: ppmOf(value.percentage) }
        : 'unit_price' in value
          ? { kind: 'unit_price', amount: value.unit_price }
          : { kind: 'amount', amount: value.amount, per: value.per },
    message,
    code: code ?? null,
    group: group ?? null,
    combines,
  }))
}
