import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONTRACTS } from '../contracts/contract.ts'
import { generatedInputs } from '../kit/generated-inputs.ts'
import { type Discount, type DiscountContract, type DiscountInput, discountInputFor, readDiscounts } from './discount.ts'
import { type DiscountOperation, discountOperations } from './discount-amounts.ts'

// The corpus holds what each major saw and answered when it was frozen, and what that came to. It is never rewritten: an
// adapter that changes an old plugin's discounts by one cent fails here.

interface Golden {
  name: string
  canonical: DiscountInput
  seen: Record<DiscountContract, object>
  answers: { contract: DiscountContract; answer: object; operations: DiscountOperation[] }[]
}

const corpus = JSON.parse(readFileSync(new URL('../../golden/discount.json', import.meta.url), 'utf8')) as Golden[]

describe.each(corpus)('golden: $name', ({ canonical, seen, answers }) => {
  test.each(Object.keys(seen) as DiscountContract[])('%s sees what it saw', (contract) => {
    const input = discountInputFor(contract, canonical)
    expect(input).toEqual(seen[contract])
    expect(CONTRACTS[contract].hooks.run!.input.safeParse(input).error).toBeUndefined()
  })

  test.each(answers)('$contract: $answer comes to the same', ({ contract, answer, operations }) => {
    const read = readDiscounts(contract, answer, canonical)
    expect(read.ok ? discountOperations(read.answer, canonical) : read.complaints).toEqual(operations)
  })
})

test('the corpus holds both majors, and answers of every kind', () => {
  const kinds = corpus.flatMap(({ answers }) => answers.map(({ contract }) => contract))
  expect(new Set(kinds)).toEqual(new Set(['discount@1', 'discount@2']))
  expect(corpus.length).toBeGreaterThanOrEqual(8)
})

describe('what both majors can say comes to the same in either', () => {
  const carts = generatedInputs('discount@2', 'run').map(({ input }) => input as unknown as DiscountInput)

  test.each(['10', '33.3333', '100', '0.0001'])('%s %% off each line', (percentage) => {
    for (const cart of carts) {
      const v1 = readDiscounts(
        'discount@1',
        { operations: cart.lines.map(({ id }) => ({ type: 'line', line_id: id, value: { percentage }, message: 'm' })) },
        cart,
      )
      const v2 = readDiscounts(
        'discount@2',
        { discounts: cart.lines.map(({ id }) => ({ target: { lines: [{ line_id: id }] }, value: { percentage }, message: 'm' })) },
        cart,
      )
      expect(v1).toEqual(v2)
    }
  })

  test('the lower major is told the sum of what the higher is told one by one', () => {
    for (const cart of carts) {
      const { lines } = discountInputFor('discount@1', cart) as { lines: { discount: number }[] }
      expect(lines.map(({ discount }) => discount)).toEqual(
        cart.lines.map(({ adjustments }) => adjustments.reduce((sum, { amount }) => sum + amount, 0)),
      )
    }
  })
})

const cart = (lines: [subtotal: number, quantity: number, reduced?: number][], shipping: number | null = null): DiscountInput => ({
  ...(generatedInputs('discount@2', 'run')[1]!.input as unknown as DiscountInput),
  lines: lines.map(([subtotal, quantity, reduced = 0], index) => ({
    ...(generatedInputs('discount@2', 'run')[1]!.input as unknown as DiscountInput).lines[0]!,
    id: `l${index}`,
    quantity,
    unit_price: subtotal / quantity,
    subtotal,
    adjustments: reduced === 0 ? [] : [{ name: 'Sale', amount: reduced }],
  })),
  shipping: shipping === null ? null : { method: 'standard', amount: shipping },
})

const off = (target: Discount['target'], value: Discount['value'], more: Partial<Discount> = {}): Discount => ({
  target,
  value,
  message: 'Off',
  code: null,
  group: null,
  combines: true,
  ...more,
})
const lines = (...targeted: [string, number?][]): Discount['target'] => ({
  kind: 'lines',
  lines: targeted.map(([lineId, quantity]) => ({ lineId, quantity: quantity ?? null })),
})
const rate = (percent: number): Discount['value'] => ({ kind: 'rate', ppm: percent * 10_000 })
const amount = (value: number, per: 'target' | 'unit' = 'target'): Discount['value'] => ({ kind: 'amount', amount: value, per })
const amounts = (discounts: Discount[], input: DiscountInput) =>
  discountOperations(discounts, input).map((operation) => [
    typeof operation.target === 'string' ? operation.target : operation.target.lineId,
    operation.amount,
  ])

