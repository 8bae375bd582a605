import { describe, expect, it } from 'vitest'
import { ROUNDING_MODES } from '../../money.ts'
import type { PricedCart } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import { cartOf, line, PARCEL, priceIn, promotion, type Shop } from '../testing/shop.ts'

const address = (country: string) => ({ country, region: null, postcode: null, city: null })
const rate = (id: string, country: string, rate_ppm: number, more: object = {}) => ({ id, name: id, country, rate_ppm, ...more })
const taxesOf = (rates: object[], more: object = {}) => ({ rates, ...more }) as NonNullable<Shop['taxes']>

const VAT = taxesOf([rate('vat', 'DE', 190_000), rate('reduced', 'DE', 70_000, { category: 'reduced' })])

function taxes(priced: PricedCart): Record<string, number> {
  return Object.fromEntries(priced.adjustments.filter(({ source }) => source === 'tax').map(({ code, amount }) => [code, Number(amount)]))
}

describe('prices without tax', () => {
  it('get it added, by line and rate', () => {
    const cart = cartOf([line('book', 1000, 1, { taxCategory: 'reduced' }), line('mug', 999)], { shipping: { method: PARCEL } })
    const priced = priceIn({ taxes: VAT }, cart)
    // 9.99 * 19 % = 1.8981; 4.90 * 19 % = 0.931
    expect(taxes(priced)).toEqual({ reduced: 70, vat: 190 + 93 })
    expect(priced.totals).toMatchObject({ tax: 353n, taxIncluded: false, total: 1000n + 999n + 490n + 353n })
    expect(priced.lines.map(({ total }) => total)).toEqual([1070n, 1189n])
    expect(priced.shipping).toMatchObject({ tax: 93n, total: 583n })
  })
})

describe('prices with tax', () => {
  it('have it inside', () => {
    const priced = priceIn({ policy: { prices_include_tax: true }, taxes: VAT }, cartOf([line('mug', 1190)]))
    expect(priced.totals).toMatchObject({ tax: 190n, taxIncluded: true, total: 1190n })
    expect(priced.adjustments[0]).toMatchObject({ included: true, ratePpm: 190_000n })
  })
})

describe('several rates', () => {
  const canada = taxesOf([rate('gst', 'DE', 50_000), rate('qst', 'DE', 99_750, { priority: 2 })])
  const compound = taxesOf([rate('gst', 'DE', 50_000), rate('qst', 'DE', 100_000, { priority: 2, compound: true })])

  it('are charged side by side', () => {
    expect(taxes(priceIn({ taxes: canada }, cartOf([line('mug', 10_000)])))).toEqual({ gst: 500, qst: 998 })
  })

  it('or one on the other', () => {
    expect(taxes(priceIn({ taxes: compound }, cartOf([line('mug', 10_000)])))).toEqual({ gst: 500, qst: 1050 })
    // 115.50 is 100.00 with 5 % and 10 % of 105 % in it.
    const included = priceIn({ policy: { prices_include_tax: true }, taxes: compound }, cartOf([line('mug', 11_550)]))
    expect(taxes(included)).toEqual({ gst: 500, qst: 1050 })
  })
})

describe('rounding', () => {
  const shop = (policy: Shop['policy']): Shop => ({ policy, taxes: taxesOf([rate('vat', 'DE', 190_000)]) })

  it('is of each piece, of each line, or of all together', () => {
    // Per piece 1.08 * 19 % = 0.2052; per line of three 0.6156; all six 1.2312
    const cart = cartOf([line('a', 108, 3), line('b', 108, 3)])
    expect(priceIn(shop({ tax_rounded_per: 'unit' }), cart).totals.tax).toBe(126n)
    expect(priceIn(shop({ tax_rounded_per: 'line' }), cart).totals.tax).toBe(124n)
    const together = priceIn(shop({ tax_rounded_per: 'order' }), cart)
    expect(together.totals.tax).toBe(123n)
    expect(together.lines.map(({ tax }) => tax)).toEqual([62n, 61n])
  })

  it('per piece counts what each piece lost', () => {
    const action = { type: 'fixed' as const, on: 'order' as const, amount: 100, where: null }
    const priced = priceIn(
      { ...shop({ tax_rounded_per: 'unit' }), promotions: [promotion({ actions: [action] })] },
      cartOf([line('a', 108, 3)]),
    )
    // The pieces are left with 75, 75 and 74: 14.25, 14.25 and 14.06.
    expect(priced.lines[0]).toMatchObject({
      pieces: [
        { quantity: 2n, amount: 75n },
        { quantity: 1n, amount: 74n },
      ],
      tax: 42n,
    })
  })

  it('goes as the merchant says', () => {
    const taxOf = (price: number) =>
      Object.fromEntries(
        ROUNDING_MODES.map((rounding) => [
          rounding,
          Number(priceIn({ policy: { rounding }, taxes: taxesOf([rate('half', 'DE', 500_000)]) }, cartOf([line('a', price)])).totals.tax),
        ]),
      )
    const up = { half_up: 3, half_ceiling: 3, up: 3, ceiling: 3 }
    const down = { half_down: 2, half_floor: 2, down: 2, floor: 2 }
    expect(taxOf(5)).toEqual({ ...up, ...down, half_even: 2, half_odd: 3 })
  })

  it('may be another for discounts', () => {
    const action = { type: 'percentage' as const, on: 'line' as const, rate_ppm: 500_000, where: null }
    const off = (policy: Shop['policy']) =>
      priceIn({ policy, promotions: [promotion({ actions: [action] })] }, cartOf([line('a', 5)])).totals.discount
    expect([off({}), off({ discount_rounding: 'half_down' }), off({ rounding: 'down' })]).toEqual([3n, 2n, 2n])
  })
})

