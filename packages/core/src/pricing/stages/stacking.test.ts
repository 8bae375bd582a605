import { describe, expect, it } from 'vitest'
import type { PricedCart } from '../priced-cart.ts'
import type { PricingInput } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { cartOf, line, outcomes, PARCEL, priceIn, promotion, when } from '../testing/shop.ts'

const percentOff = (percent: number, on: 'line' | 'order' | 'shipping' = 'order') => [
  { type: 'percentage' as const, on, rate_ppm: percent * 10_000, where: null },
]
const amountOff = (amount: number) => [{ type: 'fixed' as const, on: 'order' as const, amount, where: null }]

function priced(promotions: PromotionDocumentInput[], overrides: Partial<PricingInput> = {}): PricedCart {
  return priceIn({ promotions }, cartOf([line('mug', 10_000)], { shipping: { method: PARCEL }, ...overrides }))
}

describe('promotions that stack', () => {
  it('come by priority, each off what the ones before left', () => {
    const percent = (priority: number) => promotion({ priority, actions: percentOff(20) })
    const amount = (priority: number) => promotion({ priority, actions: amountOff(1000) })
    expect(priced([percent(9), amount(1)]).totals.discount).toBe(2000n + 1000n)
    expect(priced([percent(1), amount(9)]).totals.discount).toBe(1000n + 1800n)
  })

  it('come in the order of their ids where the priority is the same', () => {
    const first = promotion({ name: 'first', actions: percentOff(20) })
    const second = promotion({ name: 'second', actions: amountOff(1000) })
    expect(priced([second, first]).promotions.map(({ name }) => name)).toEqual(['first', 'second'])
    expect(priced([second, first]).totals.discount).toBe(3000n)
  })

  it('come to lines first, then to the order, whatever their priority', () => {
    const order = promotion({ priority: 9, actions: amountOff(1000) })
    const ofLine = promotion({ priority: 1, actions: percentOff(20, 'line') })
    expect(priced([order, ofLine]).totals.discount).toBe(2000n + 1000n)
  })

  it('may keep off lines that are reduced already', () => {
    const skipping = promotion({ actions: percentOff(10), stacking: { mode: 'stack', group: null, discounted_lines: 'skip' } })
    const mugs = promotion({ priority: 200, actions: [{ ...percentOff(50, 'line')[0]!, where: when('line.tags', 'contains', 'mug') }] })
    const cart = cartOf([line('mug', 1000), line('pen', 1000), line('sold', 1000, 1, { compareAtPrice: 2000n })])
    const { lines } = priceIn({ promotions: [mugs, skipping] }, cart)
    expect(lines.map(({ discount }) => discount)).toEqual([500n, 100n, 0n])
  })

  it('that skip reduced lines do not skip what they reduced themselves', () => {
    const twice = promotion({
      actions: [...percentOff(10, 'line'), ...percentOff(10)],
      stacking: { mode: 'stack', group: null, discounted_lines: 'skip' },
    })
    expect(priced([twice]).totals.discount).toBe(1000n + 900n)
  })
})

describe('an exclusive promotion', () => {
  const exclusive = (name: string, given: Partial<PromotionDocumentInput> = {}, group: string | null = null) =>
    promotion({ name, priority: 1, actions: percentOff(5), stacking: { mode: 'exclusive', group }, ...given })

  it('that does nothing by itself does nothing beside others either', () => {
    const gift = promotion({ name: 'gift', actions: [{ type: 'gift', variant_id: 'variant-cap', quantity: 1 }] })
    const { quantity: _, ...cap } = line('cap', 800)
    const shipping = exclusive('shipping', { actions: percentOff(10, 'shipping') })
    const result = priced([gift, shipping], { lines: [], gifts: [{ ...cap, available: true }] })
    expect(outcomes(result)).toEqual({ gift: 'applied', shipping: 'nothing_to_discount' })
  })

  it('keeps all others out, also those of a higher priority', () => {
    const result = priced([promotion({ name: 'other', priority: 900, actions: percentOff(50) }), exclusive('only')])
    expect(outcomes(result)).toEqual({ other: 'excluded', only: 'applied' })
    expect(result.promotions[0]).toMatchObject({
      beatenBy: result.promotions[1]!.promotionId,
      words: 'It does not go together with “only”.',
    })
    expect(result.totals.discount).toBe(500n)
  })

  it('of several, the one of the highest priority stays', () => {
    expect(outcomes(priced([exclusive('low'), exclusive('high', { priority: 2 })]))).toEqual({ low: 'excluded', high: 'applied' })
  })

  it('that does not apply keeps nothing out', () => {
    const never = exclusive('only', { conditions: when('cart.quantity', 'greaterThan', 100) })
    const nothing = exclusive('nothing', {
      actions: [{ type: 'fixed', on: 'order', amount: 100, where: when('line.tags', 'contains', 'none') }],
    })
    expect(outcomes(priced([promotion({ name: 'other', actions: percentOff(50) }), never, nothing]))).toEqual({
      other: 'applied',
      nothing: 'nothing_to_discount',
    })
  })

  it('with a group keeps only those of its group out', () => {
    const inGroup = promotion({ name: 'in', actions: percentOff(50), stacking: { mode: 'stack', group: 'season' } })
    const outside = promotion({ name: 'out', actions: percentOff(1), stacking: { mode: 'stack', group: 'other' } })
    expect(outcomes(priced([inGroup, outside, exclusive('only', {}, 'season')]))).toEqual({
      in: 'excluded',
      out: 'applied',
      only: 'applied',
    })
  })
})

