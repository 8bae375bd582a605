import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runImport } from '@souk/core/imports/run-import.ts'
import { buryJob } from '@souk/core/jobs/dead-jobs.ts'
import { hashPassword } from '@souk/core/merchant/passwords.ts'
import { SCOPES } from '@souk/core/merchant/scopes.ts'
import { addOwner } from '@souk/core/merchant/staff.ts'
import { type ApiMerchant, PASSWORD, type TestApi } from './api.ts'
import { addAccount, addMail } from './twin-accounts.ts'
import { addAdmins } from './twin-admins.ts'
import { addMoves } from './twin-cells.ts'
import { addFulfillments } from './twin-fulfillment.ts'
import { addPlaces } from './twin-goods.ts'
import { addLife } from './twin-life.ts'
import { addMoney } from './twin-money.ts'
import { addOrderChanges } from './twin-orders.ts'
import { addPayments } from './twin-payments.ts'
import { addPlan } from './twin-plans.ts'
import { addPlugins, addShipment } from './twin-plugins.ts'
import { addDryRuns, addPromotions } from './twin-promotions.ts'
import { addMember } from './twin-staff.ts'
import { addTaxesAndShipping } from './twin-taxes.ts'
import { addWebhooks } from './twin-webhooks.ts'
import type { Credentials, Values } from './valid-requests.ts'

/** A shop in the middle of its life: two of everything. One has the names that the other shop's has too, one names of its own. */
export interface FullShop extends ApiMerchant {
  /** In every text that is not the same in both shops. */
  canary: string
  /** What it has under names of its own, by the names of the API's parameters. */
  values: Values
  /** The things with the shared names. */
  shared: Values
  credentials: Required<Credentials> & { apiKey: string /** A customer without orders. */; leaver: string }
  /** A cart with nothing in it: its checkout is refused. */
  emptyCart: { id: string; token: string }
}

interface Names {
  handle: string
  sku: string
  file: string
  email: string
  fileName: string
  keyName: string
  idempotencyKey: string
}

const SHARED: Names = {
  handle: 'shared-name',
  sku: 'SHARED-NAME',
  file: 'shared-name.svg',
  email: 'shared-name@shop.example',
  fileName: 'shared-name.csv',
  keyName: 'shared name',
  idempotencyKey: 'shared-name',
}
export const ADMIN_EMAIL = 'admin@souk.example'

let made = 0

export interface FillOptions {
  /** The platform admin's token. */
  admin: string
  mediaDir: string
  /** Lower-case letters and digits. */
  canary: string
  /** Of its staff. */
  password?: string
}

/** Fills a new shop. */
export async function fillShop(api: TestApi, { admin, mediaDir, canary, password = PASSWORD }: FillOptions): Promise<FullShop> {
  const slug = `${canary}-shop`
  const overrides = { slug, name: `${canary} shop`, shippingName: `${canary} post`, contactEmail: `${canary}@contact.example` }
  const shop = await api.addMerchant(overrides)
  await shop.inMerchant((tx) => tx.sql`update location set name = ${`${canary} stockroom`} where merchant_id = ${tx.merchantId}`)
  const own: Names = {
    handle: `${canary}-product`,
    sku: `${canary}-SKU`,
    file: `${canary}.svg`,
    email: `${canary}@shop.example`,
    fileName: `${canary}.csv`,
    keyName: `${canary} key`,
    idempotencyKey: `${canary}-key`,
  }
  const domain = `www.${canary}.example`
  await addDomain(api, admin, shop, domain)
  const passwordHash = await hashOf(password)
  const sets: Set[] = []
  for (const names of [SHARED, own]) sets.push(await furnish(api, shop, { names, canary, mediaDir, passwordHash }))
  const [shared, mine] = sets as [Set, Set]
  const block = await addBlock(api, admin, canary)
  const moves = await addMoves(api, canary)
  const life = await addLife(api, canary)
  const plan = await addPlan(api, canary)
  const admins = await addAdmins(api, { canary, passwordHash })
  const others = {
    merchant_id: shop.merchant.id,
    default_location_id: shop.locationId,
    slug,
    ...moves,
    ...life,
    ...plan,
    ...admins,
    block_id: block.id as string,
    host: domain,
    password,
    admin_email: ADMIN_EMAIL,
    new_slug: `${canary}-new`,
    new_host: `new.${canary}.example`,
  }
  return {
    ...shop,
    canary,
    values: { ...mine.values, ...others },
    shared: { ...shared.values, ...others },
    credentials: { ...mine.credentials, access: shop.token },
    emptyCart: mine.emptyCart,
  }
}

