import fc from 'fast-check'
import { expect, it } from 'vitest'
import { divideHalfUp } from '../money.ts'
import { compilePricing } from './compile-pricing.ts'
import { priceCart } from './price-cart.ts'
import { pricingVersion } from './pricing-document.ts'
import type { PricingInput as PricingInputV1 } from './pricing-input-v1.ts'
import { storePricing } from './stored-form.ts'
import { readStoredPricing } from './upgrade-pricing-input.ts'

it('gives a stored cart of version 1 the totals it always had', () => {
  fc.assert(
    fc.property(arbitraryV1(), (old) => {
      const { input, document } = readStoredPricing(JSON.parse(storePricing(old)))
      expect(input.pricingVersion).toBe(pricingVersion(document!))
      const { subtotal, discount, shipping, tax, taxIncluded, total } = priceCart(input, compilePricing(document!)).totals
      expect({ subtotal, discount, shipping, tax, taxIncluded, total }).toEqual(totalsOfVersion1(old))
    }),
  )
})

it('reads what it writes', () => {
  const { input } = readStoredPricing(JSON.parse(storePricing(fc.sample(arbitraryV1(), { seed: 1, numRuns: 1 })[0])))
  expect(readStoredPricing(JSON.parse(storePricing(input)))).toEqual({ input, document: null })
})

it('refuses what is no pricing input', () => {
  for (const stored of [null, 1, {}, { version: 3 }, { version: 2, lines: [] }]) expect(() => readStoredPricing(stored)).toThrow()
})

/** What the price function of version 1 answered: tax half up per line and once for the shipping, no discounts. */
function totalsOfVersion1({ lines, policy, shipping, tax }: PricingInputV1) {
  const taxIncluded = policy.pricesIncludeTax
  const taxOf = (amount: bigint) => divideHalfUp(amount * tax.ratePpm, taxIncluded ? 1_000_000n + tax.ratePpm : 1_000_000n)
  const subtotal = lines.reduce((sum, { unitPrice, quantity }) => sum + unitPrice * quantity, 0n)
  const sent = shipping && lines.some((line) => line.requiresShipping) ? shipping.amount : 0n
  const ofLines = lines.reduce((sum, line) => sum + (line.taxable ? taxOf(line.unitPrice * line.quantity) : 0n), 0n)
  const taxes = ofLines + (tax.appliesToShipping ? taxOf(sent) : 0n)
  return { subtotal, discount: 0n, shipping: sent, tax: taxes, taxIncluded, total: subtotal + sent + (taxIncluded ? 0n : taxes) }
}

function arbitraryV1(): fc.Arbitrary<PricingInputV1> {
  const line = fc.record({
    unitPrice: fc.bigInt({ min: 0n, max: 10n ** 7n }),
    quantity: fc.bigInt({ min: 1n, max: 99n }),
    taxable: fc.boolean(),
    requiresShipping: fc.boolean(),
  })
  return fc
    .record({
      lines: fc.array(line, { minLength: 1, maxLength: 8 }),
      pricesIncludeTax: fc.boolean(),
      shipping: fc.option(fc.bigInt({ min: 0n, max: 10_000n })),
      ratePpm: fc.bigInt({ min: 0n, max: 400_000n }),
      appliesToShipping: fc.boolean(),
    })
    .map(({ lines, pricesIncludeTax, shipping, ratePpm, appliesToShipping }) => ({
      version: 1,
      currency: 'EUR',
      policy: { pricesIncludeTax, rounding: 'half_up', taxRoundedPer: 'line' },
      lines: lines.map((each, index) => ({ ...each, id: `l${index}`, variantId: `v${index}`, productId: `p${index}` })),
      shipping: shipping === null ? null : { code: 'flat', name: 'Parcel', amount: shipping },
      tax: { name: 'VAT', ratePpm, appliesToShipping },
    }))
}