describe('discounts', () => {
  const half = promotion({ actions: [{ type: 'percentage', on: 'order', rate_ppm: 500_000, where: null }] })

  it('lower what is taxed', () => {
    expect(priceIn({ taxes: VAT, promotions: [half] }, cartOf([line('mug', 1000)])).totals).toMatchObject({ tax: 95n, total: 595n })
  })

  it('or only what is paid', () => {
    const priced = priceIn({ policy: { discounts: 'after_tax' }, taxes: VAT, promotions: [half] }, cartOf([line('mug', 1000)]))
    expect(priced.totals).toMatchObject({ tax: 190n, total: 690n })
  })
})

describe('a buyer elsewhere', () => {
  const europe = taxesOf([rate('de', 'DE', 190_000), rate('ro', 'RO', 240_000)], {
    distance_sales: { mode: 'destination' },
    reverse_charge: true,
  })
  const policy = { prices_include_tax: true } as const
  const cart = (country: string, overrides: Partial<PricingInput> = {}) =>
    cartOf([line('download', 1000)], { shippingAddress: address(country), shipping: { method: PARCEL }, ...overrides })

  it('pays the same price, with the tax of the destination in it', () => {
    const priced = priceIn({ policy, taxes: europe }, cart('RO'))
    expect(priced.lines[0]).toMatchObject({ unitPrice: 1000n, tax: 194n })
    expect(priced.taxTreatment.treatment).toBe('destination')
  })

  it('or the same without tax, where the merchant wants it so; sending costs what it costs there', () => {
    const priced = priceIn({ policy: { ...policy, foreign_tax: 'same_net' }, taxes: europe }, cart('RO'))
    // 10.00 / 1.19 * 1.24
    expect(priced.lines[0]).toMatchObject({ unitPrice: 1042n, listPrice: 1000n, subtotal: 1042n, tax: 202n })
    expect(priced.shipping).toMatchObject({ amount: 490n, tax: 95n })
    expect(priced.explanation[0]!.text).toBe('1 item at list price with the tax of the destination')
  })

  it('that is a business elsewhere in the EU pays neither tax, nor what is in the prices', () => {
    const vatId = { country: 'RO', number: 'RO18547290', valid: true }
    const priced = priceIn({ policy, taxes: europe }, cart('RO', { vatId }))
    expect(priced.taxTreatment).toMatchObject({ treatment: 'reverse_charge', note: expect.stringContaining('RO18547290') })
    expect(priced.lines[0]).toMatchObject({ unitPrice: 840n, tax: 0n })
    expect(priced.shipping).toMatchObject({ amount: 412n, tax: 0n })
    expect(priced.totals).toMatchObject({ tax: 0n, total: 1252n })
  })

  it('with a VAT id that does not hold pays tax', () => {
    const priced = priceIn({ policy, taxes: europe }, cart('RO', { vatId: { country: 'RO', number: 'RO1', valid: false } }))
    expect(priced.totals.tax).toBeGreaterThan(0n)
  })

  it('moves minimum prices with the prices', () => {
    const action = { type: 'fixed' as const, on: 'unit' as const, amount: 99_999, where: null }
    const lines = [line('download', 1190, 1, { minimumPrice: 595n })]
    const shop = { policy, taxes: europe, promotions: [promotion({ actions: [action] })] }
    const priced = priceIn(shop, { ...cart('RO', { vatId: { country: 'RO', number: 'RO18547290', valid: true } }), lines })
    expect(priced.lines[0]).toMatchObject({ unitPrice: 1000n, discount: 500n, total: 500n })
  })

  it('who is exempt pays prices without tax at home, too', () => {
    const customer = { id: 'c', groups: [], ordersCount: 0n, totalSpent: 0n, lastOrderAt: null, taxExempt: true, vatId: null }
    const priced = priceIn({ policy, taxes: europe }, cart('DE', { customer }))
    expect(priced.taxTreatment.treatment).toBe('exempt')
    expect(priced.totals).toMatchObject({ tax: 0n, subtotal: 840n, shipping: 412n })
  })
})

