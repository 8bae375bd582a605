import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addCoupon, addPromotion, promotionDocument, type TestCoupon } from '../testing/promotions.ts'
import { couponKey, randomCode, requireCouponKey } from './coupon-code.ts'
import { couponQueries, toCoupons, toUsage } from './coupon-lookup.ts'
import { customerKey } from './customer-key.ts'
import { livePromotionsQuery, toLivePromotions } from './live-promotions.ts'
import { redeemPromotions } from './redeem.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
})
afterAll(() => shop.close())

const NOW = new Date('2026-05-01T12:00:00Z')
const ADA = newId()

async function lookUp(codes: string[], buyer: { customerId?: string; email?: string } = {}, of = merchant) {
  const known = { customerId: buyer.customerId ?? null, email: buyer.email ?? null }
  const [coupons, usage] = await of.inMerchant.read((tx) => Promise.all(couponQueries(tx, { codes, customerKey: customerKey(known) })))
  return { coupons: toCoupons(coupons, codes, { ...known, now: NOW }), usage }
}

describe('the form in which codes are compared', () => {
  it.each([
    ['Save-10', 'SAVE-10'],
    ['  save 10 ', 'SAVE10'],
    ['\tsave10\r\n', 'SAVE10'],
    ['save\u201110', 'SAVE-10'],
    ['ＳＡＶＥ１０', 'SAVE10'],
    ['straße', 'STRASSE'],
    ['sommer_2026.ä', 'SOMMER_2026.Ä'],
  ])('%j is %j', (code, key) => {
    expect(couponKey(code)).toBe(key)
  })

  it.each(['', '   ', 'a\u0000b', 'a\u200bb', 'a\u202eb', 'x'.repeat(65), '<b>', "'; --", '\ud800', 'x'.repeat(100_000)])(
    '%j cannot be a code',
    (code) => {
      expect(couponKey(code)).toBeUndefined()
      expect(() => requireCouponKey('/code', code)).toThrow(expect.objectContaining({ code: 'coupon_code_invalid' }))
    },
  )

  it('is what generated codes have already, and no two are alike', () => {
    const codes = Array.from({ length: 2_000 }, () => randomCode('VIP-', 8))
    for (const code of codes) expect(couponKey(code)).toBe(code)
    expect(codes[0]).toMatch(/^VIP-[2-9A-HJ-KMNP-TV-Z]{8}$/)
    expect(new Set(codes).size).toBe(2_000)
  })
})

describe('a code', () => {
  let promotionId: string
  beforeAll(async () => {
    promotionId = (await addPromotion(merchant, { trigger: 'coupon' })).id
  })

  const cases: [string, Omit<TestCoupon, 'promotionId' | 'code'>, { customerId?: string; email?: string }, string][] = [
    ['OPEN', {}, {}, 'usable'],
    ['LATER', { startsAt: new Date('2026-05-01T12:00:01Z') }, {}, 'not_yet'],
    ['STARTED', { startsAt: NOW }, {}, 'usable'],
    ['OVER', { expiresAt: NOW }, {}, 'expired'],
    ['NEARLY-OVER', { expiresAt: new Date('2026-05-01T12:00:01Z') }, {}, 'usable'],
    ['DISABLED', { disabledAt: NOW }, {}, 'expired'],
    ['ADAS', { customerId: ADA }, { customerId: ADA }, 'usable'],
    ['ADAS-NOT-MINE', { customerId: ADA }, { customerId: newId() }, 'other_customer'],
    ['ADAS-GUEST', { customerId: ADA }, {}, 'other_customer'],
    ['BY-MAIL', { customerEmail: 'ada@buyer.example' }, { email: ' Ada@Buyer.example ' }, 'usable'],
    ['BY-MAIL-ACCOUNT', { customerEmail: 'ada@buyer.example' }, { customerId: ADA, email: 'ada@buyer.example' }, 'usable'],
    ['BY-OTHER-MAIL', { customerEmail: 'ada@buyer.example' }, { email: 'eve@buyer.example' }, 'other_customer'],
  ]
  it.each(cases)('%s with %j is for a buyer with %j: %s', async (code, terms, buyer, state) => {
    await addCoupon(merchant, { promotionId, code, ...terms })
    expect((await lookUp([code], buyer)).coupons).toEqual([{ code, promotionId, state }])
  })

  it('is used up for all, or for one customer', async () => {
    await addCoupon(merchant, { promotionId, code: 'TWICE', usesMax: 2, usesPerCustomer: 1 })
    const use = (email: string) =>
      merchant.inMerchant(async (tx) => {
        const limits = { uses: null, usesPerCustomer: null, budget: null }
        const uses = [{ promotionId, version: 1, couponCode: 'TWICE', amount: 1n, limits }]
        await redeemPromotions(tx, { orderId: newId(), customerKey: email, uses, now: NOW })
      })
    await use('ada@buyer.example')
    const stateFor = async (email: string) => (await lookUp(['TWICE'], { email })).coupons[0]!.state
    expect(await stateFor('ada@buyer.example')).toBe('used_by_customer')
    expect(await stateFor('eve@buyer.example')).toBe('usable')
    await use('eve@buyer.example')
    expect(await stateFor('grace@buyer.example')).toBe('used_up')
  })

  it('of nobody, of a draft and of another merchant is unknown; of a promotion that was turned off it is over', async () => {
    const [draft, off] = [await addPromotion(merchant, { trigger: 'coupon' }), await addPromotion(merchant, { trigger: 'coupon' })]
    await addCoupon(merchant, { promotionId: draft.id, code: 'OF-DRAFT' })
    await addCoupon(merchant, { promotionId: off.id, code: 'OF-OFF' })
    await setState(draft.id, 'draft')
    await setState(off.id, 'off')
    const { coupons } = await lookUp(['NOBODYS', 'OF-DRAFT', 'OF-OFF'])
    expect(coupons.map((coupon) => coupon.state)).toEqual(['unknown', 'unknown', 'expired'])
    expect(coupons[1]!.promotionId).toBeNull()
    expect((await lookUp(['OPEN'], {}, other)).coupons).toEqual([{ code: 'OPEN', promotionId: null, state: 'unknown' }])
  })

  it('can be looked for by a subquery, in the flight that finds it', async () => {
    const rows = await merchant.inMerchant.read((tx) => {
      const queries = couponQueries(tx, { codes: tx.sql`(select array['OPEN', 'NOPE'])`, customerKey: tx.sql`(select null::text)` })
      return Promise.all(queries)
    })
    expect(toCoupons(rows[0], ['OPEN', 'NOPE'], { customerId: null, email: null, now: NOW }).map(({ state }) => state)).toEqual([
      'usable',
      'unknown',
    ])
  })
})

