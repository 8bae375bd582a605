import { describe, expect, it } from 'vitest'
import type { PricedCart } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { rolloutBucket } from '../rollout.ts'
import { cartOf, line, outcomes, PARCEL, priceIn, promotion, promotionId, type Shop, when } from '../testing/shop.ts'

const tenPercent = [{ type: 'percentage' as const, on: 'order' as const, rate_ppm: 100_000, where: null }]
const ID = promotionId(0xabc)

function priced(given: Partial<PromotionDocumentInput>, overrides: Partial<PricingInput> = {}): PricedCart {
  const tenth = promotion({ id: ID, name: 'tenth', actions: tenPercent, ...given })
  return priceIn({ promotions: [tenth] }, cartOf([line('mug', 10_000)], overrides), 'full')
}

describe('a promotion', () => {
  it('applies when its conditions hold, and says why', () => {
    const result = priced({ conditions: when('cart.subtotal', 'greaterThanInclusive', 10_000) })
    expect(result.promotions[0]).toMatchObject({
      outcome: 'applied',
      amount: 1000n,
      words: 'It takes off 10.00 EUR: subtotal 100.00 EUR is at least 100.00 EUR.',
    })
  })

  it('does not when they fail, and says why', () => {
    const result = priced({ conditions: when('cart.subtotal', 'greaterThan', 10_000) })
    expect(result.promotions[0]).toMatchObject({ outcome: 'conditions_failed', amount: 0n, trace: { result: 'failed' } })
    expect(result.promotions[0]!.words).toMatch(/^Its conditions do not hold: subtotal 100.00 EUR .* 100.00 EUR\.$/)
    expect(result.totals.discount).toBe(0n)
  })

  it('runs by its schedule in the time zone of the merchant', () => {
    const schedule = { starts_at: '2026-11-21T13:00' }
    expect(outcomes(priced({ schedule }))).toEqual({ tenth: 'applied' })
    expect(outcomes(priced({ schedule }, { asOf: '2026-11-21T11:59:59.999Z' }))).toEqual({ tenth: 'not_scheduled' })
  })

  it('reaches the same part of buyers at every quote', () => {
    const buyers = Array.from({ length: 200 }, (_, index) => `buyer-${index}`)
    const reached = buyers.filter((stickyKey) => outcomes(priced({ rollout_ppm: 250_000 }, { stickyKey })).tenth === 'applied')
    expect(reached).toEqual(buyers.filter((buyer) => rolloutBucket(ID, buyer) < 250_000))
    expect(reached.length).toBeGreaterThan(25)
    expect(reached.length).toBeLessThan(80)
  })

  it('gives a new version to some buyers and leaves the version before it to the others', () => {
    const versions = [
      promotion({ id: ID, version: 1, name: 'old', actions: tenPercent, rollout_from_ppm: 300_000 }),
      promotion({ id: ID, version: 2, name: 'new', actions: tenPercent, rollout_ppm: 300_000 }),
    ]
    for (const stickyKey of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      const isNew = rolloutBucket(ID, stickyKey) < 300_000
      const result = priceIn({ promotions: versions }, cartOf([line('mug', 10_000)], { stickyKey }), 'full')
      expect(outcomes(result)).toEqual({ old: isNew ? 'outside_rollout' : 'applied', new: isNew ? 'applied' : 'outside_rollout' })
      expect(result.adjustments[0]).toMatchObject({ promotionId: ID, version: isNew ? 2 : 1 })
    }
  })
})

