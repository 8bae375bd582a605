import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueGiftCards } from '../gift-cards/issue-gift-cards.ts'
import { allocate } from '../money.ts'
import { applyOperation } from '../payments/apply-operation.ts'
import { holdOperation } from '../payments/payment.ts'
import type { Outcome } from '../payments/provider.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import { cartOf, line, PARCEL, priceIn, promotion } from '../pricing/testing/shop.ts'
import { outcomes } from '../testing/buying.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPaidOrder, type PaidOrder } from '../testing/paid-orders.ts'
import { refundsOf } from './refund.ts'
import { type RefundRequest, refundOrder } from './refund-order.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }

interface Bought {
  lines: { price: number; quantity: number; taxed: boolean }[]
  percentOff: number
  /** How the total was paid: by weights. */
  paidBy: { provider: 'sandbox' | 'manual' | 'gift_card'; weight: bigint }[]
}

type Step =
  | { what: 'pieces'; line: number; quantity: number; shipping: bigint; kept: bigint }
  | { what: 'amount'; amount: bigint }
  /** The provider answers everything it was asked for. */
  | { what: 'answer'; refuses: boolean }

const bought: fc.Arbitrary<Bought> = fc.record({
  lines: fc.array(fc.record({ price: fc.integer({ min: 1, max: 9_999 }), quantity: fc.integer({ min: 1, max: 4 }), taxed: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  }),
  percentOff: fc.constantFrom(0, 7, 33),
  paidBy: fc.array(fc.record({ provider: fc.constantFrom('sandbox', 'manual', 'gift_card'), weight: fc.bigInt(1n, 9n) }), {
    minLength: 1,
    maxLength: 3,
  }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    what: fc.constant('pieces' as const),
    line: fc.integer({ min: 0, max: 2 }),
    quantity: fc.integer({ min: 0, max: 2 }),
    shipping: fc.bigInt(0n, 300n),
    kept: fc.constantFrom(0n, 0n, 50n),
  }),
  fc.record({ what: fc.constant('amount' as const), amount: fc.bigInt(1n, 8_000n) }),
  fc.record({ what: fc.constant('answer' as const), refuses: fc.boolean() }),
)

function price({ lines, percentOff }: Bought): PricedCart {
  const promotions = percentOff
    ? [promotion({ actions: [{ type: 'percentage', on: 'order', rate_ppm: percentOff * 10_000, where: null }] })]
    : []
  const items = lines.map(({ price, quantity, taxed }, index) => line(`line-${index}`, price, quantity, { taxable: taxed }))
  return priceIn({ promotions, taxes: { default_rate_ppm: 190_000 } }, cartOf(items, { shipping: { method: PARCEL } }))
}

async function buy(given: Bought): Promise<PaidOrder> {
  const priced = price(given)
  const shares = allocate(
    priced.totals.total,
    given.paidBy.map(({ weight }) => weight),
  )
  const payments = await Promise.all(
    given.paidBy.map(async ({ provider }, index) => {
      const captured = shares[index]!
      if (provider !== 'gift_card' || captured === 0n) return { provider, captured }
      const { cards } = await merchant.inMerchant((tx) =>
        issueGiftCards(tx, shop.keys, { amount: { amount: captured, currency: 'EUR' }, count: 1, expiresAt: null, note: '', ...by }),
      )
      return { provider, captured, sourceId: cards[0]!.id }
    }),
  )
  return addPaidOrder(merchant, { priced, payments: payments.filter(({ captured }) => captured > 0n) })
}

const refund = (orderId: string, given: Partial<RefundRequest>) =>
  merchant.inMerchant((tx) => refundOrder(tx, { orderId, lines: [], shipping: 0n, to: 'original', reason: '', ...by, ...given }))

async function answerAll(order: PaidOrder, refuses: boolean): Promise<void> {
  const operations = await merchant.inMerchant.read(
    (tx) => tx.sql<{ id: string; amount: bigint }[]>`
    select id, amount from payment_operation where merchant_id = ${tx.merchantId} and order_id = ${order.id} and status = 'pending'`,
  )
  for (const { id, amount } of operations) {
    const outcome: Outcome = refuses
      ? { kind: 'refused', code: 'no', message: 'No.' }
      : { kind: 'refunded', reference: `at-${id}`, amount, currency: 'EUR' }
    await merchant.inMerchant(async (tx) => applyOperation(tx, { operation: await holdOperation(tx, id), outcome }, by))
  }
}

async function given(order: PaidOrder): Promise<{ amount: bigint; tax: bigint }> {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql<{ amount: bigint; tax: bigint }[]>`
    select coalesce(sum(e.amount), 0)::bigint as amount, coalesce(sum(e.amount) filter (where e.account = 'tax_payable'), 0)::bigint as tax
    from journal j join ledger_entry e on e.merchant_id = j.merchant_id and e.journal_id = j.id
    where j.merchant_id = ${tx.merchantId} and j.order_id = ${order.id} and j.kind = 'refund' and e.amount > 0`,
  )
  return row!
}

