import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addCoupon, addPromotion } from '../testing/promotions.ts'
import { assertRedeemed, type PromotionUse, redeemPromotions } from './redeem.ts'
import { returnRedemptions } from './return-redemptions.ts'

let shop: TestShop
let merchant: TestMerchant
// How often a claim was begun: more often than there are claims means that a transaction was run again.
let attempts = 0

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
  merchant = await shop.addMerchant()
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const NONE = { uses: null, usesPerCustomer: null, budget: null }

function use(promotionId: string, given: Partial<PromotionUse> = {}): PromotionUse {
  return { promotionId, version: 1, couponCode: null, amount: 100n, limits: NONE, ...given }
}

interface Buyer {
  customerKey?: string | null
  orderId?: string
  of?: TestMerchant
}

/** 'won', or the code of the refusal. */
async function redeem(uses: PromotionUse[], { customerKey = null, orderId = newId(), of = merchant }: Buyer = {}): Promise<string> {
  const work = of.inMerchant(async (tx) => {
    attempts += 1
    assertRedeemed(await redeemPromotions(tx, { orderId, customerKey, uses, now: new Date() }), uses)
  })
  return work.then(
    () => 'won',
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  )
}

async function count(outcomes: Promise<string>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.all(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

async function counter(subjectId: string, customerKey = '', of = merchant) {
  const [row] = await of.inMerchant.read(
    (tx) => tx.sql`
    select used, spent from usage_counter where merchant_id = ${tx.merchantId} and subject_id = ${subjectId} and customer_key = ${customerKey}`,
  )
  return row
}

async function redemptionsOf(promotionId: string): Promise<bigint> {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select count(*) as count from redemption where merchant_id = ${tx.merchantId} and promotion_id = ${promotionId} and state = 'claimed'`,
  )
  return row!.count
}

describe('the last use of a promotion', () => {
  it('goes to exactly one of two hundred buyers', async () => {
    const { id } = await addPromotion(merchant, { limits: { uses: 5, uses_per_customer: null, budget: null, budget_overrun: 'cap' } })
    const wanted = use(id, { limits: { ...NONE, uses: 5 } })
    for (let sold = 0; sold < 4; sold++) expect(await redeem([wanted])).toBe('won')
    attempts = 0
    const outcomes = await count(Array.from({ length: 200 }, () => redeem([wanted])))
    expect(outcomes).toEqual({ won: 1, promotion_used_up: 199 })
    expect(attempts).toBe(200)
    expect(await counter(id)).toEqual({ used: 5n, spent: 500n })
    expect(await redemptionsOf(id)).toBe(5n)
  })

  it('of a code that may be used once goes to exactly one', async () => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    const couponId = await addCoupon(merchant, { promotionId: id, code: 'LAST-ONE', usesMax: 1 })
    const outcomes = await count(Array.from({ length: 200 }, () => redeem([use(id, { couponCode: 'LAST-ONE' })])))
    expect(outcomes).toEqual({ won: 1, coupon_used_up: 199 })
    expect(await counter(couponId)).toEqual({ used: 1n, spent: 100n })
  })

  it('by one customer, who checks out in many windows at once, is one', async () => {
    const { id } = await addPromotion(merchant)
    const wanted = [use(id, { limits: { ...NONE, usesPerCustomer: 1 } })]
    const mine = Array.from({ length: 40 }, () => redeem(wanted, { customerKey: 'ada@buyer.example' }))
    const others = Array.from({ length: 10 }, (_, index) => redeem(wanted, { customerKey: `buyer-${index}@buyer.example` }))
    expect(await count(mine)).toEqual({ won: 1, promotion_used_up: 39 })
    expect(await count(others)).toEqual({ won: 10 })
    expect(await counter(id, 'ada@buyer.example')).toEqual({ used: 1n, spent: 100n })
    expect(await counter(id)).toBeUndefined()
  })

  it('of a code by one customer is one', async () => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    await addCoupon(merchant, { promotionId: id, code: 'EACH-ONCE', usesPerCustomer: 1 })
    const wanted = [use(id, { couponCode: 'EACH-ONCE' })]
    expect(await count(Array.from({ length: 20 }, () => redeem(wanted, { customerKey: 'ada' })))).toEqual({ won: 1, coupon_used_up: 19 })
    expect(await redeem(wanted, { customerKey: 'grace' })).toBe('won')
  })
})

describe('a budget', () => {
  it('is never exceeded, whatever the amounts', async () => {
    const { id } = await addPromotion(merchant)
    const limits = { ...NONE, budget: 10_000 }
    const amounts = Array.from({ length: 200 }, (_, index) => BigInt(1 + ((index * 37) % 199)))
    const outcomes = await Promise.all(amounts.map((amount) => redeem([use(id, { amount, limits })])))
    const spent = amounts.filter((_, index) => outcomes[index] === 'won').reduce((sum, amount) => sum + amount, 0n)
    expect(spent).toBeLessThanOrEqual(10_000n)
    expect(spent).toBeGreaterThan(10_000n - 199n)
    expect((await counter(id))!.spent).toBe(spent)
    expect(await redeem([use(id, { amount: 10_001n - spent, limits })])).toBe('promotion_used_up')
  })

  it('is not opened by a first use that is larger than all of it', async () => {
    const { id } = await addPromotion(merchant)
    expect(await redeem([use(id, { amount: 101n, limits: { ...NONE, budget: 100 } })])).toBe('promotion_used_up')
    expect(await counter(id)).toBeUndefined()
  })
})

describe('several promotions in one order', () => {
  it('are all redeemed or none', async () => {
    const [plenty, scarce] = [await addPromotion(merchant), await addPromotion(merchant)]
    const uses = [use(plenty.id, { limits: { ...NONE, uses: 100 } }), use(scarce.id, { limits: { ...NONE, uses: 1 } })]
    expect(await redeem(uses)).toBe('won')
    expect(await redeem(uses)).toBe('promotion_used_up')
    expect(await counter(plenty.id)).toMatchObject({ used: 1n })
    expect(await redemptionsOf(plenty.id)).toBe(1n)
  })

  it('in crossed order, with crossed customers, never deadlock', async () => {
    const promotions = await Promise.all([1, 2, 3, 4].map(() => addPromotion(merchant)))
    const uses = promotions.map(({ id }) => use(id, { limits: { uses: 120, usesPerCustomer: 60, budget: null } }))
    attempts = 0
    const orders = Array.from({ length: 200 }, (_, index) =>
      redeem(index % 2 ? uses : uses.toReversed(), { customerKey: `buyer-${index % 3}` }),
    )
    expect(await count(orders)).toEqual({ won: 120, promotion_used_up: 80 })
    expect(attempts).toBe(200)
    for (const { id } of promotions) expect(await counter(id)).toMatchObject({ used: 120n })
  })

  it('overlapping in part, used up at different moments, leave no use half counted', async () => {
    const promotions = await Promise.all([1, 2, 3].map(() => addPromotion(merchant)))
    const limits = [5, 20, 40]
    const orders = Array.from({ length: 120 }, (_, index) =>
      redeem(
        promotions
          .map(({ id }, place) => use(id, { limits: { ...NONE, uses: limits[place]! } }))
          .filter((_use, place) => (1 + (index % 7)) & (1 << place)),
      ),
    )
    await Promise.all(orders)
    for (const [place, { id }] of promotions.entries()) {
      const row = await counter(id)
      expect(row!.used).toBe(await redemptionsOf(id))
      expect(row!.used).toBeLessThanOrEqual(BigInt(limits[place]!))
    }
  })
})

describe('a use without limits', () => {
  it('is written down and counted nowhere', async () => {
    const { id } = await addPromotion(merchant)
    expect(await redeem([use(id)])).toBe('won')
    expect(await counter(id)).toBeUndefined()
    expect(await redemptionsOf(id)).toBe(1n)
  })
})

describe('a code', () => {
  it.each([
    ['that was disabled', { disabledAt: new Date() }],
    ['that has expired', { expiresAt: new Date(Date.now() - 1_000) }],
  ])('%s since the quote is refused', async (name, terms) => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    const code = `GONE-${name.length}`
    await addCoupon(merchant, { promotionId: id, code, ...terms })
    expect(await redeem([use(id, { couponCode: code })])).toBe('coupon_used_up')
    expect(await redemptionsOf(id)).toBe(0n)
  })

  it('of another promotion, or of another merchant, is refused', async () => {
    const stranger = await shop.addMerchant()
    const [one, other] = [await addPromotion(merchant, { trigger: 'coupon' }), await addPromotion(merchant, { trigger: 'coupon' })]
    await addCoupon(merchant, { promotionId: other.id, code: 'OF-OTHER' })
    expect(await redeem([use(one.id, { couponCode: 'OF-OTHER' })])).toBe('coupon_used_up')
    expect(await redeem([use(other.id, { couponCode: 'OF-OTHER' })], { of: stranger })).toBe('coupon_used_up')
  })

  it('is named in the refusal, with its promotion and no figure', async () => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    const uses = [use(id, { couponCode: 'NOBODYS' })]
    const refused = merchant.inMerchant(async (tx) => {
      assertRedeemed(await redeemPromotions(tx, { orderId: newId(), customerKey: null, uses, now: new Date() }), uses)
    })
    await expect(refused).rejects.toMatchObject({
      code: 'coupon_used_up',
      details: { extra: { promotion_ids: [id], coupon_codes: ['NOBODYS'] } },
    })
  })
})

describe('a cancelled order', () => {
  it('gives back what it used, once, however often and at once it is asked', async () => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    const couponId = await addCoupon(merchant, { promotionId: id, code: 'GIVE-BACK', usesMax: 3, usesPerCustomer: 1 })
    const limits = { uses: 3, usesPerCustomer: 1, budget: 1_000 }
    const orders = [newId(), newId(), newId()]
    for (const [index, orderId] of orders.entries())
      expect(await redeem([use(id, { couponCode: 'GIVE-BACK', limits })], { orderId, customerKey: `buyer-${index}` })).toBe('won')
    const returned = await Promise.all(
      Array.from({ length: 20 }, () => merchant.inMerchant((tx) => returnRedemptions(tx, orders[0]!, new Date()))),
    )
    expect(returned.filter((rows) => rows.length > 0)).toHaveLength(1)
    expect(await counter(id)).toEqual({ used: 2n, spent: 200n })
    expect(await counter(id, 'buyer-0')).toEqual({ used: 0n, spent: 0n })
    expect(await counter(couponId)).toEqual({ used: 2n, spent: 200n })
    expect(await counter(couponId, 'buyer-0')).toEqual({ used: 0n, spent: 0n })
    expect(await redeem([use(id, { couponCode: 'GIVE-BACK', limits })], { customerKey: 'buyer-0' })).toBe('won')
    expect(await redeem([use(id, { couponCode: 'GIVE-BACK', limits })], { customerKey: 'buyer-9' })).toBe('coupon_used_up')
  })

  it('gives back while others buy and cancel, without a deadlock, and what is left can be used', async () => {
    const promotions = await Promise.all([1, 2, 3].map(() => addPromotion(merchant)))
    const uses = promotions.map(({ id }) => use(id, { limits: { ...NONE, uses: 30 } }))
    const first = Array.from({ length: 30 }, () => newId())
    expect(await count(first.map((orderId) => redeem(uses, { orderId })))).toEqual({ won: 30 })
    attempts = 0
    const cancels = first.map((orderId) => merchant.inMerchant((tx) => returnRedemptions(tx, orderId, new Date())))
    const buyers = Array.from({ length: 100 }, (_, index) => redeem(index % 2 ? uses : uses.toReversed()))
    await Promise.all(cancels)
    const { won = 0 } = await count(buyers)
    expect(attempts).toBe(100)
    expect(won).toBeLessThanOrEqual(30)
    for (let more = won; more < 30; more++) expect(await redeem(uses)).toBe('won')
    expect(await redeem(uses)).toBe('promotion_used_up')
    expect(await counter(promotions[0]!.id)).toMatchObject({ used: 30n })
  })

  it("of another merchant's gives nothing back", async () => {
    const stranger = await shop.addMerchant()
    const { id } = await addPromotion(merchant)
    const orderId = newId()
    await redeem([use(id, { limits: { ...NONE, uses: 3 } })], { orderId })
    expect([...(await stranger.inMerchant((tx) => returnRedemptions(tx, orderId, new Date())))]).toEqual([])
    expect(await counter(id)).toMatchObject({ used: 1n })
  })
})

describe('limits that change', () => {
  it('count from what is used: a lower one refuses at once, a higher one opens again', async () => {
    const { id } = await addPromotion(merchant)
    const upTo = (uses: number) => redeem([use(id, { limits: { ...NONE, uses } })])
    for (let sold = 0; sold < 4; sold++) expect(await upTo(10)).toBe('won')
    expect(await upTo(3)).toBe('promotion_used_up')
    expect(await upTo(5)).toBe('won')
    expect(await upTo(5)).toBe('promotion_used_up')
    expect(await upTo(6)).toBe('won')
  })

  it("are one merchant's own: the same promotion id at another has its own counter", async () => {
    const stranger = await shop.addMerchant()
    const { id } = await addPromotion(merchant)
    await addPromotion(stranger, { id })
    const wanted = [use(id, { limits: { ...NONE, uses: 1 } })]
    const outcomes = await Promise.all([...Array(10)].flatMap(() => [redeem(wanted), redeem(wanted, { of: stranger })]))
    expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(2)
    expect(await counter(id)).toMatchObject({ used: 1n })
    expect(await counter(id, '', stranger)).toMatchObject({ used: 1n })
  })
})

describe('the invariant', () => {
  it('finds a counter that is not the sum of its redemptions, and a code that was used too often', async () => {
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    const couponId = await addCoupon(merchant, { promotionId: id, code: 'TAMPERED', usesMax: 1 })
    expect(await redeem([use(id, { couponCode: 'TAMPERED' })])).toBe('won')
    const found = async () =>
      (await checkInvariantsAtRest(shop.database.adminUrl)).find(({ invariant }) => invariant === '31_redemptions_within_limits')?.rows ??
      []
    expect(await found()).toEqual([])
    const setUsed = (used: bigint, spent = 100n * used) =>
      merchant.inMerchant(
        (tx) => tx.sql`
        update usage_counter set used = ${used}, spent = ${spent}, used_max = 9 where merchant_id = ${tx.merchantId} and subject_id = ${couponId}`,
      )
    await setUsed(0n)
    expect(await found()).toMatchObject([{ subject_id: couponId, used: '0', redeemed: '1' }])
    expect(await redeem([use(id, { couponCode: 'TAMPERED' })])).toBe('won')
    await setUsed(2n)
    expect(await found()).toMatchObject([{ subject_id: couponId, problem: 'a code was used more often than it may' }])
    await merchant.inMerchant(async (tx) => {
      await tx.sql`update redemption set state = 'returned', returned_at = now() where merchant_id = ${tx.merchantId} and coupon_id = ${couponId}`
    })
    await setUsed(0n)
    expect(await found()).toEqual([])
  })
})
