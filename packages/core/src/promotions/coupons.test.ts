import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../audit/list-audit.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPromotion } from '../testing/promotions.ts'
import { batchById, codesOf, couponById, listBatches, listCoupons } from './coupon.ts'
import { couponQueries, toCoupons } from './coupon-lookup.ts'
import { CHUNK_CODES_MAX, disableBatch, generateCoupons, type NewCouponBatch, openBatch, unfinishedBatches } from './generate-coupons.ts'
import { redeemPromotions } from './redeem.ts'
import { createCoupon, disableCoupon, type NewCoupon } from './save-coupon.ts'
import { couponUsage, promotionUsage } from './usage-figures.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant
let promotionId: string

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
  promotionId = (await addPromotion(merchant, { trigger: 'coupon' })).id
})
afterAll(() => shop.close())

const change = () => ({ actor: { kind: 'staff', id: newId() } as const, now: new Date(), reason: 'for the newsletter' })
const NO_TERMS = { usesMax: null, usesPerCustomer: null, startsAt: null, expiresAt: null }

function add(given: Partial<NewCoupon> & { code: string }, of = merchant) {
  const coupon = { promotionId, customerId: null, customerEmail: null, ...NO_TERMS, ...given }
  return of.inMerchant((tx) => createCoupon(tx, coupon, change()))
}