describe('a coupon', () => {
  const coupon = (state: PricingInput['coupons'][number]['state'], code = 'TENTH') => ({ code, promotionId: ID, state })

  it('brings its promotion', () => {
    const result = priced({ trigger: 'coupon' }, { coupons: [coupon('usable')] })
    expect(result.adjustments[0]).toMatchObject({ source: 'promotion', code: 'TENTH', promotionId: ID, amount: -1000n })
    expect(result.coupons).toEqual([{ code: 'TENTH', promotionId: ID, outcome: 'applied', words: 'It applies.' }])
  })

  it('is needed', () => {
    expect(outcomes(priced({ trigger: 'coupon' }))).toEqual({ tenth: 'coupon_missing' })
  })

  it.each(['unknown', 'used_up', 'expired', 'not_yet', 'other_customer', 'used_by_customer'] as const)(
    'that is %s brings nothing and says so',
    (state) => {
      const result = priced({ trigger: 'coupon' }, { coupons: [coupon(state)] })
      expect(result.totals.discount).toBe(0n)
      expect(result.coupons).toEqual([{ code: 'TENTH', promotionId: ID, outcome: state, words: expect.stringMatching(/code/) }])
    },
  )

  it('counts once, whoever enters two for the same promotion', () => {
    const result = priced({ trigger: 'coupon' }, { coupons: [coupon('usable', 'TWO'), coupon('usable', 'ONE')] })
    expect(result.totals.discount).toBe(1000n)
    expect(result.coupons.map(({ code, outcome }) => [code, outcome])).toEqual([
      ['ONE', 'applied'],
      ['TWO', 'excluded'],
    ])
  })

  it('says why its promotion does not apply', () => {
    const conditions = when('cart.quantity', 'greaterThan', 3)
    const [outcome] = priced({ trigger: 'coupon', conditions }, { coupons: [coupon('usable')] }).coupons
    expect(outcome).toMatchObject({ outcome: 'conditions_failed', words: expect.stringContaining('number of items 1') })
  })

  it('of a promotion that is not in the pricing says so', () => {
    const result = priceIn({}, cartOf([line('mug', 10_000)], { coupons: [coupon('usable')] }))
    expect(result.coupons).toEqual([{ code: 'TENTH', promotionId: ID, outcome: 'not_scheduled', words: expect.any(String) }])
  })
})

describe('limits', () => {
  const left = (usage: Partial<PricingInput['usage'][string]>) => ({
    usage: { [ID]: { usesLeft: null, usesLeftForCustomer: null, budgetLeft: null, ...usage } },
  })

  it('that are reached keep a promotion out', () => {
    for (const usage of [{ usesLeft: 0n }, { usesLeftForCustomer: 0n }, { budgetLeft: 0n }, { usesLeft: -1n }]) {
      const result = priced({}, left(usage))
      expect([outcomes(result), result.totals.discount]).toEqual([{ tenth: 'limit_reached' }, 0n])
    }
    expect(outcomes(priced({}, left({ usesLeft: 1n })))).toEqual({ tenth: 'applied' })
  })

  it('give the last buyer what is left of a budget', () => {
    const result = priced({ limits: { budget: 5_000, budget_overrun: 'cap' } }, left({ budgetLeft: 300n }))
    expect(result.promotions[0]).toMatchObject({ outcome: 'applied', amount: 300n })
  })

  it('give nothing of a budget that does not suffice, where the merchant wants it so, and let others apply instead', () => {
    const limits = { budget: 5_000, budget_overrun: 'refuse' as const }
    expect(priced({ limits }, left({ budgetLeft: 999n })).promotions[0]).toMatchObject({ outcome: 'limit_reached', amount: 0n })
    expect(priced({ limits }, left({ budgetLeft: 1000n })).promotions[0]).toMatchObject({ outcome: 'applied', amount: 1000n })

    const best = { mode: 'best' as const, group: null }
    const large = promotion({ id: ID, name: 'large', actions: tenPercent, limits, stacking: best })
    const small = promotion({ name: 'small', actions: [{ type: 'fixed', on: 'order', amount: 1, where: null }], stacking: best })
    const result = priceIn({ promotions: [large, small] }, cartOf([line('mug', 10_000)], left({ budgetLeft: 999n })))
    expect(outcomes(result)).toMatchObject({ small: 'applied' })
    expect(result.totals.discount).toBe(1n)
  })

  it('that a promotion passes only beside others make room for those it had beaten', () => {
    const best = { mode: 'best' as const, group: null }
    const fixed = (amount: number) => ({ type: 'fixed' as const, on: 'order' as const, amount, where: null })
    const freeShipping = { type: 'percentage' as const, on: 'shipping' as const, rate_ppm: 1_000_000, where: null }
    const promotions = [
      promotion({
        id: ID,
        name: 'strong',
        stacking: best,
        actions: [fixed(50), freeShipping],
        limits: { budget: 100, budget_overrun: 'refuse' },
      }),
      promotion({ name: 'weak', stacking: best, actions: [fixed(10)] }),
      promotion({ name: 'other', actions: [fixed(200)] }),
    ]
    const shop: Shop = {
      promotions,
      policy: { shipping_measures: 'discounted' },
      shipping: { methods: [{ code: PARCEL, name: 'Parcel', rate: { type: 'flat', amount: 490 }, free_from: 1_900 }] },
    }
    const cart = cartOf([line('mug', 2_000)], { shipping: { method: PARCEL }, ...left({ budgetLeft: 100n }) })
    // Alone, "strong" leaves enough for free shipping; beside "other" it would have to pay for it.
    expect(outcomes(priceIn(shop, cart))).toEqual({ strong: 'limit_reached', weak: 'applied', other: 'applied' })
    expect(outcomes(priceIn({ ...shop, promotions: promotions.slice(0, 2) }, cart))).toEqual({ strong: 'applied', weak: 'beaten' })
  })

  it('count all that a promotion does', () => {
    const actions = [...tenPercent, { type: 'fixed' as const, on: 'order' as const, amount: 500, where: null }]
    const result = priced({ actions, limits: { budget: 5_000 } }, left({ budgetLeft: 1_200n }))
    expect(result.totals.discount).toBe(1_200n)
  })
})