// Making a hash takes longer than most requests.
const hashes = new Map<string, Promise<string>>()

function hashOf(password: string): Promise<string> {
  const hash = hashes.get(password) ?? hashPassword(password)
  hashes.set(password, hash)
  return hash
}

type Set = Awaited<ReturnType<typeof furnish>>

/** One of everything, by one set of names. */
async function furnish(api: TestApi, shop: ApiMerchant, given: { names: Names; canary: string; mediaDir: string; passwordHash: string }) {
  const { names, canary, mediaDir, passwordHash } = given
  const staff = (url: string, payload: object | string, headers: Record<string, string> = {}) =>
    expectDone(
      api.call(shop.host, {
        method: 'POST',
        url,
        token: shop.token,
        payload,
        headers: { 'idempotency-key': names.idempotencyKey, ...headers },
      }),
    )
  await shop.inMerchant((tx) => addOwner(tx, { email: names.email, name: `${canary} Ada`, passwordHash, now: api.clock.now }))
  const member = await addMember(staff, { name: names.handle, canary })
  const product = await staff('/v1/admin/products', productOf(names, canary))
  const [variant] = product.variants
  const key = await staff('/v1/admin/api-keys', { name: names.keyName, scopes: SCOPES })
  await staff(`/v1/admin/stock/${variant.id}/adjustments`, { change: 5, reason: `${canary} counted` })
  const importId = await importFile(shop, staff, names, canary)
  const jobId = await addDeadJob(api, shop, importId, canary)
  mkdirSync(join(mediaDir, shop.merchant.slug), { recursive: true })
  writeFileSync(join(mediaDir, shop.merchant.slug, names.file), `<svg xmlns="http://www.w3.org/2000/svg"><title>${canary}</title></svg>`)
  const { customer, group } = await addCustomer(staff, names, canary)
  const account = await addAccount(api, shop, { email: names.email.replace('@', '-account@'), name: names.handle, canary, passwordHash })
  const leaver = await addAccount(api, shop, {
    ...{ email: names.email.replace('@', '-leaving@'), name: `${names.handle}-leaving`, canary, passwordHash },
  })
  const put = (method: 'PUT', url: string, payload: object) => expectDone(api.call(shop.host, { method, url, payload, token: shop.token }))
  const mail = await addMail(put, shop, { canary })
  const ordered = await staff('/v1/admin/products', productOf({ ...names, handle: `${names.handle}-ordered` }, canary), {
    'idempotency-key': `${names.idempotencyKey}-ordered`,
  })
  const collection = await staff('/v1/admin/collections', { title: `${canary} things`, handle: `${names.handle}-collection` })
  await staff(`/v1/admin/collections/${collection.id}/products`, { product_ids: [product.id, ordered.id] })
  const promotions = await addPromotions(staff, shop, { name: names.handle, canary, email: `${canary}@buyer.example` })
  const goods = { ordered: ordered.variants[0].id, wanted: variant.id, code: promotions.code! }
  const { cart, order, regretted, sent, emptyCart } = await buy(api, { ...shop, customer: account.customer }, goods, names, canary)
  const dryRuns = await addDryRuns(staff, promotions.promotion_id!, names.handle)
  const taxes = await addTaxesAndShipping(staff, shop, {
    name: names.handle,
    isShared: names === SHARED,
    canary,
    customerId: customer.id,
    group: group.handle,
  })
  const plugins = await addPlugins(staff, shop, { name: names.handle, canary })
  const places = await addPlaces(staff, put, { name: names.handle, canary, from: shop.locationId })
  const shipment = await addShipment(shop, { orderId: sent.id, installId: plugins.install_id!, canary })
  const onTheWay = await addFulfillments(api, shop, { variantId: ordered.variants[0].id, canary, key: names.idempotencyKey })
  const webhooks = await addWebhooks(api, shop, { canary })
  const payments = await addPayments(api, shop, {
    ...{ canary, variantId: ordered.variants[0].id, customer: account.customer, key: names.idempotencyKey },
  })
  const change = (method: 'POST' | 'PUT', url: string, payload: object, headers = {}) =>
    expectDone(api.call(shop.host, { method, url, payload, headers, token: shop.token }))
  const changes = await addOrderChanges(change, { order, variantId: variant.id, name: names.handle, canary, key: names.idempotencyKey })
  const money = await addMoney(staff, shop, { canary, customerId: customer.id })
  return {
    values: {
      ...plugins,
      ...money,
      ...changes,
      ...payments,
      ...webhooks,
      ...onTheWay,
      ...promotions,
      ...dryRuns,
      ...taxes,
      ...shipment,
      ...places,
      ...account.values,
      ...mail,
      own_order_id: regretted.id,
      ...member,
      product_id: product.id,
      variant_id: variant.id,
      handle: names.handle,
      sku: names.sku,
      key_id: key.id,
      import_id: importId,
      job_id: jobId,
      cart_id: cart.id,
      cart_ids: cart.id,
      line_id: cart.lines[0].id,
      order_id: order.id,
      collection_id: collection.id,
      collection: `${names.handle}-collection`,
      product_ids: product.id,
      customer_id: customer.id,
      group_id: group.id,
      file: names.file,
      email: names.email,
    },
    credentials: {
      apiKey: key.secret as string,
      cart: cart.token as string,
      order: order.token as string,
      customer: account.customer,
      leaver: leaver.customer,
    },
    emptyCart: { id: emptyCart.id as string, token: emptyCart.token as string },
  }
}

