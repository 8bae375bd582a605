import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../audit/list-audit.ts'
import { createCart } from '../cart/change-cart.ts'
import { newId } from '../ids.ts'
import { compilePricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricingDocument } from '../pricing/pricing-document.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { cartOf, documentOf, line, promotion } from '../pricing/testing/shop.ts'
import type { PromotionDraft } from '../promotions/check-promotion.ts'
import { versionOf } from '../promotions/promotion.ts'
import { createPromotion } from '../promotions/save-promotion.ts'
import { Refusal } from '../refusal.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPromotion, promotionDocument } from '../testing/promotions.ts'
import { type DryRun, dryRunById, listDifferences, listDryRuns } from './dry-run.ts'
import { CHUNK_ORDERS_MAX, runDryRun, unfinishedDryRuns } from './run-dry-run.ts'
import { DRY_RUNS_KEPT_MAX, dryRunOnCarts, dryRunOnOrders } from './start-dry-run.ts'

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

const STAFF = { kind: 'staff', id: newId() } as const
const change = () => ({ actor: STAFF, now: new Date(), reason: 'try it' })
const TEN_OFF_FROM_FIFTY = {
  conditions: { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 }] },
}

async function addDraft(merchant: TestMerchant, given: object = {}): Promise<string> {
  const { id: _id, version: _version, rollout_ppm: _to, rollout_from_ppm: _from, ...rest } = promotionDocument()
  const saved = await merchant.inMerchant((tx) => createPromotion(tx, { ...rest, ...given } as PromotionDraft, change()))
  return saved.promotion.id
}

/** Orders as a checkout leaves them, numbered on: one for each input. */
async function addOrders(merchant: TestMerchant, inputs: PricingInput[], document: PricingDocument = documentOf()): Promise<string[]> {
  const rules = compilePricing(document)
  const ids: string[] = []
  await merchant.inMerchant(async (tx) => {
    await tx.sql`
      insert into pricing_version (merchant_id, hash, document)
      values (${tx.merchantId}, ${rules.version}, ${JSON.stringify(document)}::jsonb) on conflict do nothing`
    for (const input of inputs) {
      const { totals } = priceCart(input, rules)
      const id = newId()
      ids.push(id)
      await tx.sql`
        with counter as (update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId} returning order_number)
        insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, subtotal,
          discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result, pricing_version)
        select ${tx.merchantId}::uuid, ${id}::uuid, order_number, ${newId()}::uuid, 'placed', 'pending', 'unfulfilled', 'EUR', 'a@b.example',
          ${totals.subtotal}::bigint, ${totals.discount}::bigint, ${totals.shipping}::bigint, ${totals.tax}::bigint, ${totals.taxIncluded}::boolean,
          ${totals.total}::bigint, ${storePricing({ ...input, pricingVersion: rules.version })}::jsonb, '{}'::jsonb, ${rules.version}
        from counter`
    }
  })
  return ids
}

function onOrders(merchant: TestMerchant, promotionId: string, orders: number, version = 1): Promise<DryRun> {
  return merchant.inMerchant((tx) => dryRunOnOrders(tx, { promotionId, version, orders, actor: STAFF, now: new Date() }))
}

async function differencesOf(merchant: TestMerchant, dryRunId: string, limit = 20) {
  return (await merchant.inMerchant.read((tx) => listDifferences(tx, dryRunId, { limit }))).differences
}

