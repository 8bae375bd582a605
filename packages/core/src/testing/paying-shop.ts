import { randomBytes } from 'node:crypto'
import type { CheckoutAnswer, SellingShop } from '../checkout/checkout.ts'
import { checkout } from '../checkout/checkout.ts'
import type { Paying } from '../checkout/plan-payment.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import { saveAccount } from '../payments/accounts.ts'
import { PAYMENT_SECRETS_PURPOSE, PaymentBreakers, type PaymentDeps } from '../payments/call-provider.ts'
import { expireOrder } from '../payments/expire-order.ts'
import type { OperationRow, PaymentRow } from '../payments/payment.ts'
import { operationColumns, paymentColumns } from '../payments/payment.ts'
import type { CaptureMode } from '../payments/provider.ts'
import type { By } from '../payments/saga.ts'
import { settleOperation } from '../payments/settle-operation.ts'
import { settlePayment } from '../payments/settle-payment.ts'
import { SecretBox } from '../secret-box.ts'
import { FakeProvider } from './fake-provider.ts'
import type { TestMerchant, TestShop } from './merchant.ts'

const JOB = { kind: 'job', task: 'settle_payment' } as const

export const STAFF = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const

/** A merchant that takes payments through a provider that is faked. */
export interface PayingShop extends TestMerchant {
  fake: FakeProvider
  payments: PaymentDeps
  shop: SellingShop
}

export async function addPayingShop(shop: TestShop, given: { capture?: CaptureMode; callTimeoutMs?: number } = {}): Promise<PayingShop> {
  const merchant = await shop.addMerchant()
  const fake = new FakeProvider()
  const secretBox = new SecretBox({ keys: [{ kid: 'k', secret: randomBytes(32) }] }, PAYMENT_SECRETS_PURPOSE)
  const payments = {
    ...{ providers: new Map([[fake.name, fake]]), secretBox, breakers: new PaymentBreakers() },
    callTimeoutMs: given.callTimeoutMs ?? 10_000,
  }
  const secrets = { api_key: 'sk_test', callback_secret: 'whsec_test' }
  const by = { actor: STAFF, now: new Date() }
  await merchant.inMerchant((tx) =>
    saveAccount(tx, payments, { provider: 'fake', enabled: true, capture: given.capture ?? 'now', secrets }, by),
  )
  return { ...merchant, fake, payments, shop: { inMerchant: merchant.inMerchant, payments, giftCardKeys: shop.keys } }
}

let keys = 0

/** Orders a cart through the faked provider; what the token says happens. The answer is the order's state. */
export async function payCart(seller: PayingShop, cartId: string, given: Partial<Paying> & { token?: string; key?: string } = {}) {
  const { token = 'ok', key = `paid-${++keys}`, ...paying } = given
  return readAnswer(
    await checkout(seller.shop, {
      ...{ cartId, paymentMethod: undefined, payment: { provider: 'fake', token }, expectedTotal: undefined, now: new Date(), ...paying },
      idempotency: { route: 'POST /v1/carts/:cart_id/checkout', key, fingerprint: 'same' },
      answer: answerOrder,
    }),
  )
}

/** An answer by the order's state: as the API tells them apart. */
export function answerOrder(order: Order): { statusCode: number; body: string } {
  const payment = order.payments.findLast(({ expiresAt }) => expiresAt !== null)
  const statusCode = order.status === 'pending' ? (payment?.status === 'failed' ? 402 : 202) : order.status === 'cancelled' ? 409 : 201
  return { statusCode, body: JSON.stringify({ id: order.id, status: order.status, payment_id: payment?.id, payment: payment?.status }) }
}

export function readAnswer({ body, ...answer }: CheckoutAnswer) {
  return { ...answer, ...(JSON.parse(body) as { id: string; status: string; payment_id: string; payment: string }) }
}

export async function readOrder({ inMerchant }: TestMerchant, orderId: string): Promise<Order> {
  return toOrder(await inMerchant.readOnce((tx) => orderQueries(tx, orderId)))
}

export async function paymentsOf({ inMerchant }: TestMerchant, orderId: string): Promise<PaymentRow[]> {
  return (await inMerchant.read(
    (tx) =>
      tx.sql`select ${paymentColumns(tx)} from payment p where p.merchant_id = ${tx.merchantId} and p.order_id = ${orderId} order by p.id`,
  )) as unknown as PaymentRow[]
}

export async function operationsOf({ inMerchant }: TestMerchant, orderId: string): Promise<OperationRow[]> {
  return (await inMerchant.read(
    (tx) => tx.sql`
      select ${operationColumns(tx)} from payment_operation o
      where o.merchant_id = ${tx.merchantId} and o.order_id = ${orderId} order by o.requested_at, o.id`,
  )) as unknown as OperationRow[]
}

export async function eventsOf({ inMerchant }: TestMerchant, orderId: string): Promise<string[]> {
  const rows = await inMerchant.read(
    (tx) => tx.sql`select type from event where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} order by sequence`,
  )
  return rows.map((row) => row.type as string)
}

/** Has the time of an order's payments be over, by the database's clock. */
export async function letTimePass({ inMerchant }: TestMerchant, orderId: string): Promise<void> {
  await inMerchant(async (tx) => {
    await tx.sql`
      update payment set expires_at = now() - interval '1 minute'
      where merchant_id = ${tx.merchantId} and order_id = ${orderId} and expires_at is not null`
    await tx.sql`
      update stock_reservation set expires_at = now() - interval '1 minute'
      where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status = 'active'`
  })
}

/** Has whoever holds a request be dead for long. */
export async function letKeysGo({ inMerchant }: TestMerchant): Promise<void> {
  await inMerchant(
    (tx) => tx.sql`
      update idempotency_key set locked_until = now() - interval '1 minute'
      where merchant_id = ${tx.merchantId} and locked_until is not null`,
  )
}

/** Everything that workers would do by now, whenever it is due, until nothing is left that could change. */
export async function runJobs(seller: PayingShop, rounds = 4): Promise<void> {
  const by: By = { actor: JOB, now: new Date() }
  for (let round = 0; round < rounds; round++) {
    const open = (await seller.inMerchant.read(
      (tx) =>
        tx.sql`select id, kind from payment_operation where merchant_id = ${tx.merchantId} and status = 'pending' order by requested_at, id`,
    )) as unknown as { id: string; kind: string }[]
    for (const { id, kind } of open) {
      if (kind === 'authorize') await settlePayment(seller.inMerchant, seller.payments, { paymentId: id }, by)
      else await settleOperation(seller.inMerchant, seller.payments, { operationId: id }, by)
    }
    const orders = await seller.inMerchant.read(
      (tx) => tx.sql<{ id: string }[]>`select id from orders where merchant_id = ${tx.merchantId} and status = 'pending'`,
    )
    for (const { id: orderId } of orders) await expireOrder(seller.inMerchant, seller.payments, { orderId }, by)
  }
}