function productOf({ handle, sku }: Names, canary: string) {
  const price = { amount: 100, currency: 'EUR' }
  const variant = {
    sku,
    barcode: `${canary} barcode`,
    price,
    image_url: `https://img.example/${canary}.png`,
    tracked: true,
    quantity: 100,
    tax_category: canary,
  }
  return {
    title: `${canary} product`,
    handle,
    description_html: `<p>${canary}</p>`,
    vendor: `${canary} vendor`,
    product_type: `${canary} type`,
    tags: [canary],
    options: [`${canary} size`],
    images: [{ url: `https://img.example/${canary}.png`, alt: `${canary} alt` }],
    status: 'active',
    published: true,
    variants: [
      { ...variant, options: [`${canary} S`] },
      { ...variant, options: [`${canary} M`] },
    ],
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Done = any

/** A customer in a group. */
async function addCustomer(staff: (url: string, payload: object) => Promise<Done>, { email, handle }: Names, canary: string) {
  const vat = { vat_id: 'DE129273398', vat_id_valid: true }
  const customer = await staff('/v1/admin/customers', { email, name: `${canary} Ada`, locale: 'de-DE', ...vat })
  const group = await staff('/v1/admin/customer-groups', { name: `${canary} friends`, handle: `${handle}-group` })
  await staff(`/v1/admin/customer-groups/${group.id}/members`, { customer_id: customer.id })
  return { customer, group }
}

/** An import that is over, with its report; and one that waits for a worker. */
async function importFile(
  shop: ApiMerchant,
  staff: (url: string, payload: string, headers: Record<string, string>) => Promise<Done>,
  names: Names,
  canary: string,
): Promise<string> {
  const upload = (file: string) =>
    staff(`/v1/admin/imports?file_name=${encodeURIComponent(names.fileName)}`, file, { 'content-type': 'text/csv' })
  const header = 'Handle,Title,Variant Price,Variant Grams\n'
  const bad = ['bad', 'worse'].map((how) => `${canary}-${how}-${names.handle},${canary} ${how},${canary},1\n`)
  const done = await upload(`${header}${names.handle}-imported,${canary} imported,1,1\n${bad.join('')}`)
  await runImport(shop.inMerchant, { importId: done.id })
  await upload(`${header}${names.handle}-waiting,${canary} waiting,1,1\n`)
  return done.id
}

async function addDeadJob({ call, clock }: TestApi, shop: ApiMerchant, importId: string, canary: string): Promise<string> {
  made += 1
  const job = {
    queueId: BigInt(made),
    task: 'run_import',
    jobKey: `${canary}-${made}`,
    attempts: 10,
    lastError: `${canary} gave up`,
    enqueuedAt: clock.now,
  }
  await shop.inMerchant((tx) => buryJob(tx, { ...job, payload: { importId, note: canary } }))
  const jobs = await expectDone(call(shop.host, { url: '/v1/admin/dead-jobs', token: shop.token }))
  return jobs.data[0].id
}

/** Carts that became orders: one stands, one was cancelled, one is on its way; one cart is full, one empty. What was ordered can no longer be deleted: it is another thing. */
async function buy(
  { call }: TestApi,
  shop: ApiMerchant & { customer: string },
  goods: { ordered: string; wanted: string; code: string },
  { idempotencyKey }: Names,
  canary: string,
) {
  const address = { name: `${canary} Ada`, line1: `${canary} street 1`, city: 'Berlin', country: 'DE' }
  const buyer = { email: `${canary}@buyer.example`, shipping_address: address, billing_address: address, shipping_option: 'flat' }
  const open = (given: object, name: string, token?: string) => {
    const payload = { channel: canary, ...given }
    const headers = { 'idempotency-key': `${idempotencyKey}${name}` }
    return expectDone(call(shop.host, { method: 'POST', url: '/v1/carts', payload, headers, ...(token !== undefined && { token }) }))
  }
  const lines = (variantId: string) => [{ variant_id: variantId, quantity: 1 }]
  const enter = (cart: Done) =>
    expectDone(
      call(shop.host, {
        method: 'POST',
        url: `/v1/carts/${cart.id}/coupons`,
        payload: { code: goods.code },
        headers: { 'cart-token': cart.token },
      }),
    )
  const place = (placed: Done, name: string) =>
    expectDone(
      call(shop.host, {
        method: 'POST',
        url: `/v1/carts/${placed.id}/checkout`,
        payload: { payment_method: 'invoice' },
        headers: { 'cart-token': placed.token, 'idempotency-key': `${idempotencyKey}${name}` },
      }),
    )
  const regret = async (name: string) => {
    const regretted = await place(await open({ ...buyer, lines: lines(goods.ordered) }, name, shop.customer), name)
    const cancelled = { method: 'POST', url: `/v1/admin/orders/${regretted.id}/cancel`, payload: { reason: `${canary} regrets` } } as const
    await expectDone(call(shop.host, { ...cancelled, token: shop.token }))
    return regretted
  }
  await regret('-regretted')
  const regretted = await regret('-regretted-too')
  const sent = await place(await open({ ...buyer, lines: lines(goods.ordered) }, '-sent'), '-sent')
  const ordered = await open({ ...buyer, lines: lines(goods.ordered) }, '')
  await enter(ordered)
  const order = await place(ordered, '')
  const cart = await open({ ...buyer, lines: lines(goods.wanted) }, '-full')
  await enter(cart)
  return { order, regretted, sent, cart, emptyCart: await open({}, '-empty') }
}

/** Something of no merchant's, stopped by the platform. */
function addBlock({ call }: TestApi, token: string, canary: string): Promise<Done> {
  const payload = { plugin: `${canary}-stopped`, reason: canary }
  return expectDone(call('platform.localhost', { method: 'POST', url: '/v1/plugin-blocks', token, payload }))
}

async function addDomain({ call, dns }: TestApi, token: string, { merchant }: ApiMerchant, host: string): Promise<void> {
  const platform = 'platform.localhost'
  const { challenge } = await expectDone(
    call(platform, { method: 'POST', url: `/v1/merchants/${merchant.id}/domains`, token, payload: { host } }),
  )
  dns.set(challenge.name, [[challenge.value]])
}

async function expectDone(asked: ReturnType<TestApi['call']>): Promise<Done> {
  const { status, body, text } = await asked
  if (status >= 300) throw new Error(`A shop could not be filled: ${status} ${text}`)
  return body
}