describe('a dry run on past orders', () => {
  it('says which totals would change, by how much, and how much in all', async () => {
    const merchant = await shop.addMerchant()
    const [small, large, larger] = await addOrders(merchant, [
      cartOf([line('a', 4_999)]),
      cartOf([line('a', 5_000)]),
      cartOf([line('a', 5_000, 3)]),
    ])
    const promotionId = await addDraft(merchant, TEN_OFF_FROM_FIFTY)
    const run = await onOrders(merchant, promotionId, 100)
    expect(run).toMatchObject({ status: 'done', source: 'orders', considered: 3n, changed: 2n, skipped: 0n })
    expect([run.totalBefore, run.totalAfter]).toEqual([24_999n, 22_999n])
    const differences = await differencesOf(merchant, run.id)
    expect(differences.map((each) => [each.subjectId, each.orderNumber, each.totalBefore, each.totalAfter, each.magnitude])).toEqual([
      [larger, 3n, 15_000n, 13_500n, 1_500n],
      [large, 2n, 5_000n, 4_500n, 500n],
    ])
    expect(differences[0]!.explanation).toEqual({
      before: [],
      after: [{ promotion_id: promotionId, version: 1, name: 'Ten off', amount: 1_500 }],
    })
    expect(differences.map((each) => each.subjectId)).not.toContain(small)
  })

  it('lets its version be published, and is in the audit log', async () => {
    const merchant = await shop.addMerchant()
    const promotionId = await addDraft(merchant)
    expect((await merchant.inMerchant.read((tx) => versionOf(tx, promotionId, 1))).stage).toBe('draft')
    await onOrders(merchant, promotionId, 10)
    expect((await merchant.inMerchant.read((tx) => versionOf(tx, promotionId, 1))).stage).toBe('dry_run')
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId: promotionId }, { limit: 1 }))
    expect(entries).toMatchObject([{ action: 'promotion.dry_run_finished', actor: STAFF, after: { version: 1, considered: 0 } }])
  })

  it('prices each order with the pricing of its day: promotions of then, and no other version of the same one', async () => {
    const merchant = await shop.addMerchant()
    const promotionId = await addDraft(merchant)
    const { document } = await merchant.inMerchant.read((tx) => versionOf(tx, promotionId, 1))
    const before = { ...document, actions: [{ ...document.actions[0]!, rate_ppm: 300_000 } as (typeof document.actions)[number]] }
    const five = promotion({ actions: [{ type: 'fixed', on: 'order', amount: 500, where: null }], priority: 900, name: 'Five off' })
    await addOrders(merchant, [cartOf([line('a', 10_000)])], documentOf({ promotions: [before, five] }))
    await addOrders(merchant, [cartOf([line('a', 10_000)])])
    const run = await onOrders(merchant, promotionId, 10)
    const differences = await differencesOf(merchant, run.id)
    expect(differences.map((each) => [each.orderNumber, each.totalBefore, each.totalAfter])).toEqual([
      [1n, 6_650n, 8_550n],
      [2n, 10_000n, 9_000n],
    ])
    expect(differences[0]!.explanation.after.map((part) => part.name)).toEqual(['Five off', 'Ten off'])
  })

  it('tries a version as if it were in force: whatever its schedule and limits, and with its code', async () => {
    const merchant = await shop.addMerchant()
    await addOrders(merchant, [cartOf([line('a', 1_000)]), cartOf([line('a', 1_000)])])
    const promotionId = await addDraft(merchant, {
      trigger: 'coupon',
      schedule: { starts_at: '2099-01-01T00:00' },
      limits: { uses: 1, budget: 1 },
    })
    expect(await onOrders(merchant, promotionId, 10)).toMatchObject({ changed: 2n, totalBefore: 2_000n, totalAfter: 1_800n })
  })

  it('gives away what would have been given away', async () => {
    const merchant = await shop.addMerchant()
    const { variantId } = await addGoods(merchant, { onHand: 5n })
    await addOrders(merchant, [cartOf([line('a', 1_000)])])
    const promotionId = await addDraft(merchant, { actions: [{ type: 'gift', variant_id: variantId, quantity: 1 }] })
    const run = await onOrders(merchant, promotionId, 10)
    expect(run).toMatchObject({ changed: 1n, totalBefore: 1_000n, totalAfter: 1_000n })
    expect((await differencesOf(merchant, run.id))[0]).toMatchObject({ magnitude: 0n, totalAfter: 1_000n })
  })

  it('looks at the last so many, not at cancelled ones, and skips what cannot be priced again', async () => {
    const merchant = await shop.addMerchant()
    const ids = await addOrders(
      merchant,
      Array.from({ length: 6 }, () => cartOf([line('a', 1_000)])),
    )
    await merchant.inMerchant(async (tx) => {
      await tx.sql`update orders set status = 'cancelled', cancelled_at = now() where merchant_id = ${tx.merchantId} and id = ${ids[5]!}`
      await tx.sql`
        update orders set pricing_input = pricing_input || ${JSON.stringify({ pricingVersion: '0'.repeat(64) })}::jsonb
        where merchant_id = ${tx.merchantId} and id = ${ids[4]!}`
      await tx.sql`update orders set pricing_input = '{"version": 7}' where merchant_id = ${tx.merchantId} and id = ${ids[3]!}`
    })
    const run = await onOrders(merchant, await addDraft(merchant), 4)
    expect(run).toMatchObject({ considered: 2n, skipped: 2n, changed: 2n })
    expect((await differencesOf(merchant, run.id)).map((each) => each.orderNumber).sort()).toEqual([2n, 3n])
  })

  it('reads orders of the first form too', async () => {
    const merchant = await shop.addMerchant()
    const [id] = await addOrders(merchant, [cartOf([line('a', 1_190)])])
    const first = {
      version: 1,
      currency: 'EUR',
      policy: { pricesIncludeTax: true, rounding: 'half_up', taxRoundedPer: 'line' },
      lines: [{ id: 'l', variantId: 'v', productId: 'p', quantity: 1, unitPrice: 1_190, taxable: true, requiresShipping: true }],
      shipping: { code: 'flat', name: 'Standard', amount: 490 },
      tax: { name: 'Tax', ratePpm: 190_000, appliesToShipping: true },
    }
    await merchant.inMerchant(
      (tx) =>
        tx.sql`update orders set pricing_input = ${JSON.stringify(first)}::jsonb where merchant_id = ${tx.merchantId} and id = ${id!}`,
    )
    expect(await onOrders(merchant, await addDraft(merchant), 5)).toMatchObject({ totalBefore: 1_680n, totalAfter: 1_561n })
  })
})

