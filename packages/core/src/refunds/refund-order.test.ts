import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCustomer } from '../customers/change-customers.ts'
import { issueGiftCards } from '../gift-cards/issue-gift-cards.ts'
import { changeStoreCredit, storeCreditOf } from '../gift-cards/store-credit.ts'
import { newId } from '../ids.ts'
import { clearing, giftCard, storeCredit } from '../ledger/accounts.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { cartOf, line, PARCEL, priceIn } from '../pricing/testing/shop.ts'
import { outcomes } from '../testing/buying.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPaidOrder, type PaidOrder } from '../testing/paid-orders.ts'
import { refundById, refundsOf } from './refund.ts'
import { previewRefund, type RefundRequest, refundOrder, refundRest } from './refund-order.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const by = { actor: { kind: 'staff', id: newId() } as const, now: new Date() }
// Three mugs at 10.00, a pen at 1.00, 4.90 for the parcel, 19 % on top: 42.72.
const priced = priceIn(
  { taxes: { default_rate_ppm: 190_000 } },
  cartOf([line('mug', 1_000, 3), line('pen', 100)], { shipping: { method: PARCEL } }),
)
const { total } = priced.totals

const refund = (orderId: string, given: Partial<RefundRequest> = {}) =>
  merchant.inMerchant((tx) => refundOrder(tx, { orderId, lines: [], shipping: 0n, to: 'original', reason: '', ...by, ...given }))
const byHand = (captured = total) => addPaidOrder(merchant, { priced, payments: [{ provider: 'manual', captured }] })
const atProvider = () => addPaidOrder(merchant, { priced, payments: [{ provider: 'sandbox', captured: total }] })

async function booked(order: PaidOrder) {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql<{ account: string; amount: bigint }[]>`
    select e.account, sum(e.amount)::bigint as amount
    from journal j join ledger_entry e on e.merchant_id = j.merchant_id and e.journal_id = j.id
    where j.merchant_id = ${tx.merchantId} and j.order_id = ${order.id} group by 1 order by 1`,
  )
  return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]))
}

async function eventsOf(orderId: string) {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql<{ data: Record<string, unknown> }[]>`
    select data from event where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} and type = 'refund.issued' order by sequence`,
  )
  return rows.map(({ data }) => data)
}