describe('the best of a group', () => {
  const rival = (name: string, actions: PromotionDocumentInput['actions'], group: string | null = 'season') =>
    promotion({ name, actions, stacking: { mode: 'best', group } })

  it('is the one that takes off most by itself', () => {
    const result = priced([rival('percent', percentOff(10)), rival('amount', amountOff(1200))])
    expect(outcomes(result)).toEqual({ percent: 'beaten', amount: 'applied' })
    expect(result.promotions[0]!.words).toBe('“amount” takes off more, and only one of them applies.')
  })

  it('is the first of equals', () => {
    expect(outcomes(priced([rival('a', percentOff(10)), rival('b', amountOff(1000))]))).toEqual({ a: 'applied', b: 'beaten' })
  })

  it('leaves promotions of other groups and those that stack alone', () => {
    const result = priced([
      rival('a', percentOff(1)),
      rival('b', percentOff(2)),
      rival('c', percentOff(3), 'other'),
      promotion({ name: 'd', actions: percentOff(4) }),
    ])
    expect(outcomes(result)).toEqual({ a: 'beaten', b: 'applied', c: 'applied', d: 'applied' })
  })

  it('weighs shipping and gifts, too', () => {
    const gift = { ...line('gift', 700), available: true }
    const { id: _id, quantity: _quantity, ...goods } = gift
    const rivals = [
      rival('shipping', percentOff(100, 'shipping')),
      rival('gift', [{ type: 'gift', variant_id: 'variant-gift', quantity: 1 }]),
      rival('amount', amountOff(600)),
    ]
    expect(outcomes(priced(rivals, { gifts: [goods] }))).toEqual({ shipping: 'beaten', gift: 'applied', amount: 'beaten' })
    expect(outcomes(priced(rivals, { gifts: [] }))).toMatchObject({ amount: 'applied' })
  })
})

describe('conditions on what is left', () => {
  it('are looked at when the turn of the promotion comes', () => {
    const over = (amount: number) => when('cart.discounted_subtotal', 'greaterThanInclusive', amount)
    const half = promotion({ name: 'half', priority: 900, actions: percentOff(50, 'line') })
    const large = promotion({ name: 'large', conditions: over(5001), actions: amountOff(100) })
    const small = promotion({ name: 'small', conditions: over(5000), actions: amountOff(100) })
    const result = priceIn({ promotions: [half, large, small] }, cartOf([line('mug', 10_000)]), 'full')
    expect(outcomes(result)).toEqual({ half: 'applied', large: 'conditions_failed', small: 'applied' })
    expect(result.promotions[1]!.trace).toMatchObject({ of: [{ actual: 5000, expected: 5001, result: 'failed' }] })
  })

  it('are looked at once: what a promotion itself takes off does not undo it', () => {
    const actions = [...percentOff(50, 'line'), ...percentOff(50)]
    const half = promotion({ actions, conditions: when('cart.discounted_subtotal', 'greaterThanInclusive', 10_000) })
    expect(priced([half]).totals.discount).toBe(5000n + 2500n)
  })
})
