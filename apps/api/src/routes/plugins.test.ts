import { PluginHost } from '@souk/plugin-host/plugin-host.ts'
import { ProviderCaller } from '@souk/plugin-host/provider-caller.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

// The whole way, with real runners: pushed, installed, asked in a quote and at checkout, looked up in the log, stopped.

const SOON = { timeout: 180_000 }
const ADDRESS = { name: 'Ada', line1: 'Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }

let api: TestApi
let host: PluginHost
let shop: ApiMerchant
let variantId: string

beforeAll(async () => {
  host = new PluginHost({ repeatRate: 0 })
  api = await createTestApi({ pluginPort: new ProviderCaller(host) })
})
afterAll(async () => {
  await api.close()
  await host.close()
})

function manifest(name: string, version = '1.0.0', further: object = {}) {
  return {
    name,
    version,
    title: name,
    sdk: '^1.0.0',
    contracts: { discount: '^1' },
    input: { 'discount@1': ['lines.id', 'lines.quantity', 'subtotal', 'customer.groups'] },
    configuration: {
      type: 'object',
      properties: { percentage: { type: 'string', format: 'percentage', default: '10' } },
    },
    ...further,
  }
}

const bundle = (body: string) => `definePlugin({ contracts: { 'discount@1': { run(input, configuration) { ${body} } } } })`
const TEN_OFF = bundle(`
  console.log('asked about ' + input.lines.length)
  return { operations: [{ type: 'order', value: { percentage: configuration.percentage }, message: 'Thank you' }] }`)

async function openShop(): Promise<void> {
  shop = await api.addMerchant()
  const product = await staff('POST', '/v1/admin/products', {
    title: 'Tea',
    status: 'active',
    published: true,
    variants: [{ sku: 'TEA', price: { amount: 2_000, currency: 'EUR' }, tracked: true, quantity: 100 }],
  })
  variantId = product.body.variants[0].id
}

let keys = 0
function staff(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) {
  const headers = { 'idempotency-key': `key-${++keys}` }
  return api.call(shop.host, { method, url, token: shop.token, headers, ...(payload && { payload }) })
}

async function push(name: string, code = TEN_OFF, version = '1.0.0', further: object = {}) {
  return staff('POST', '/v1/admin/plugins/releases', { manifest: manifest(name, version, further), bundle: code })
}

async function install(name: string, further: object = {}) {
  const installed = await staff('POST', '/v1/admin/plugins/installs', { plugin: name, version: '^1', ...further })
  expect(installed.status, installed.text).toBe(201)
  return installed.body
}

async function openCart() {
  const payload = {
    lines: [{ variant_id: variantId, quantity: 2 }],
    email: 'ada@buyer.example',
    shipping_address: ADDRESS,
  }
  const opened = await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })
  expect(opened.status, opened.text).toBe(201)
  return opened.body
}

function checkout(cart: { id: string; token: string }) {
  return api.call(shop.host, {
    method: 'POST',
    url: `/v1/carts/${cart.id}/checkout`,
    payload: { payment_method: 'invoice' },
    headers: { 'cart-token': cart.token, 'idempotency-key': `order-${++keys}` },
  })
}

