import type { ApiMerchant, TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

interface Given {
  canary: string
  variantId: string
  /** The token of a customer with an account. */
  customer: string
  /** Of the requests that pay. */
  key: string
}

export const PAYMENT_BODIES: Record<string, (values: Values) => object | string | undefined> = {
  'POST /v1/carts/{cart_id}/checkout': ({ saved_method }) => ({ payment: { provider: 'fake', saved_method } }),
  'POST /v1/orders/{order_id}/payments': ({ saved_method }) => ({ payment: { provider: 'fake', saved_method } }),
  'POST /v1/orders/{order_id}/payments/{payment_id}/refresh': () => undefined,
  'POST /v1/callbacks/payments/{provider}': ({ callback_secret }) =>
    JSON.stringify({ eventId: 'another', kind: 'other', paymentId: null, reference: null, secret: callback_secret }),
  'PATCH /v1/admin/payment-accounts/{provider}': () => ({ settings: { changed: true } }),
  'POST /v1/admin/payments/{payment_id}/capture': () => ({ amount: { amount: 1, currency: 'EUR' } }),
  'POST /v1/admin/payments/{payment_id}/void': () => undefined,
  'POST /v1/admin/payments/{payment_id}/review': () => ({ decision: 'accept', reason: 'looked at' }),
  'POST /v1/admin/payments/{payment_id}/refresh': () => undefined,
  'POST /v1/admin/orders/{order_id}/payments': ({ saved_method }) => ({ payment: { provider: 'fake', saved_method } }),
}

export const PAYMENT_STATES_NEEDED: Record<string, Values> = {
  'POST /v1/carts/{cart_id}/checkout': { cart_id: 'paying_cart_id' },
  'POST /v1/orders/{order_id}/payments': { order_id: 'unpaid_order_id' },
  'POST /v1/orders/{order_id}/payments/{payment_id}/refresh': { order_id: 'authorized_order_id' },
  'POST /v1/admin/payments/{payment_id}/review': { payment_id: 'review_payment_id' },
  'POST /v1/admin/orders/{order_id}/payments': { order_id: 'unpaid_order_id' },
}

/** Payments through a provider in every state: authorized, declined, held for review; a method that was kept, a dispute, a callback. */
export async function addPayments({ call }: TestApi, shop: ApiMerchant, { canary, variantId, customer, key }: Given): Promise<Values> {
  const callback_secret = `${canary} callback secret`
  const account = {
    ...{ enabled: true, capture: 'later', settings: { note: canary } },
    secrets: { api_key: `${canary} api key`, callback_secret },
  }
  await done(call(shop.host, { method: 'PATCH', url: '/v1/admin/payment-accounts/fake', token: shop.token, payload: account }))
  const open = () => {
    const address = { name: `${canary} Ada`, line1: `${canary} street 1`, city: 'Berlin', country: 'DE' }
    const details = { email: `${canary}@buyer.example`, shipping_address: address, shipping_option: 'flat' }
    const payload = { ...details, lines: [{ variant_id: variantId, quantity: 1 }] }
    return done(call(shop.host, { method: 'POST', url: '/v1/carts', payload, token: customer }))
  }
  const pay = async (name: string, payment: object) => {
    const cart = await open()
    const headers = { 'cart-token': cart.token, 'idempotency-key': `${key}-${name}` }
    const payload = { payment: { provider: 'fake', token: 'ok', ...payment } }
    const { body } = await call(shop.host, { method: 'POST', url: `/v1/carts/${cart.id}/checkout`, payload, headers })
    return body
  }
  const authorized = await pay('saved', { save: true })
  const review = await pay('review', { token: 'lie_amount' })
  const unpaid = (await pay('declined', { token: 'declined' })).order
  const cart = await open()
  await mark(shop, { canary, orderId: unpaid.id, paymentId: unpaid.payments[0].id })
  const methods = await done(call(shop.host, { url: '/v1/customers/me/payment-methods', token: customer }))
  return {
    ...{ callback_secret, paying_cart_id: cart.id, authorized_order_id: authorized.id, unpaid_order_id: unpaid.id },
    authorized_line_id: authorized.lines[0].id,
    ...{ payment_id: authorized.payments[0].id, review_payment_id: review.payments[0].id },
    ...{ payment_method_id: methods.data[0].id, saved_method: methods.data[0].id },
  }
}

/** Writes the shop's words where a provider's would be. */
async function mark(shop: ApiMerchant, { canary, orderId, paymentId }: { canary: string; orderId: string; paymentId: string }) {
  const words = JSON.stringify({ type: canary, brand: canary, last4: '4242', expiryMonth: null, expiryYear: null })
  const failure = JSON.stringify({ code: canary, message: canary })
  await shop.inMerchant(async (tx) => {
    await tx.sql`
      update payment set method = ${canary}, provider_reference = ${canary}, method_facts = ${words}::jsonb, failure = ${failure}::jsonb,
        next_action = ${JSON.stringify({ type: 'redirect', url: `https://${canary}.example` })}::jsonb
      where merchant_id = ${tx.merchantId} and id = ${paymentId}`
    await tx.sql`
      update payment_operation set provider_reference = ${canary}, failure = ${failure}::jsonb, detail = ${JSON.stringify({ note: canary })}::jsonb
      where merchant_id = ${tx.merchantId} and id = ${paymentId}`
    await tx.sql`
      update saved_payment_method set type = ${canary}, brand = ${canary}, provider_reference = ${canary} || id::text
      where merchant_id = ${tx.merchantId}`
    await tx.sql`
      insert into payment_callback (merchant_id, provider, provider_event_id, kind, reference, dispute, processed_at)
      values (${tx.merchantId}, 'fake', ${canary} || ${paymentId}::text, 'dispute', ${canary}, ${JSON.stringify({ reason: canary })}::jsonb, now())`
    await tx.sql`
      insert into dispute (merchant_id, payment_id, order_id, provider, provider_reference, status, amount, currency, reason)
      values (${tx.merchantId}, ${paymentId}, ${orderId}, 'fake', ${canary} || ${paymentId}::text, 'opened', 1, 'EUR', ${canary})`
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
async function done(asked: ReturnType<TestApi['call']>): Promise<any> {
  const { status, body, text } = await asked
  if (status >= 300) throw new Error(`A shop could not be filled with payments: ${status} ${text}`)
  return body
}