async function orderRow(orderId: string) {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select payment_status, refunded_total from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`,
  )
  return row
}

describe('a refund', () => {
  it('of pieces and shipping gives back their stored shares, with the tax in them', async () => {
    const order = await byHand()
    const made = await refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 1n }], shipping: 583n, reason: 'broken' })
    expect(made).toMatchObject({
      status: 'issued',
      amount: 1_190n + 583n,
      tax: 190n + 93n,
      shipping: 583n,
      shippingTax: 93n,
      withheld: 0n,
      reason: 'broken',
      lines: [{ lineId: order.lineIds.mug, quantity: 1n, amount: 1_190n, tax: 190n }],
      parts: [{ paymentId: order.payments[0]!.id, provider: 'manual', amount: 1_773n, status: 'issued' }],
    })
    expect(await orderRow(order.id)).toEqual({ payment_status: 'part_refunded', refunded_total: 1_773n })
    expect(await eventsOf(order.id)).toEqual([
      {
        order_id: order.id,
        refund_id: made.id,
        payment_id: order.payments[0]!.id,
        amount: 1_773,
        to: 'original',
        lines: [{ line_id: order.lineIds.mug, quantity: 1 }],
        shipping: 583,
      },
    ])
    expect(await booked(order)).toMatchObject({ refunds: 1_490n, 'clearing:manual': total - 1_773n })
  })

  it('of all that is left, whatever went before, leaves nothing in the books', async () => {
    const order = await byHand()
    await refund(order.id, { lines: [{ lineId: order.lineIds.pen!, quantity: 1n }] })
    await refund(order.id, { amount: 777n })
    await refund(order.id, { amount: 'rest' })
    expect(await orderRow(order.id)).toEqual({ payment_status: 'refunded', refunded_total: total })
    const { sales, refunds, ...others } = await booked(order)
    expect(sales! + refunds!).toBe(0n)
    expect(others).toEqual({ 'clearing:manual': 0n, tax_payable: 0n })
  })

  it('of a line for less than it cost keeps the rest, and counts the piece', async () => {
    const order = await byHand()
    const made = await refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 3n }], amount: 3_000n })
    expect(made).toMatchObject({ amount: 3_000n, withheld: 570n, tax: 479n })
    await expect(refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 1n }] })).rejects.toMatchObject({
      code: 'quantity_out_of_range',
    })
  })

  it('to a provider is asked for, and counts as gone until it has answered', async () => {
    const order = await atProvider()
    const made = await refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 2n }] })
    expect(made).toMatchObject({ status: 'pending', parts: [{ provider: 'sandbox', status: 'pending' }] })
    expect(await orderRow(order.id)).toEqual({ payment_status: 'paid', refunded_total: 0n })
    const [operation] = await merchant.inMerchant.read(
      (tx) => tx.sql`
      select id, kind, amount, status, refund_id, detail from payment_operation
      where merchant_id = ${tx.merchantId} and payment_id = ${order.payments[0]!.id}`,
    )
    expect(operation).toMatchObject({
      kind: 'refund',
      amount: 2_380n,
      status: 'pending',
      refund_id: made.id,
      detail: { refund: { lines: [{ lineId: order.lineIds.mug, quantity: 2 }], shipping: 0, tax: 380 } },
    })
    await expect(refund(order.id, { amount: total - 2_379n })).rejects.toMatchObject({ code: 'refund_exceeds_capture' })
    await expect(refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 2n }] })).rejects.toMatchObject({
      code: 'quantity_out_of_range',
    })
    await merchant.inMerchant(
      (tx) => tx.sql`
      update payment_operation set status = 'failed', settled_at = now() where merchant_id = ${tx.merchantId} and id = ${operation!.id}`,
    )
    expect(await merchant.inMerchant.read((tx) => refundById(tx, made.id))).toMatchObject({ status: 'failed' })
    expect(await refund(order.id, { lines: [{ lineId: order.lineIds.mug!, quantity: 3n }] })).toMatchObject({ status: 'pending' })
  })

  it('out of several payments empties the provider first, then cash, then the gift card', async () => {
    const { cards } = await merchant.inMerchant((tx) =>
      issueGiftCards(tx, shop.keys, { amount: { amount: 1_000n, currency: 'EUR' }, count: 1, expiresAt: null, note: '', ...by }),
    )
    const sourceId = cards[0]!.id
    const order = await addPaidOrder(merchant, {
      priced,
      payments: [
        { provider: 'gift_card', captured: 1_000n, sourceId },
        { provider: 'manual', captured: 2_000n },
        { provider: 'sandbox', captured: total - 3_000n },
      ],
    })
    const most = await refund(order.id, { amount: total - 500n })
    expect(most.status).toBe('pending')
    expect(Object.fromEntries(most.parts.map(({ provider, amount }) => [provider, amount]))).toEqual({
      sandbox: total - 3_000n,
      manual: 2_000n,
      gift_card: 500n,
    })
    expect(await refund(order.id, { amount: 'rest' })).toMatchObject({ status: 'issued', amount: 500n })
    expect(await booked(order)).toMatchObject({ [giftCard(sourceId).code]: 0n, [clearing('manual').code]: 0n })
    expect(await refundsOfOrder(order.id)).toHaveLength(2)
  })

  it('to store credit is granted at once, and no payment gives it', async () => {
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: `${newId()}@buyer.example` }, by))
    const order = await addPaidOrder(merchant, { priced, payments: [{ provider: 'sandbox', captured: total }], customerId: customer.id })
    expect(await refund(order.id, { shipping: 583n, to: 'store_credit' })).toMatchObject({ status: 'issued', parts: [] })
    expect(await merchant.inMerchant.read((tx) => storeCreditOf(tx, customer.id))).toEqual([{ amount: 583n, currency: 'EUR' }])
    expect(await eventsOf(order.id)).toMatchObject([{ payment_id: null, amount: 583, to: 'store_credit', shipping: 583 }])
    await expect(refund(order.id, { amount: total - 582n })).rejects.toMatchObject({ code: 'refund_exceeds_capture' })
    await refund(order.id, { amount: 'rest', to: 'store_credit' })
    expect(await booked(order)).toMatchObject({ [storeCredit(customer.id).code]: -total, tax_payable: 0n })
  })

  it('of an order paid with store credit goes back there', async () => {
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: `${newId()}@buyer.example` }, by))
    const change = { amount: total, currency: 'EUR' }
    await merchant.inMerchant((tx) => changeStoreCredit(tx, { customerId: customer.id, change, reason: 'sorry', ...by }))
    const payments = [{ provider: 'store_credit', captured: total, sourceId: customer.id }]
    const order = await addPaidOrder(merchant, { priced, payments, customerId: customer.id })
    expect(await merchant.inMerchant.read((tx) => storeCreditOf(tx, customer.id))).toMatchObject([{ amount: 0n }])
    await refund(order.id, { amount: 'rest' })
    expect(await merchant.inMerchant.read((tx) => storeCreditOf(tx, customer.id))).toMatchObject([{ amount: total }])
  })

  it('leaves alone what a dispute has taken', async () => {
    const order = await atProvider()
    await merchant.inMerchant(
      (tx) => tx.sql`
      insert into dispute (merchant_id, payment_id, order_id, provider, provider_reference, status, amount, currency, reason)
      values (${tx.merchantId}, ${order.payments[0]!.id}, ${order.id}, 'sandbox', ${newId()}, 'opened', ${total - 100n}, 'EUR', '')`,
    )
    await expect(refund(order.id, { amount: 101n })).rejects.toMatchObject({ code: 'refund_exceeds_capture' })
    const rest = () => merchant.inMerchant(async (tx) => refundRest(tx, await holdOrder(tx, order.id), { reason: '', ...by }))
    expect(await rest()).toMatchObject({ amount: 100n })
    expect(await rest()).toBeUndefined()
  })
})

describe('a refund is refused', () => {
  it('one unit above what was captured, and for nothing', async () => {
    const order = await byHand(1_000n)
    await expect(refund(order.id, { amount: 1_001n })).rejects.toMatchObject({
      code: 'refund_exceeds_capture',
      details: { extra: { left: 1_000 } },
    })
    await expect(refund(order.id, { amount: 0n })).rejects.toMatchObject({ code: 'amount_out_of_range' })
    await expect(refund(order.id)).rejects.toMatchObject({ code: 'amount_out_of_range' })
  })

  it('for more than the shares of what is named', async () => {
    const order = await byHand()
    await expect(refund(order.id, { shipping: 583n, amount: 584n })).rejects.toMatchObject({ code: 'amount_out_of_range' })
  })

  it('in another currency, of an unpaid order, of a guest to store credit, and for a line of another order', async () => {
    const [order, other] = [await byHand(), await byHand(0n)]
    const currencies = [
      { pointer: '/shipping/currency', currency: 'EUR' },
      { pointer: '/amount/currency', currency: 'USD' },
    ]
    await expect(refund(order.id, { amount: 1n, currencies })).rejects.toMatchObject({
      code: 'currency_mismatch',
      details: { errors: [{ pointer: '/amount/currency', code: 'currency_mismatch' }] },
    })
    await expect(refund(other.id, { amount: 1n })).rejects.toMatchObject({
      code: 'invalid_state',
      details: { extra: { current_state: 'pending' } },
    })
    await expect(refund(order.id, { amount: 1n, to: 'store_credit' })).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(refund(order.id, { lines: [{ lineId: other.lineIds.mug!, quantity: 1n }] })).rejects.toMatchObject({
      code: 'not_found',
      details: { errors: [{ pointer: '/lines/0/line_id', code: 'not_found' }] },
    })
    await expect(refund(newId(), { amount: 1n })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('twenty-nine times of thirty full refunds at once, by hand or by a provider', async () => {
    for (const order of [await byHand(), await atProvider()]) {
      const tries = Array.from({ length: 30 }, () => refund(order.id, { amount: total }))
      expect(await outcomes(tries)).toEqual({ ok: 1, refund_exceeds_capture: 29 })
      expect(await refundsOfOrder(order.id)).toHaveLength(1)
    }
  })

  it('as soon as thirty at once have taken all there is', async () => {
    const order = await byHand()
    const tries = Array.from({ length: 30 }, () => refund(order.id, { amount: 300n }))
    expect(await outcomes(tries)).toEqual({ ok: Number(total / 300n), refund_exceeds_capture: 30 - Number(total / 300n) })
  })
})

describe('a preview', () => {
  it('says what the refund would come to, and writes nothing', async () => {
    const order = await byHand()
    const wish = { orderId: order.id, lines: [{ lineId: order.lineIds.mug!, quantity: 1n }], shipping: 0n, to: 'original' as const }
    const plan = await merchant.inMerchant.read((tx) => previewRefund(tx, wish))
    expect(plan).toMatchObject({ amount: 1_190n, tax: 190n, left: total - 1_190n, lines: [{ lineId: order.lineIds.mug }] })
    expect(await refundsOfOrder(order.id)).toEqual([])
  })
})

function refundsOfOrder(orderId: string) {
  return merchant.inMerchant.read((tx) => refundsOf(tx, orderId))
}