describe('amounts', () => {
  test.each<[string, Discount[], DiscountInput, [string, number][]]>([
    ['a percentage is of what promotions have left', [off(lines(['l0']), rate(10))], cart([[1_000, 1, 400]]), [['l0', 60]]],
    [
      'one discount takes from what the one before left',
      [off(lines(['l0']), rate(50)), off(lines(['l0']), rate(50))],
      cart([[1_000, 1]]),
      [
        ['l0', 500],
        ['l0', 250],
      ],
    ],
    ['a half is rounded up', [off(lines(['l0']), rate(50))], cart([[333, 1]]), [['l0', 167]]],
    ['no more is taken than there is', [off(lines(['l0']), amount(5_000))], cart([[1_000, 1]]), [['l0', 1_000]]],
    ['what takes nothing is left out', [off(lines(['l0']), rate(10))], cart([[1_000, 1, 1_000]]), []],
    ['units of a line have their part of it', [off(lines(['l0', 1]), rate(100))], cart([[1_000, 3]]), [['l0', 333]]],
    ['an amount per unit counts the units', [off(lines(['l0', 2]), amount(50, 'unit'))], cart([[1_000, 4]]), [['l0', 100]]],
    [
      'an amount is shared by several lines to the last cent',
      [off(lines(['l0'], ['l1'], ['l2']), amount(100))],
      cart([
        [300, 1],
        [300, 1],
        [300, 1],
      ]),
      [
        ['l0', 34],
        ['l1', 33],
        ['l2', 33],
      ],
    ],
    ['a price per unit', [off(lines(['l0']), { kind: 'unit_price', amount: 90 })], cart([[300, 3]]), [['l0', 30]]],
    ['a price per unit never makes it dearer', [off(lines(['l0']), { kind: 'unit_price', amount: 200 })], cart([[300, 3]]), []],
    [
      'the order is what its lines have left',
      [off(lines(['l0']), rate(50)), off({ kind: 'order' }, rate(10))],
      cart([
        [1_000, 1],
        [1_000, 1],
      ]),
      [
        ['l0', 500],
        ['order', 150],
      ],
    ],
    [
      'shipping is what the method costs',
      [off({ kind: 'shipping' }, rate(50)), off({ kind: 'shipping' }, amount(999))],
      cart([], 500),
      [
        ['shipping', 250],
        ['shipping', 250],
      ],
    ],
    ['shipping without a method has nothing to take from', [off({ kind: 'shipping' }, amount(999))], cart([]), []],
    [
      'of a group the best is taken',
      [off(lines(['l0']), rate(10), { group: 'g' }), off(lines(['l0']), amount(300), { group: 'g' })],
      cart([[1_000, 1]]),
      [['l0', 300]],
    ],
    [
      'of a group with a tie the first is taken',
      [off(lines(['l0']), rate(10), { group: 'g' }), off(lines(['l1']), rate(10), { group: 'g' })],
      cart([
        [1_000, 1],
        [1_000, 1],
      ]),
      [['l0', 100]],
    ],
    [
      'one that does not combine leaves out reduced lines',
      [off(lines(['l0'], ['l1']), rate(10), { combines: false })],
      cart([
        [1_000, 1, 1],
        [1_000, 1],
      ]),
      [['l1', 100]],
    ],
    [
      'one that does not combine sees the discounts before it',
      [off(lines(['l0']), rate(10)), off({ kind: 'order' }, rate(10), { combines: false })],
      cart([[1_000, 1]]),
      [['l0', 100]],
    ],
  ])('%s', (_name, discounts, input, expected) => {
    expect(amounts(discounts, input)).toEqual(expected)
  })

  test('whatever is asked, no line, order or shipping goes below zero', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 1_000_000 }).map((ppm): Discount['value'] => ({ kind: 'rate', ppm })),
      fc.record({ kind: fc.constant('amount' as const), amount: fc.nat(3_000), per: fc.constantFrom('target' as const, 'unit' as const) }),
      fc.record({ kind: fc.constant('unit_price' as const), amount: fc.nat(500) }),
    )
    const discount = fc.record({
      target: fc.oneof(
        fc.constantFrom<Discount['target']>({ kind: 'order' }, { kind: 'shipping' }),
        fc
          .uniqueArray(fc.constantFrom('l0', 'l1', 'l2'), { minLength: 1 })
          .map((ids): Discount['target'] => ({ kind: 'lines', lines: ids.map((lineId) => ({ lineId, quantity: 1 })) })),
      ),
      value,
      message: fc.constant('m'),
      code: fc.constant(null),
      group: fc.option(fc.constantFrom('a', 'b')),
      combines: fc.boolean(),
    })
    const line = fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 5 }), fc.nat(500))
    fc.assert(
      fc.property(fc.array(discount, { maxLength: 8 }), fc.tuple(line, line, line), fc.nat(900), (discounts, drawn, shipping) => {
        const input = cart(
          drawn.map(([unit, quantity, reduced]) => [unit * quantity, quantity, Math.min(reduced, unit * quantity)]),
          shipping,
        )
        const taken = new Map<string, number>()
        for (const [target, value] of amounts(discounts, input))
          taken.set(target as string, (taken.get(target as string) ?? 0) + (value as number))
        let left = 0
        for (const { id, subtotal, adjustments } of input.lines) {
          const rest = subtotal - adjustments.reduce((sum, adjustment) => sum + adjustment.amount, 0) - (taken.get(id) ?? 0)
          expect(rest).toBeGreaterThanOrEqual(0)
          left += rest
        }
        expect(shipping - (taken.get('shipping') ?? 0)).toBeGreaterThanOrEqual(0)
        expect(left - (taken.get('order') ?? 0)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})