describe('a plugin of a shop', () => {
  it('takes part in quotes and orders, says why, and is logged as a fixture', async () => {
    await openShop()
    expect((await push('thanks')).status).toBe(201)
    const installed = await install('thanks', { configuration: { percentage: '25' } })
    const cart = await openCart()
    expect(cart.totals).toMatchObject({ subtotal: { amount: 4_000 }, discount: { amount: 1_000 } })
    expect(JSON.stringify(cart.adjustments)).toContain('Thank you')
    const order = await checkout(cart)
    expect(order.status, order.text).toBe(201)
    expect(order.body.totals.discount).toEqual({ amount: 1_000, currency: 'EUR' })
    await expect
      .poll(async () => (await staff('GET', `/v1/admin/plugins/installs/${installed.id}/calls`)).body.data.length, SOON)
      .toBeGreaterThan(0)
    const [call] = (await staff('GET', `/v1/admin/plugins/installs/${installed.id}/calls`)).body.data
    const full = (await staff('GET', `/v1/admin/plugins/calls/${call.id}`)).body
    expect(full).toMatchObject({
      contract: 'discount@1',
      hook: 'run',
      configuration: { percentage: '25' },
      output: { operations: [{ type: 'order' }] },
      logs: ['asked about 1'],
    })
    expect(full.input).toEqual({ lines: [{ id: expect.any(String), quantity: 2 }], subtotal: 4_000, customer: null })
  })

  it('is never told what its manifest does not ask for', async () => {
    await openShop()
    await push('curious', bundle('throw new Error(JSON.stringify(input))'))
    const installed = await install('curious')
    await openCart()
    await expect
      .poll(async () => (await staff('GET', `/v1/admin/plugins/installs/${installed.id}/calls`)).body.data[0]?.detail, SOON)
      .toEqual(expect.stringContaining('subtotal'))
    const { detail } = (await staff('GET', `/v1/admin/plugins/installs/${installed.id}/calls`)).body.data[0]
    for (const secret of ['ada@buyer', 'Berlin', '10115', 'TEA', shop.merchant.id]) expect(detail).not.toContain(secret)
  })

  it.each([
    ['loops', 'while (true) {}'],
    ['throws', 'throw new Error("no")'],
    ['answers nonsense', 'return { operations: [{ type: "line", line_id: "nobody", value: { amount: 1 }, message: "m" }] }'],
    ['answers too much', 'return "x".repeat(900000)'],
    ['asks for the code generator', 'return [].constructor.constructor("return process")()'],
  ])('that %s leaves the sale as it is, with a note', async (_what, body) => {
    await openShop()
    await push('bad', bundle(body))
    await install('bad')
    const cart = await openCart()
    expect(cart.totals.discount.amount).toBe(0)
    expect(cart.notes).toEqual([expect.objectContaining({ plugin: 'bad' })])
    expect((await checkout(cart)).status).toBe(201)
  })

  it('refuses the order where the merchant wants it so, and orders nothing', async () => {
    await openShop()
    await push('strict', bundle('throw new Error("no")'))
    await install('strict', { providers: [{ point: 'discount', failure_policy: 'refuse' }] })
    const cart = await openCart()
    const refused = await checkout(cart)
    expect(refused.status).toBe(502)
    expect(refused.body).toMatchObject({ type: expect.stringContaining('plugin-failed'), plugin: 'strict' })
    expect((await staff('GET', '/v1/admin/orders')).body.data).toEqual([])
  })

  it('is refused at the door when it cannot run: bad syntax, async, another manifest, no such hook', async () => {
    await openShop()
    const codes = await Promise.all([
      push('a-plugin', 'definePlugin('),
      push('a-plugin', bundle('return (async () => 1)()')),
      push('a-plugin', 'definePlugin({ contracts: {} })'),
      push('a-plugin', TEN_OFF, '1'),
      push('a-plugin', TEN_OFF, '1.0.0', { contracts: { discount: '^9' } }),
      push('a-plugin', TEN_OFF, '1.0.0', { input: { 'discount@1': ['customer.password'] } }),
    ])
    expect(codes.map(({ status, body }) => [status, body.errors?.[0]?.pointer?.split('/')[1]])).toEqual([
      [422, 'bundle'],
      [422, 'bundle'],
      [422, 'bundle'],
      [422, 'manifest'],
      [422, 'manifest'],
      [422, 'manifest'],
    ])
  })

  it('names the part of a configuration that does not fit', async () => {
    await openShop()
    await push('thanks')
    const refused = await staff('POST', '/v1/admin/plugins/installs', {
      plugin: 'thanks',
      version: '^1',
      configuration: { percentage: 'a lot', other: 1 },
    })
    expect(refused.status).toBe(422)
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/configuration/other',
      '/configuration/percentage',
    ])
  })

  it('is stopped everywhere by the platform, and let run again', async () => {
    await openShop()
    await push('thanks')
    await install('thanks')
    expect((await openCart()).totals.discount.amount).toBe(400)
    const token = await api.adminToken()
    const platform = (method: 'POST', url: string, payload?: object) =>
      api.call('platform.localhost', { method, url, token, ...(payload && { payload }) })
    const block = await platform('POST', '/v1/plugin-blocks', { plugin: 'thanks', merchant_id: shop.merchant.id, reason: 'It was mean.' })
    expect(block.status, block.text).toBe(201)
    await expect.poll(async () => (await openCart()).totals.discount.amount, SOON).toBe(0)
    await platform('POST', `/v1/plugin-blocks/${block.body.id}/lift`)
    await expect.poll(async () => (await openCart()).totals.discount.amount, SOON).toBe(400)
  })

  it('changes version for a share of buyers, and comes back', async () => {
    await openShop()
    await push('thanks')
    const { id } = await install('thanks', { version: '1.0.0' })
    await push('thanks', bundle('return { operations: [] }'), '1.1.0')
    const rolled = await staff('PATCH', `/v1/admin/plugins/installs/${id}`, { version: '1.1.0', rollout_percent: '50' })
    expect(rolled.body.candidate).toEqual({ version: '1.1.0', percent: '50' })
    const discounts = new Set<number>()
    for (let carts = 0; carts < 20; carts += 1) discounts.add((await openCart()).totals.discount.amount)
    expect([...discounts].sort((one, other) => one - other)).toEqual([0, 400])
    expect((await staff('POST', `/v1/admin/plugins/installs/${id}/rollback`)).body).toMatchObject({ version: '1.0.0', candidate: null })
  })
})
