import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { percent } from './percent.ts'
import { priceCart } from './price-cart-v1.ts'
import { type PricingInput, readPricingInput } from './pricing-input-v1.ts'
import { storePricing } from './stored-form.ts'

function input(overrides: Partial<PricingInput> = {}): PricingInput {
  return {
    version: 1,
    currency: 'EUR',
    policy: { pricesIncludeTax: true, rounding: 'half_up', taxRoundedPer: 'line' },
    lines: [line('a', 1999n, 2n), line('b', 350n, 1n)],
    shipping: { code: 'flat', name: 'Parcel', amount: 490n },
    tax: { name: 'VAT', ratePpm: 190_000n, appliesToShipping: true },
    ...overrides,
  }
}

function line(id: string, unitPrice: bigint, quantity: bigint, flags: { taxable?: boolean; requiresShipping?: boolean } = {}) {
  return { id, variantId: `v-${id}`, productId: `p-${id}`, quantity, unitPrice, taxable: true, requiresShipping: true, ...flags }
}

describe('priceCart', () => {
  it('finds the tax inside prices that include it', () => {
    const priced = priceCart(input())
    // 3998 * 19/119 = 638.34, 350 * 19/119 = 55.88, 490 * 19/119 = 78.24
    expect(priced.totals).toEqual({ subtotal: 4348n, discount: 0n, shipping: 490n, tax: 638n + 56n + 78n, taxIncluded: true, total: 4838n })
    expect(priced.lines.map((each) => each.tax)).toEqual([638n, 56n])
  })

  it('adds the tax to prices without it', () => {
    const priced = priceCart(
      input({
        policy: { pricesIncludeTax: false, rounding: 'half_up', taxRoundedPer: 'line' },
        tax: { name: 'Sales tax', ratePpm: 82_500n, appliesToShipping: false },
      }),
    )
    // 3998 * 8.25 % = 329.835, 350 * 8.25 % = 28.875
    expect(priced.totals).toEqual({ subtotal: 4348n, discount: 0n, shipping: 490n, tax: 330n + 29n, taxIncluded: false, total: 5197n })
    expect(priced.lines.map((each) => each.total)).toEqual([4328n, 379n])
  })

  it('charges no shipping when nothing has to be sent, and no tax on what is exempt', () => {
    const priced = priceCart(input({ lines: [line('a', 1000n, 1n, { requiresShipping: false, taxable: false })] }))
    expect(priced.totals).toMatchObject({ shipping: 0n, tax: 0n, total: 1000n })
  })

  it('refuses a total that no shop can charge', () => {
    const refused = () => priceCart(input({ lines: [line('a', 1_000_000_000_000n, 2n)] }))
    expect(refused).toThrow(expect.objectContaining({ code: 'amount_out_of_range' }))
  })

  it('says every step', () => {
    expect(priceCart(input()).explanation).toEqual([
      { step: 'list_price', text: '3 items at list price', amount: 4348n },
      { step: 'shipping', text: 'Parcel', amount: 490n },
      { step: 'tax', text: 'VAT 19 %, included in the prices', amount: 772n },
      { step: 'total', text: 'Total', amount: 4838n },
    ])
  })

  it('adds up to the minor unit, in any order of the lines, and after being stored', () => {
    fc.assert(
      fc.property(arbitraryInput(), (given) => {
        const priced = priceCart(given)
        const lineTotals = add(priced.lines.map((each) => each.total))
        const tax = priced.adjustments.find((each) => each.source === 'tax')!
        const shippingTax = add(tax.shares.filter((share) => 'shipping' in share.target).map((share) => share.amount))
        expect(priced.totals.total).toBe(lineTotals + priced.totals.shipping + (priced.totals.taxIncluded ? 0n : shippingTax))
        for (const adjustment of priced.adjustments) expect(add(adjustment.shares.map((share) => share.amount))).toBe(adjustment.amount)
        expect(priceCart({ ...given, lines: given.lines.toReversed() }).totals).toEqual(priced.totals)
        expect(priceCart(readPricingInput(JSON.parse(storePricing(given))))).toEqual(priced)
      }),
    )
  })

  it('agrees with an oracle in fractions on every tax', () => {
    fc.assert(
      fc.property(arbitraryInput(), (given) => {
        for (const each of priceCart(given).lines) {
          const whole = given.policy.pricesIncludeTax ? 1_000_000n + given.tax.ratePpm : 1_000_000n
          // |tax * whole - exact * whole| <= whole / 2, with the exact half rounded up
          const difference = 2n * (each.tax * whole - each.subtotal * given.tax.ratePpm)
          expect(difference > -whole && difference <= whole).toBe(true)
        }
      }),
    )
  })
})

describe('percent', () => {
  it.each([
    [190_000n, '19'],
    [82_500n, '8.25'],
    [0n, '0'],
    [1_000_000n, '100'],
    [50n, '0.005'],
  ])('writes %s parts per million as %s', (ratePpm, text) => {
    expect(percent(ratePpm)).toBe(text)
  })
})

function arbitraryInput(): fc.Arbitrary<PricingInput> {
  const arbitraryLine = fc.record({ unitPrice: fc.bigInt({ min: 0n, max: 10n ** 7n }), quantity: fc.bigInt({ min: 1n, max: 999n }) })
  return fc
    .record({
      lines: fc.array(arbitraryLine, { minLength: 1, maxLength: 30 }),
      ratePpm: fc.bigInt({ min: 0n, max: 400_000n }),
      pricesIncludeTax: fc.boolean(),
      shipping: fc.option(fc.bigInt({ min: 0n, max: 10_000n })),
    })
    .map((drawn) =>
      input({
        lines: drawn.lines.map((each, index) => line(`l${index}`, each.unitPrice, each.quantity)),
        policy: { pricesIncludeTax: drawn.pricesIncludeTax, rounding: 'half_up', taxRoundedPer: 'line' },
        shipping: drawn.shipping === null ? null : { code: 'flat', name: 'Parcel', amount: drawn.shipping },
        tax: { name: 'Tax', ratePpm: drawn.ratePpm, appliesToShipping: true },
      }),
    )
}

function add(amounts: bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}