async function faultOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => new Error('not refused'),
    (thrown: unknown) => thrown as Error,
  )
  if (!(error instanceof Refusal)) throw error
  return [error.code, ...(error.details.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`)]
}

async function stateOf(code: string): Promise<string> {
  const [rows] = await merchant.inMerchant.read((tx) => Promise.all(couponQueries(tx, { codes: [code], customerKey: null })))
  return toCoupons(rows, [code], { customerId: null, email: null, now: new Date() })[0]!.state
}

describe('a single code', () => {
  it('is kept as it was written and found in any spelling', async () => {
    const made = await add({ code: ' Welcome 10 ' })
    expect(made).toMatchObject({ code: 'Welcome 10', codeKey: 'WELCOME10', disabledAt: null })
    const { coupons } = await merchant.inMerchant.read((tx) => listCoupons(tx, { code: 'WELCOME10' }, { limit: 2 }))
    expect(coupons).toEqual([made])
    expect(await stateOf('WELCOME10')).toBe('usable')
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId: made.id }, { limit: 2 }))
    expect(entries).toMatchObject([{ action: 'coupon.created', reason: 'for the newsletter' }])
  })

  it('is one code in all its spellings, also when it is added by several at once', async () => {
    const outcomes = await Promise.allSettled(['Twice', 'TWICE', 'tw ice'].map((code) => add({ code })))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    expect(await faultOf(add({ code: 'twice' }))).toEqual(['duplicate', '/code duplicate'])
    const ofOther = (await addPromotion(other, { trigger: 'coupon' })).id
    expect((await add({ code: 'TWICE', promotionId: ofOther }, other)).codeKey).toBe('TWICE')
  })

  it('is refused with terms that do not fit, each named by its place', async () => {
    const automatic = (await addPromotion(merchant)).id
    const day = (date: string) => new Date(`${date}T00:00:00Z`)
    expect(await faultOf(add({ code: 'no spaces?\u200b' }))).toEqual(['coupon_code_invalid', '/code coupon_code_invalid'])
    expect(await faultOf(add({ code: 'A', promotionId: automatic }))).toEqual(['promotion_invalid', '/promotion_id not_by_coupon'])
    expect(await faultOf(add({ code: 'A', usesMax: 0, usesPerCustomer: 1.5 }))).toEqual([
      'promotion_invalid',
      '/uses_max quantity_out_of_range',
      '/uses_per_customer quantity_out_of_range',
    ])
    expect(await faultOf(add({ code: 'A', startsAt: day('2026-05-02'), expiresAt: day('2026-05-02') }))).toEqual([
      'promotion_invalid',
      '/expires_at ends_before_start',
    ])
    expect(await faultOf(add({ code: 'A', promotionId: newId() }))).toEqual(['not_found'])
    expect(await faultOf(add({ code: 'A', customerId: newId() }))).toEqual(['promotion_invalid', '/customer_id not_found'])
  })

  it("is for a customer of the merchant's own, or for an address", async () => {
    const customer = async (of: TestMerchant) => {
      const id = newId()
      await of.inMerchant(
        (tx) => tx.sql`insert into customer (merchant_id, id, email) values (${tx.merchantId}, ${id}, ${`${id}@buyer.example`})`,
      )
      return id
    }
    const [mine, theirs] = [await customer(merchant), await customer(other)]
    expect(await add({ code: 'FOR-ONE', customerId: mine })).toMatchObject({ customerId: mine })
    expect(await faultOf(add({ code: 'FOR-NONE', customerId: theirs }))).toEqual(['promotion_invalid', '/customer_id not_found'])
    expect(await add({ code: 'BY-MAIL', customerEmail: 'Ada@Buyer.example' })).toMatchObject({ customerEmail: 'ada@buyer.example' })
  })

  it('can be taken out of use, once, and not by another merchant', async () => {
    const { id } = await add({ code: 'LEAKED' })
    expect(await faultOf(other.inMerchant((tx) => disableCoupon(tx, id, change())))).toEqual(['not_found'])
    const first = await merchant.inMerchant((tx) => disableCoupon(tx, id, change()))
    expect(await merchant.inMerchant((tx) => disableCoupon(tx, id, change()))).toEqual(first)
    expect(await stateOf('LEAKED')).toBe('expired')
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId: id, action: 'coupon.disabled' }, { limit: 5 }))
    expect(entries).toHaveLength(1)
  })
})

describe('a batch of codes', () => {
  const ask = (given: Partial<NewCouponBatch> = {}, of = merchant) =>
    of.inMerchant((tx) =>
      openBatch(
        tx,
        { promotionId, name: 'Spring', prefix: 'spring-', codeLength: 10, quantity: 5, ...NO_TERMS, usesMax: 1, ...given },
        change(),
      ),
    )

  async function allCodes(batchId: string): Promise<string[]> {
    const codes: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await merchant.inMerchant.read((tx) => codesOf(tx, batchId, { limit: 1_000, after }))
      codes.push(...page.map((coupon) => coupon.codeKey))
      after = page.at(-1)?.id
      if (page.length < 1_000) return codes
    }
  }

  it('is made by its job, with its terms on every code', async () => {
    const expiresAt = new Date('2099-01-01T00:00:00Z')
    const batch = await ask({ usesPerCustomer: 1, expiresAt })
    expect(batch).toMatchObject({ status: 'queued', generated: 0, prefix: 'SPRING-' })
    await generateCoupons(merchant.inMerchant, { batchId: batch.id })
    const done = await merchant.inMerchant.read((tx) => batchById(tx, batch.id))
    expect(done).toMatchObject({ status: 'done', generated: 5, finishedAt: expect.any(Date) })
    const { coupons } = await merchant.inMerchant.read((tx) => listCoupons(tx, { batchId: batch.id }, { limit: 10 }))
    expect(coupons).toHaveLength(5)
    for (const coupon of coupons) {
      expect(coupon).toMatchObject({ promotionId, batchId: batch.id, usesMax: 1n, usesPerCustomer: 1n, expiresAt, disabledAt: null })
      expect(coupon.code).toMatch(/^SPRING-[2-9A-HJ-KMNP-TV-Z]{10}$/)
      expect(await stateOf(coupon.codeKey)).toBe('usable')
    }
  })

  it('goes on after a crash at any of its transactions, and ends with as many codes as were asked for', async () => {
    const quantity = 2 * CHUNK_CODES_MAX + 3
    for (const moment of ['before', 'after'] as const) {
      for (let boundary = 1; ; boundary++) {
        const { id: batchId } = await ask({ quantity })
        const outcome = await generateCoupons(failAt(merchant.inMerchant, boundary, moment), { batchId }).then(
          () => 'done',
          (error: Error) => error.message,
        )
        expect(await merchant.inMerchant.read((tx) => unfinishedBatches(tx))).toEqual(outcome === 'done' ? [] : await unfinished(batchId))
        await generateCoupons(merchant.inMerchant, { batchId })
        expect(await merchant.inMerchant.read((tx) => batchById(tx, batchId))).toMatchObject({ status: 'done', generated: quantity })
        expect(new Set(await allCodes(batchId)).size).toBe(quantity)
        if (outcome === 'done') {
          // three chunks, and the look that finds nothing left
          expect(boundary).toBe(5)
          break
        }
        expect(outcome).toBe('killed')
      }
    }
  })

  async function unfinished(batchId: string): Promise<string[]> {
    const { status } = await merchant.inMerchant.read((tx) => batchById(tx, batchId))
    return status === 'done' ? [] : [batchId]
  }

  it('is made once by two runs at once', async () => {
    const { id: batchId } = await ask({ quantity: 3 * CHUNK_CODES_MAX })
    await Promise.all([1, 2, 3].map(() => generateCoupons(merchant.inMerchant, { batchId })))
    expect(new Set(await allCodes(batchId)).size).toBe(3 * CHUNK_CODES_MAX)
  })

  it('waits its turn when enough are under way, also when they are asked for at once', async () => {
    const shopper = await shop.addMerchant()
    const own = (await addPromotion(shopper, { trigger: 'coupon' })).id
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => ask({ promotionId: own }, shopper)))
    const refused = asked.filter((outcome) => outcome.status === 'rejected')
    expect(refused.map((outcome) => (outcome as PromiseRejectedResult).reason.code)).toEqual(Array(3).fill('too_many_in_progress'))
  })

  it.each<[string, Partial<NewCouponBatch>, string]>([
    ['too many codes', { quantity: 100_001 }, '/quantity quantity_out_of_range'],
    ['none', { quantity: 0 }, '/quantity quantity_out_of_range'],
    ['codes that can be guessed', { codeLength: 7 }, '/code_length quantity_out_of_range'],
    ['codes that nobody types', { codeLength: 33 }, '/code_length quantity_out_of_range'],
    ['a prefix that is none', { prefix: '<b>' }, '/prefix coupon_code_invalid'],
    ['a long prefix', { prefix: 'x'.repeat(25) }, '/prefix coupon_code_invalid'],
  ])('is refused for %s', async (_name, given, fault) => {
    expect(((await faultOf(ask(given))) as string[])[1]).toBe(fault)
  })

  it('is taken out of use as a whole, with what is still to be made', async () => {
    const { id: batchId } = await ask({ quantity: CHUNK_CODES_MAX + 1 })
    const stopped = generateCoupons(
      merchant.inMerchant,
      { batchId },
      {
        onChunk: () => {
          throw new Error('killed')
        },
      },
    )
    await expect(stopped).rejects.toThrow('killed')
    const [before] = await allCodes(batchId)
    await merchant.inMerchant((tx) => disableBatch(tx, batchId, change()))
    await generateCoupons(merchant.inMerchant, { batchId })
    const codes = await allCodes(batchId)
    const [after] = codes.filter((code) => code !== before)
    expect([await stateOf(before!), await stateOf(after!)]).toEqual(['expired', 'expired'])
    const { coupons } = await merchant.inMerchant.read((tx) => listCoupons(tx, { batchId }, { limit: 1 }))
    expect(coupons[0]!.disabledAt).toEqual(expect.any(Date))
    expect(await faultOf(other.inMerchant((tx) => disableBatch(tx, batchId, change())))).toEqual(['not_found'])
  })

  it('is listed with the others of its promotion, the newest first', async () => {
    const own = (await addPromotion(merchant, { trigger: 'coupon' })).id
    const ids = [(await ask({ promotionId: own })).id, (await ask({ promotionId: own })).id]
    const first = await merchant.inMerchant.read((tx) => listBatches(tx, { promotionId: own }, { limit: 1 }))
    const second = await merchant.inMerchant.read((tx) => listBatches(tx, { promotionId: own }, { limit: 1, before: first.next! }))
    expect([...first.batches, ...second.batches].map((batch) => batch.id)).toEqual(ids.toReversed())
    expect((await other.inMerchant.read((tx) => listBatches(tx, { promotionId: own }, { limit: 1 }))).batches).toEqual([])
  })
})

describe('usage figures', () => {
  it('say how often a promotion and a code were used, and what that cost', async () => {
    const limits = { uses: 10, uses_per_customer: null, budget: null, budget_overrun: 'cap' as const }
    const { id } = await addPromotion(merchant, { trigger: 'coupon', limits })
    const coupon = await add({ code: 'FIGURES', promotionId: id })
    const claim = { uses: 10, usesPerCustomer: null, budget: null }
    for (const amount of [300n, 200n])
      await merchant.inMerchant(async (tx) => {
        const uses = [{ promotionId: id, version: 1, couponCode: 'FIGURES', amount, limits: claim }]
        await redeemPromotions(tx, { orderId: newId(), customerKey: null, uses, now: new Date() })
      })
    expect(await merchant.inMerchant.read((tx) => promotionUsage(tx, id))).toEqual({
      currency: 'EUR',
      uses: 2n,
      amount: 500n,
      byVersion: [{ version: 1, uses: 2n, amount: 500n }],
      counted: { uses: 2n, amount: 500n },
      limits,
    })
    expect(await merchant.inMerchant.read((tx) => couponUsage(tx, coupon.id))).toEqual({ uses: 2n, amount: 500n })
    expect(await faultOf(other.inMerchant.read((tx) => couponUsage(tx, coupon.id)))).toEqual(['not_found'])
    expect(await merchant.inMerchant.read((tx) => couponById(tx, coupon.id))).toEqual(coupon)
  })
})

/** The door, which fails at the nth transaction: before its work, or after its commit. */
function failAt(inMerchant: InMerchant, boundary: number, moment: 'before' | 'after'): InMerchant {
  let transactions = 0
  const failing = async (work: Parameters<InMerchant>[0]) => {
    transactions += 1
    const fails = transactions === boundary
    if (fails && moment === 'before') throw new Error('killed')
    const outcome = await inMerchant(work)
    if (fails) throw new Error('killed')
    return outcome
  }
  return Object.assign(failing, inMerchant) as InMerchant
}