describe('a large dry run', () => {
  const ORDERS = 2 * CHUNK_ORDERS_MAX + 50
  let merchant: TestMerchant
  let promotionId: string
  beforeAll(async () => {
    merchant = await shop.addMerchant()
    await addOrders(
      merchant,
      Array.from({ length: ORDERS }, (_, index) => cartOf([line('a', 4_000 + 10 * index)])),
    )
    promotionId = await addDraft(merchant, TEN_OFF_FROM_FIFTY)
  })

  const expected = {
    status: 'done',
    considered: BigInt(ORDERS),
    changed: BigInt(ORDERS - 100),
    totalBefore: BigInt(ORDERS * 4_000 + 10 * ((ORDERS * (ORDERS - 1)) / 2)),
  }

  it('is left to a job, and shows the greatest differences first', async () => {
    const run = await onOrders(merchant, promotionId, 1_000)
    expect(run).toMatchObject({ status: 'queued', considered: 0n })
    expect(await merchant.inMerchant.read((tx) => unfinishedDryRuns(tx))).toEqual([run.id])
    await runDryRun(merchant.inMerchant, { dryRunId: run.id })
    const done = await merchant.inMerchant.read((tx) => dryRunById(tx, run.id))
    expect(done).toMatchObject(expected)
    expect(await merchant.inMerchant.read((tx) => unfinishedDryRuns(tx))).toEqual([])
    const first = await merchant.inMerchant.read((tx) => listDifferences(tx, run.id, { limit: 20 }))
    const second = await merchant.inMerchant.read((tx) => listDifferences(tx, run.id, { limit: 20, after: first.next! }))
    const numbers = [...first.differences, ...second.differences].map((each) => Number(each.orderNumber))
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => ORDERS - index))
  })

  it('looks at no order that was placed after it began', async () => {
    const run = await onOrders(merchant, promotionId, 1_000)
    const ids = await addOrders(merchant, [cartOf([line('a', 100_000)])])
    await runDryRun(merchant.inMerchant, { dryRunId: run.id })
    expect(await merchant.inMerchant.read((tx) => dryRunById(tx, run.id))).toMatchObject(expected)
    await merchant.inMerchant(async (tx) => {
      await tx.sql`update orders set status = 'cancelled', cancelled_at = now() where merchant_id = ${tx.merchantId} and id = ${ids[0]!}`
    })
  })

  it.each(['before', 'after'] as const)('that is killed %s any of its commits goes on there and finds the same', async (moment) => {
    for (let boundary = 1; ; boundary++) {
      const run = await onOrders(merchant, promotionId, 1_000)
      const outcome = await runDryRun(failAt(merchant.inMerchant, boundary, moment), { dryRunId: run.id }).then(
        () => 'done',
        (error: Error) => error.message,
      )
      await runDryRun(merchant.inMerchant, { dryRunId: run.id })
      expect(await merchant.inMerchant.read((tx) => dryRunById(tx, run.id))).toMatchObject(expected)
      if (outcome === 'done') {
        expect(boundary).toBe(4)
        break
      }
      expect(outcome).toBe('killed')
    }
  })

  it('that two workers make at once counts every order once', async () => {
    const run = await onOrders(merchant, promotionId, 1_000)
    await Promise.all([1, 2, 3].map(() => runDryRun(merchant.inMerchant, { dryRunId: run.id })))
    expect(await merchant.inMerchant.read((tx) => dryRunById(tx, run.id))).toMatchObject(expected)
  })
})