describe('shipping', () => {
  const cart = cartOf([line('book', 3000, 1, { taxCategory: 'reduced' }), line('mug', 1000)], { shipping: { method: PARCEL } })
  const taxOfShipping = (mode: string, policy: Shop['policy'] = {}) =>
    priceIn({ policy, taxes: { ...VAT, shipping: { mode, category: 'reduced' } as never } }, cart).shipping!.tax

  it('is taxed as the merchant says', () => {
    expect(taxOfShipping('none')).toBe(0n)
    expect(taxOfShipping('category')).toBe(34n)
    expect(taxOfShipping('highest')).toBe(93n)
    // Three quarters at 7 %, one at 19 %: 4.90 * 10 %
    expect(taxOfShipping('weighted')).toBe(49n)
    // 3.675 * 7/107 + 1.225 * 19/119
    expect(taxOfShipping('weighted', { prices_include_tax: true })).toBe(44n)
  })

  it('is split by list prices where all goods are free', () => {
    const free = promotion({ actions: [{ type: 'percentage', on: 'order', rate_ppm: 1_000_000, where: null }] })
    const priced = priceIn({ taxes: { ...VAT, shipping: { mode: 'weighted', category: 'reduced' } }, promotions: [free] }, cart)
    expect(priced.shipping).toMatchObject({ total: 539n, tax: 49n })
  })

  it('is taxed in the category of its method, where it has one', () => {
    const methods = [{ code: PARCEL, name: 'Parcel', tax_category: 'reduced', rate: { type: 'flat', amount: 490 } }]
    expect(priceIn({ taxes: VAT, shipping: { methods } }, cart).shipping!.tax).toBe(34n)
  })
})

describe('the taxes of a plugin', () => {
  const installed = { installId: 'install', plugin: 'odd', version: '2.1.0', note: null, estimated: false }
  const withTaxes = (taxes: Partial<NonNullable<PricingInput['plugins']['taxes']>>, policy: Shop['policy'] = {}) =>
    priceIn(
      { policy, taxes: VAT },
      cartOf([line('a', 1000), line('b', 1000)], {
        shipping: { method: PARCEL },
        plugins: { discounts: [], rates: [], notes: [], taxes: { ...installed, lines: {}, shipping: [], ...taxes } },
      }),
    )

  it('stand in place of the table', () => {
    const priced = withTaxes({
      lines: {
        a: [
          { name: 'State', ratePpm: 40_000n },
          { name: 'City', amount: 7n },
        ],
      },
      shipping: [{ name: 'State', ratePpm: 40_000n }],
    })
    expect(taxes(priced)).toEqual({ State: 40 + 20, City: 7 })
    expect(priced.lines.map(({ tax }) => tax)).toEqual([47n, 0n])
    expect(priced.adjustments.find(({ code }) => code === 'City')).toMatchObject({ installId: 'install', version: '2.1.0', ratePpm: null })
    expect(priced.taxTreatment).toEqual({ treatment: 'plugin', note: 'Taxes by odd 2.1.0.', estimated: false })
  })

  it('may leave the shipping to the table', () => {
    expect(withTaxes({ shipping: null }).shipping!.tax).toBe(93n)
  })

  it('inside a price are no more than the price', () => {
    const priced = withTaxes({ lines: { a: [{ name: 'Much', amount: 5_000n }] } }, { prices_include_tax: true })
    expect(priced.lines[0]).toMatchObject({ tax: 1000n, total: 1000n })
  })

  it.each([{ lines: { a: [{ name: 'Bad', amount: -1n }] } }, { lines: { a: [{ name: 'Bad', ratePpm: -1n }] } }])(
    'that are negative are refused',
    (bad) => {
      expect(() => withTaxes(bad)).toThrow(expect.objectContaining({ code: 'rule_result_invalid' }))
    },
  )

  it('say when they are estimated', () => {
    expect(withTaxes({ estimated: true }).taxTreatment.estimated).toBe(true)
  })
})
