import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePricing } from './compile-pricing.ts'
import { priceCart } from './price-cart.ts'
import type { Adjustment, PricedCart, ShareTarget } from './priced-cart.ts'
import { type PricingInput, readPricingInput } from './pricing-input.ts'
import { readCharged } from './read-charged.ts'
import { type Refund, type RefundShares, refundShares } from './refund-shares.ts'
import { shippingOptions } from './shipping-options.ts'
import { storePricing } from './stored-form.ts'
import { arbitraryPricing } from './testing/arbitrary-pricing.ts'
import { documentOf, type Shop } from './testing/shop.ts'

const RUNS = { numRuns: 200 }
const REDUCTIONS = ['promotion', 'plugin', 'manual']

function always(law: (priced: PricedCart, cart: PricingInput, shop: Shop) => void): void {
  fc.assert(
    fc.property(arbitraryPricing(), ({ shop, cart }) => {
      law(priceCart(cart, compilePricing(documentOf(shop)), 'full'), cart, shop)
    }),
    RUNS,
  )
}

describe('any cart in any shop', () => {
  it('adds up: shares to adjustments, adjustments to lines and shipping, these to totals', () => {
    always((priced) => {
      const { lines, shipping, totals, adjustments } = priced
      for (const { amount, shares } of adjustments) expect(sum(shares.map((share) => share.amount))).toBe(amount)
      for (const line of lines) {
        expect(line.subtotal).toBe(line.unitPrice * line.quantity)
        expect(line.discount).toBe(-ofTarget(adjustments, REDUCTIONS, { lineId: line.id }))
        expect(line.tax).toBe(ofTarget(adjustments, ['tax'], { lineId: line.id }))
        expect(line.total).toBe(line.subtotal - line.discount + (totals.taxIncluded ? 0n : line.tax))
        expect(sum(line.pieces.map(({ quantity, amount }) => quantity * amount))).toBe(line.subtotal - line.discount)
        expect(sum(line.pieces.map(({ quantity }) => quantity))).toBe(line.quantity)
      }
      expect(totals.shippingDiscount).toBe(-ofTarget(adjustments, REDUCTIONS, { shipping: true }))
      expect(totals.shipping).toBe(ofTarget(adjustments, ['shipping'], { shipping: true }))
      expect(totals.subtotal).toBe(sum(lines.map((line) => line.subtotal)))
      expect(totals.discount).toBe(-sum(adjustments.filter(isReduction).map(({ amount }) => amount)))
      expect(totals.tax).toBe(sum(adjustments.filter(({ source }) => source === 'tax').map(({ amount }) => amount)))
      expect(totals.total).toBe(totals.subtotal - totals.discount + totals.shipping + (totals.taxIncluded ? 0n : totals.tax))
      expect(totals.total).toBe(sum(lines.map((line) => line.total)) + (shipping?.total ?? 0n))
    })
  })

  it('takes off no more than there is, and no piece below its minimum price', () => {
    always(({ lines, shipping, totals, adjustments }, cart) => {
      for (const line of lines) {
        const floor = cart.lines.find(({ id }) => id === line.id)?.minimumPrice ?? 0n
        // Foreign tax moves the minimum price as it moves the price.
        const lowest = line.unitPrice === line.listPrice ? smaller(floor, line.unitPrice) : 0n
        for (const { amount } of line.pieces) expect(amount >= lowest && amount <= line.unitPrice).toBe(true)
        expect(line.tax >= 0n && line.total >= 0n).toBe(true)
      }
      expect(shipping === null || (shipping.discount >= 0n && shipping.discount <= shipping.amount && shipping.total >= 0n)).toBe(true)
      expect(totals.total >= 0n).toBe(true)
      for (const { source, shares } of adjustments) {
        for (const { amount } of shares) expect(isReduction({ source }) ? amount <= 0n : amount >= 0n).toBe(true)
      }
    })
  })

  it('says of each promotion what its adjustments say, within its budget', () => {
    always(({ promotions, adjustments }, cart) => {
      for (const { promotionId, version, outcome, amount } of promotions) {
        const own = adjustments.filter((adjustment) => adjustment.promotionId === promotionId && adjustment.version === version)
        expect(-sum(own.map((adjustment) => adjustment.amount))).toBe(amount)
        if (outcome !== 'applied') expect(own).toEqual([])
        const budgetLeft = cart.usage[promotionId]?.budgetLeft ?? null
        if (budgetLeft !== null) expect(amount <= budgetLeft).toBe(true)
        if (cart.usage[promotionId]?.usesLeft === 0n) expect(outcome).not.toBe('applied')
      }
    })
  })

  it('lets nothing apply beside an exclusive promotion, and one of the best of a group', () => {
    always(({ promotions }, _cart, shop) => {
      const applied = promotions.filter(({ outcome }) => outcome === 'applied')
      const stackings = applied.map(({ promotionId }) => shop.promotions!.find(({ id }) => id === promotionId)!.stacking)
      for (const { mode, group } of stackings) {
        const inGroup = stackings.filter((other) => other.group === group)
        if (mode === 'exclusive') expect(group === null ? stackings.length : inGroup.length).toBe(1)
        if (mode === 'best') expect(inGroup.filter((other) => other.mode === 'best').length).toBe(1)
      }
    })
  })

  it('gives the same bytes whatever order things lie in, twice, and after being stored', () => {
    fc.assert(
      fc.property(arbitraryPricing(), fc.integer(), ({ shop, cart }, seed) => {
        const bytes = storePricing(priceCart(cart, compilePricing(documentOf(shop)), 'full'))
        expect(storePricing(priceCart(cart, compilePricing(documentOf(shop)), 'full'))).toBe(bytes)
        const turned = (given: PricingInput): PricingInput => ({
          ...given,
          lines: shuffled(given.lines, seed).map((line) => ({ ...line, tags: shuffled(line.tags, seed) })),
          coupons: shuffled(given.coupons, seed),
          customer: given.customer && { ...given.customer, groups: shuffled(given.customer.groups, seed) },
          usage: Object.fromEntries(shuffled(Object.entries(given.usage), seed)),
        })
        const other = { ...shop, promotions: shuffled(shop.promotions ?? [], seed) }
        expect(storePricing(priceCart(turned(cart), compilePricing(documentOf(other)), 'full'))).toBe(bytes)
        const read = readPricingInput(JSON.parse(storePricing(cart)))
        expect(storePricing(priceCart(read, compilePricing(documentOf(JSON.parse(JSON.stringify(shop)))), 'full'))).toBe(bytes)
      }),
      RUNS,
    )
  })

  it('changes nothing of what it was given', () => {
    fc.assert(
      fc.property(arbitraryPricing(), ({ shop, cart }) => {
        const rules = compilePricing(documentOf(shop))
        const before = [storePricing(cart), storePricing(rules.document)]
        priceCart(deepFrozen(cart), rules)
        expect([storePricing(cart), storePricing(rules.document)]).toEqual(before)
      }),
      RUNS,
    )
  })

  it('has the price of the chosen way of sending that it offered', () => {
    fc.assert(
      fc.property(arbitraryPricing(), ({ shop, cart }) => {
        const rules = compilePricing(documentOf(shop))
        const offered = shippingOptions(cart, rules)
        for (const { code, amount, discountedAmount, available } of offered) {
          const { shipping, shippingProblem } = priceCart({ ...cart, shipping: { method: code } }, rules)
          expect(shippingProblem === null).toBe(available)
          const { amount: asked, discount } = shipping ?? { amount: 0n, discount: 0n }
          expect([asked, asked - discount]).toEqual([amount, discountedAmount])
        }
      }),
      RUNS,
    )
  })
})