describe('a dry run on carts', () => {
  it('compares them as they are now, with the promotions in force', async () => {
    const merchant = await shop.addMerchant({ pricesIncludeTax: true })
    const { variantId } = await addGoods(merchant, { price: 10_000n })
    const live = await addPromotion(merchant, { name: 'In force', actions: [{ type: 'fixed', on: 'order', amount: 1_000, where: null }] })
    const carts: string[] = []
    for (const quantity of [1n, 2n])
      carts.push((await merchant.inMerchant((tx) => createCart(tx, { lines: [{ variantId, quantity }], details: {}, now: new Date() }))).id)
    const promotionId = await addDraft(merchant, { priority: 1 })
    const asked = { promotionId, version: 1, actor: STAFF, now: new Date() }
    const run = await merchant.inMerchant((tx) => dryRunOnCarts(tx, { ...asked, cartIds: [...carts, carts[0]!] }))
    expect(run).toMatchObject({ status: 'done', source: 'carts', sample: 2, considered: 2n, changed: 2n })
    const differences = await differencesOf(merchant, run.id)
    expect(differences.map((each) => [each.subjectId, each.orderNumber, each.discountBefore, each.discountAfter])).toEqual([
      [carts[1], null, 1_000n, 2_900n],
      [carts[0], null, 1_000n, 1_900n],
    ])
    expect(differences[0]!.explanation.before.map((part) => part.promotion_id)).toEqual([live.id])
    const other = await shop.addMerchant()
    const theirs = await addDraft(other)
    const foreign = other.inMerchant((tx) => dryRunOnCarts(tx, { ...asked, promotionId: theirs, cartIds: [carts[0]!] }))
    await expect(foreign).rejects.toMatchObject({ code: 'not_found', details: { errors: [{ pointer: '/cart_ids/0' }] } })
  })
})

describe('limits of dry runs', () => {
  it('refuse what is too much, and what is not there', async () => {
    const [merchant, other] = [await shop.addMerchant(), await shop.addMerchant()]
    const [promotionId, theirs] = [await addDraft(merchant), await addDraft(other)]
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'done',
        (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
      )
    expect(await codeOf(onOrders(merchant, promotionId, 1_001))).toBe('quantity_out_of_range')
    expect(await codeOf(onOrders(merchant, promotionId, 0))).toBe('quantity_out_of_range')
    expect(await codeOf(onOrders(merchant, promotionId, 10, 2))).toBe('not_found')
    expect(await codeOf(onOrders(merchant, theirs, 10))).toBe('not_found')
    const many = await Promise.all(Array.from({ length: 6 }, () => codeOf(onOrders(merchant, promotionId, 1_000))))
    expect(many.sort()).toEqual(['done', 'done', 'done', ...Array(3).fill('too_many_in_progress')])
  })

  it('keep the last of a promotion and let older ones go', async () => {
    const merchant = await shop.addMerchant()
    const promotionId = await addDraft(merchant)
    const runs: string[] = []
    for (let run = 0; run < DRY_RUNS_KEPT_MAX + 2; run++) runs.push((await onOrders(merchant, promotionId, 1)).id)
    const { dryRuns, next } = await merchant.inMerchant.read((tx) => listDryRuns(tx, promotionId, { limit: 100 }))
    expect(dryRuns.map((run) => run.id)).toEqual(runs.slice(2).toReversed())
    expect(next).toBeNull()
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