describe('a gift', () => {
  const { id: _id, quantity: _quantity, ...goods } = line('cap', 1500)
  const withCap = (available: boolean) =>
    priced({ name: 'cap', actions: [{ type: 'gift', variant_id: 'variant-cap', quantity: 2 }] }, { gifts: [{ ...goods, available }] })

  it('is a line of its own that costs nothing', () => {
    const result = withCap(true)
    expect(result.lines[1]).toMatchObject({
      id: `gift:${ID}:1`,
      kind: 'gift',
      variantId: 'variant-cap',
      quantity: 2n,
      listPrice: 1500n,
      unitPrice: 0n,
      subtotal: 0n,
      total: 0n,
    })
    expect(result.adjustments[0]).toMatchObject({
      promotionId: ID,
      amount: 0n,
      shares: [{ target: { lineId: `gift:${ID}:1` }, amount: 0n }],
    })
    expect(result.promotions[0]!.words).toBe('It adds a gift.')
    expect(result.totals.total).toBe(10_000n)
  })

  it('that is not to be had is not added', () => {
    expect(withCap(false).lines).toHaveLength(1)
    expect(outcomes(withCap(false))).toEqual({ cap: 'nothing_to_discount' })
  })
})

describe('a brief answer', () => {
  it('leaves out what nobody asked for', () => {
    const promotions = [
      promotion({ name: 'applied', actions: tenPercent }),
      promotion({ name: 'failed', actions: tenPercent, conditions: when('cart.quantity', 'greaterThan', 100) }),
      promotion({ name: 'missing', actions: tenPercent, trigger: 'coupon' }),
    ]
    const cart = cartOf([line('mug', 10_000)])
    const brief = priceIn({ promotions }, cart, 'brief')
    expect(outcomes(brief)).toEqual({ applied: 'applied' })
    expect(outcomes(priceIn({ promotions }, cart, 'full'))).toEqual({
      applied: 'applied',
      failed: 'conditions_failed',
      missing: 'coupon_missing',
    })
  })
})

describe('near misses', () => {
  it('say what little is missing, and nothing that is far', () => {
    const from = (amount: number, name: string) =>
      promotion({ name, actions: tenPercent, conditions: when('cart.subtotal', 'greaterThanInclusive', amount) })
    const result = priceIn({ promotions: [from(12_000, 'near'), from(90_000, 'far')] }, cartOf([line('mug', 10_000)]))
    expect(result.nearMisses).toEqual([{ promotionId: expect.any(String), words: 'Add 20.00 EUR more for “near”.' }])
  })
})