describe('refunds', () => {
  it('give back exactly what was paid, of every share, in whatever order and portions', () => {
    fc.assert(
      fc.property(arbitraryPricing(), fc.infiniteStream(fc.nat()), ({ shop, cart }, numbers) => {
        const charged = readCharged(JSON.parse(storePricing(priceCart(cart, compilePricing(documentOf(shop))))))
        const draw = (below: number) => numbers.next().value! % below
        const refunds: RefundShares[] = []
        let before: Refund = { lines: [], shipping: 0n }
        for (;;) {
          const next = nextRefund(charged, before, draw)
          if (next === null) break
          refunds.push(refundShares(charged, next, before))
          before = { lines: [...before.lines, ...next.lines], shipping: before.shipping + next.shipping }
        }
        for (const { amount, lines, shipping } of refunds) {
          expect([amount, ...lines.map((line) => line.amount), shipping.amount].every((each) => each >= 0n)).toBe(true)
        }
        const paid = sum(charged.lines.map(({ total }) => total)) + (charged.shipping?.total ?? 0n)
        expect(sum(refunds.map(({ amount }) => amount))).toBe(paid)
        for (const { source, code, reason, shares } of charged.adjustments) {
          const parts = refunds.flatMap(({ lines, shipping }) => [...lines, shipping].flatMap((each) => each.parts))
          const same = charged.adjustments.filter((other) => other.source === source && other.code === code && other.reason === reason)
          if (same.length > 1) continue
          const own = parts.filter((part) => part.source === source && part.code === code && part.reason === reason)
          const free = charged.shipping?.total === 0n ? shares.filter(({ target }) => 'shipping' in target) : []
          expect(sum(own.map(({ amount }) => amount))).toBe(sum(shares.map(({ amount }) => amount)) - sum(free.map(({ amount }) => amount)))
        }
      }),
      RUNS,
    )
  })
})

/** Some pieces of some lines, and some of the shipping, of what has not been refunded yet; null when all has. */
function nextRefund(charged: ReturnType<typeof readCharged>, before: Refund, draw: (below: number) => number): Refund | null {
  const left = charged.lines
    .map(({ id, quantity }) => ({
      id,
      left: quantity - sum(before.lines.filter(({ lineId }) => lineId === id).map((line) => line.quantity)),
    }))
    .filter((line) => line.left > 0n)
  const shippingLeft = (charged.shipping?.total ?? 0n) - before.shipping
  if (left.length === 0 && shippingLeft === 0n) return null
  const chosen = left.filter(() => draw(2) === 0)
  const lines = (chosen.length > 0 || shippingLeft > 0n ? chosen : left).map(({ id, left: most }) => ({
    lineId: id,
    quantity: BigInt(1 + draw(Number(most))),
  }))
  return { lines, shipping: left.length === 0 ? shippingLeft : BigInt(draw(Number(shippingLeft) + 1)) }
}

function isReduction({ source }: Pick<Adjustment, 'source'>): boolean {
  return REDUCTIONS.includes(source)
}

function ofTarget(adjustments: readonly Adjustment[], sources: readonly string[], target: ShareTarget): bigint {
  const shares = adjustments.filter(({ source }) => sources.includes(source)).flatMap((adjustment) => adjustment.shares)
  return sum(shares.filter((share) => JSON.stringify(share.target) === JSON.stringify(target)).map(({ amount }) => amount))
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}

function smaller(a: bigint, b: bigint): bigint {
  return [a, b].sort((x, y) => Number(x - y))[0]!
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  return items
    .map((item, index) => ({ item, key: Math.imul(index + 1, seed | 1) >>> 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

function deepFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFrozen)
  return value
}