async function perform(order: PaidOrder, lines: Bought['lines'], next: Step): Promise<Record<string, number>> {
  if (next.what === 'answer') return outcomes([answerAll(order, next.refuses)])
  if (next.what === 'amount') return outcomes([refund(order.id, { amount: next.amount })])
  const lineId = order.lineIds[`line-${next.line % lines.length}`]!
  const wanted = next.quantity === 0 ? [] : [{ lineId, quantity: BigInt(next.quantity) }]
  const isKept = next.kept > 0n
  return outcomes([refund(order.id, { lines: wanted, shipping: next.shipping, ...(isKept && { amount: next.kept }) })])
}

const REFUSALS = ['refund_exceeds_capture', 'quantity_out_of_range', 'amount_out_of_range']

describe('any history of refunds', () => {
  it('gives back what was paid and the tax in it, no more and in the end no less', async () => {
    await fc.assert(
      fc.asyncProperty(bought, fc.array(step, { maxLength: 8 }), async (what, steps) => {
        const order = await buy(what)
        for (const next of steps) {
          const counts = await perform(order, what.lines, next)
          expect(['ok', ...REFUSALS]).toContain(Object.keys(counts)[0])
          const so = await given(order)
          expect(so.amount <= order.total && so.tax <= order.taxTotal && so.tax >= 0n).toBe(true)
        }
        await answerAll(order, false)
        expect(['ok', 'refund_exceeds_capture']).toContain(Object.keys(await outcomes([refund(order.id, { amount: 'rest' })]))[0])
        await answerAll(order, false)
        expect(await given(order)).toEqual({ amount: order.total, tax: order.taxTotal })
      }),
      { numRuns: 40 },
    )
    await booksHold()
  })
})

describe('a refund that is killed', () => {
  it('at any of its steps has not happened, and is made whole when it is asked for again', async () => {
    const order = await buy({
      lines: [{ price: 1_000, quantity: 2, taxed: true }],
      percentOff: 0,
      paidBy: [
        { provider: 'sandbox', weight: 1n },
        { provider: 'manual', weight: 1n },
      ],
    })
    for (const fatal of ['refund.asked', 'refund.recorded'] as const) {
      onCrashPoint((point) => {
        if (point === fatal) throw new Error('killed')
      })
      await expect(refund(order.id, { amount: order.total })).rejects.toThrow('killed')
      onCrashPoint(() => {})
      expect(await merchant.inMerchant.read((tx) => refundsOf(tx, order.id))).toEqual([])
      expect(await given(order)).toEqual({ amount: 0n, tax: 0n })
    }
    await refund(order.id, { amount: order.total })
    await Promise.all([answerAll(order, false), answerAll(order, false)])
    expect(await given(order)).toEqual({ amount: order.total, tax: order.taxTotal })
    await booksHold()
  })
})

/** Of the orders made here nothing is in stock, so that only what is said of money is asked. */
async function booksHold(): Promise<void> {
  const broken = await checkInvariantsAtRest(shop.database.adminUrl)
  expect(broken.filter(({ invariant }) => /^(1[0-4]|39)_/.test(invariant))).toEqual([])
}
