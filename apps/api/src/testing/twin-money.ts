import { newId } from '@souk/core/ids.ts'
import { giftCard } from '@souk/core/ledger/accounts.ts'
import { journalOfCapture } from '@souk/core/ledger/journals-of-payments.ts'
import { cartOf, line, priceIn } from '@souk/core/pricing/testing/shop.ts'
import { addPaidOrder } from '@souk/core/testing/paid-orders.ts'
import type { ApiMerchant } from './api.ts'
import type { Values } from './valid-requests.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Staff = (url: string, payload: object, headers?: Record<string, string>) => Promise<any>

/** An order that was paid and partly refunded, a gift card, a customer's credit, and books that were held against a provider's. */
export async function addMoney(
  staff: Staff,
  shop: ApiMerchant,
  { canary, customerId }: { canary: string; customerId: string },
): Promise<Values> {
  const priced = priceIn({}, cartOf([line('mug', 1_000, 3)]))
  const order = await addPaidOrder(shop, { priced, payments: [{ provider: 'manual', captured: 3_000n }], customerId })
  const lines = [{ line_id: order.lineIds.mug, quantity: 1 }]
  const refund = await staff(`/v1/admin/orders/${order.id}/refunds`, { lines, reason: `${canary} refund` })
  const one = { amount: 1, currency: 'EUR' }
  const { cards } = await staff('/v1/admin/gift-cards', { amount: { ...one, amount: 2 }, note: `${canary} card` })
  await spendOne(shop, { orderId: order.id, paymentId: order.payments[0]!.id, giftCardId: cards[0].id })
  for (const time of ['first', 'second']) {
    const credit = { change: one, reason: `${canary} credit` }
    await staff(`/v1/admin/customers/${customerId}/store-credit`, credit, { 'idempotency-key': `${canary}-${customerId}-${time}` })
  }
  return {
    paid_order_id: order.id,
    paid_line_id: order.lineIds.mug!,
    refund_id: refund.id,
    gift_card_id: cards[0].id,
    gift_card_code: cards[0].code,
    reconciliation_id: await addReconciliation(shop, canary),
  }
}

/** So that a card has a history. */
async function spendOne(
  shop: ApiMerchant,
  { giftCardId, ...of }: { orderId: string; paymentId: string; giftCardId: string },
): Promise<void> {
  const booked = { amount: 1n, currency: 'EUR', order: { total: 3_000n, taxTotal: 0n, captured: 0n } }
  const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }
  await shop.inMerchant((tx) => journalOfCapture(tx, { ...of, ...booked, ...by, key: `capture:${newId()}`, from: giftCard(giftCardId) }))
}

async function addReconciliation(shop: ApiMerchant, canary: string): Promise<string> {
  const id = newId()
  const differences = [
    {
      kind: 'unknown_payment',
      movement: 'capture',
      paymentId: null,
      reference: canary,
      ours: null,
      theirs: null,
      at: '2026-01-01T00:00:00.000Z',
    },
  ]
  await shop.inMerchant(async (tx) => {
    await tx.sql`
      insert into payment_account (merchant_id, provider, enabled) values (${tx.merchantId}, 'sandbox', false) on conflict do nothing`
    await tx.sql`
      insert into reconciliation (merchant_id, id, provider, period_from, period_until, status, lines_read, difference_count, differences, failure,
        requested_by, finished_at)
      values (${tx.merchantId}, ${id}, 'sandbox', '2026-01-01', '2026-01-02', 'failed', 1, 1, ${JSON.stringify(differences)}::jsonb,
        ${`${canary} failure`}, '{"kind":"job","task":"test"}', now())`
  })
  return id
}
