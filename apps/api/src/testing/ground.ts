import { buryJob } from '@souk/core/jobs/dead-jobs.ts'
import { cartOf, line, priceIn } from '@souk/core/pricing/testing/shop.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { addPaidOrder } from '@souk/core/testing/paid-orders.ts'
import type { ApiMerchant, TestApi } from './api.ts'

interface Held {
  id: string
  token: string
}

/** What a shop in the middle of its life has one of. */
export interface Belongings {
  productId: string
  variantId: string
  handle: string
  sku: string
  cart: Held & { lineId: string }
  emptyCart: Held
  orderedCart: Held
  order: Held
  /** An order for 30.00 that was paid by hand. */
  paid: { orderId: string; lineId: string }
  keyId: string
  readOnlyKey: string
  importId: string
  deadJobId: string
  /** Where its list of products goes on after the first. */
  cursor: string
}

/** Two shops side by side, with the same names for different things. */
export interface Ground extends Belongings {
  shop: ApiMerchant
  other: ApiMerchant
  foreign: Belongings
}

const ADDRESS = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
const SHARED_HANDLE = 'caf\u00e9'

export async function prepareGround(api: TestApi): Promise<Ground> {
  const [shop, other] = [await api.addMerchant({ name: 'First' }), await api.addMerchant({ name: 'Second' })]
  return { shop, other, ...(await furnish(api, shop)), foreign: await furnish(api, other) }
}

async function furnish({ call, clock }: TestApi, shop: ApiMerchant): Promise<Belongings> {
  await addGoods(shop, {})
  const goods = await addGoods(shop, { onHand: 1_000n })
  const staff = (url: string, payload: string | object, headers = {}) =>
    call(shop.host, { method: 'POST', url, token: shop.token, payload, headers })
  const product = { title: 'Caf\u00e9', handle: SHARED_HANDLE, variants: [{ sku: 'SHARED', price: { amount: 100, currency: 'EUR' } }] }
  await staff('/v1/admin/products', product)
  const key = await staff('/v1/admin/api-keys', { name: 'Reader', scopes: ['orders:read'] })
  const upload = await staff('/v1/admin/imports?file_name=products.csv', 'Handle,Title,Variant Price\nmug,Mug,1\n', {
    'content-type': 'text/csv',
  })
  const carts = await fillCarts(call, shop, goods.variantId)
  await shop.inMerchant((tx) => {
    const job = { queueId: 1n, task: 'run_import', jobKey: null, payload: {}, attempts: 10, lastError: 'gave up', enqueuedAt: clock.now }
    return buryJob(tx, job)
  })
  const jobs = await call(shop.host, { url: '/v1/admin/dead-jobs', token: shop.token })
  const page = await call(shop.host, { url: '/v1/products?limit=1' })
  const priced = priceIn({}, cartOf([line('mug', 1_000, 3)]))
  const paid = await addPaidOrder(shop, { priced, payments: [{ provider: 'manual', captured: 3_000n }] })
  return {
    ...goods,
    ...carts,
    paid: { orderId: paid.id, lineId: paid.lineIds.mug! },
    handle: SHARED_HANDLE,
    sku: 'SHARED',
    keyId: key.body.id,
    readOnlyKey: key.body.secret,
    importId: upload.body.id,
    deadJobId: jobs.body.data[0].id,
    cursor: page.body.next_cursor,
  }
}

/** Three carts: one full, one empty, one that became an order. */
async function fillCarts(call: TestApi['call'], shop: ApiMerchant, variantId: string) {
  const open = async (payload: object) => {
    const { body } = await call(shop.host, { method: 'POST', url: '/v1/carts', payload })
    return { id: body.id as string, token: body.token as string, lineId: body.lines[0]?.id as string }
  }
  const full = { lines: [{ variant_id: variantId, quantity: 1 }], email: 'ada@buyer.example', shipping_address: ADDRESS }
  const orderedCart = await open(full)
  const placed = await call(shop.host, {
    method: 'POST',
    url: `/v1/carts/${orderedCart.id}/checkout`,
    headers: { 'cart-token': orderedCart.token, 'idempotency-key': 'ground' },
    payload: { payment_method: 'invoice' },
  })
  const order = { id: placed.body.id as string, token: placed.body.token as string }
  return { cart: await open(full), emptyCart: await open({}), orderedCart, order }
}