async function setState(id: string, state: 'draft' | 'off') {
  await merchant.inMerchant(
    (tx) => tx.sql`
    update promotion set state = ${state}, live_version = null, rollout_ppm = 0 where merchant_id = ${tx.merchantId} and id = ${id}`,
  )
}

describe('what is left of limits', () => {
  it('is counted for all and for the customer, and said for promotions that have limits alone', async () => {
    const limits = { uses: 10, uses_per_customer: 2, budget: 250, budget_overrun: 'cap' as const }
    const [limited, free] = [await addPromotion(other, { limits }), await addPromotion(other)]
    const claim = { uses: 10, usesPerCustomer: 2, budget: 250 }
    for (const email of ['ada@buyer.example', 'eve@buyer.example'])
      await other.inMerchant(async (tx) => {
        const uses = [{ promotionId: limited.id, version: 1, couponCode: null, amount: 120n, limits: claim }]
        await redeemPromotions(tx, { orderId: newId(), customerKey: email, uses, now: NOW })
      })
    const { usage } = await lookUp([], { email: 'ada@buyer.example' }, other)
    expect(toUsage(usage, [limited, free], 'cart')).toEqual({
      [limited.id]: { usesLeft: 8n, usesLeftForCustomer: 1n, budgetLeft: 10n },
    })
    const nobody = await lookUp([], {}, other)
    expect(toUsage(nobody.usage, [limited], 'cart')[limited.id]).toMatchObject({ usesLeft: 8n, usesLeftForCustomer: 2n })
  })

  it('never goes below zero when a limit was lowered', () => {
    const document = promotionDocument({ limits: { uses: 3, uses_per_customer: null, budget: null, budget_overrun: 'cap' } })
    const rows = [{ promotion_id: document.id, customer_key: '', used: 5n, spent: 0n }]
    expect(toUsage(rows, [document], 'cart')[document.id]!.usesLeft).toBe(0n)
  })

  it('is that of the version which the buyer gets', () => {
    const of = (uses: number) => ({ uses, uses_per_customer: null, budget: null, budget_overrun: 'cap' as const })
    const candidate = promotionDocument({ version: 2, limits: of(5), rollout_ppm: 500_000 })
    const base = { ...candidate, version: 1, limits: of(50), rollout_from_ppm: 500_000, rollout_ppm: 1_000_000 }
    const left = Array.from({ length: 100 }, (_, index) => toUsage([], [candidate, base], `cart-${index}`)[base.id]!.usesLeft)
    expect(new Set(left)).toEqual(new Set([5n, 50n]))
  })
})

describe('promotions in force', () => {
  it('are those that are live, with the share of buyers each version is for', async () => {
    const shopper = await shop.addMerchant()
    const [one, two] = [await addPromotion(shopper, { name: 'One' }), await addPromotion(shopper, { name: 'Two', version: 1 })]
    await shopper.inMerchant(async (tx) => {
      await tx.sql`
        insert into promotion_version (merchant_id, promotion_id, version, document, warnings, author, reason)
        select merchant_id, promotion_id, 2, document || '{"version": 2}', warnings, author, reason from promotion_version
        where merchant_id = ${tx.merchantId} and promotion_id = ${two.id}`
      await tx.sql`
        update promotion set live_version = 2, base_version = 1, rollout_ppm = 250000 where merchant_id = ${tx.merchantId} and id = ${two.id}`
    })
    const live = toLivePromotions(await shopper.inMerchant.read((tx) => livePromotionsQuery(tx)))
    const told = live.map((document) => [document.name, document.version, document.rollout_from_ppm, document.rollout_ppm])
    expect(told.filter(([name]) => name === 'One')).toEqual([['One', 1, 0, 1_000_000]])
    expect(told.filter(([name]) => name === 'Two')).toEqual([
      ['Two', 1, 250_000, 1_000_000],
      ['Two', 2, 0, 250_000],
    ])
    expect(live.find((document) => document.id === one.id)).toEqual(one)
    await shopper.inMerchant(
      (tx) =>
        tx.sql`update promotion set state = 'off', live_version = null, base_version = null, rollout_ppm = 0 where merchant_id = ${tx.merchantId}`,
    )
    expect(toLivePromotions(await shopper.inMerchant.read((tx) => livePromotionsQuery(tx)))).toEqual([])
  })
})
