import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectStatus } from './client.ts'
import { ADDRESS, checkOut, openCart, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'

// A carrier plugin the whole way: its rate in the cart, its shipment and label made by the worker with a carrier that is a
// server of its own, with a secret that the plugin never sees; and a worker that is killed in the middle.

const HOST = 'api.lockers.example'
const SECRET = 'geheim-4711'

let house: House
let shop: Shop
let carrier: Server
let variantId: string
let installId: string
const asked: { url: string; authorization: string; body: string }[] = []
/** By the shop's shipment id: what the carrier has really made. */
const made = new Map<string, string>()

const BUNDLE = `
  const request = (path, body) => ({ request: { host: '${HOST}', method: 'POST', path, body: JSON.stringify(body), accepts: 'text',
    headers: { 'content-type': 'application/json', authorization: 'Bearer {{secrets.api_key}}' } } })
  definePlugin({ contracts: { 'fulfillment@1': {
    rates: () => ({ rates: [{ code: 's', name: 'Locker S', amount: 290, pickup_point: { id: 'L7', name: 'Locker 7', address: 'Street 7',
      postcode: '10115', city: 'Berlin', country: 'DE' } }] }),
    createShipment: ({ shipment }) => request('/shipments', { id: shipment.id, to: shipment.pickup_point_id, grams: shipment.parcels[0].grams }),
    parseShipment: ({ response }) => response.status === 201
      ? { outcome: 'created', carrier_reference: JSON.parse(response.body).reference, tracking_number: 'T-1', tracking_url: null }
      : { outcome: 'failed', code: 'carrier', message: 'HTTP ' + response.status, retry: response.status === 0 },
    fetchLabel: ({ shipment }) => ({ request: { host: '${HOST}', method: 'GET', path: '/labels/' + shipment.carrier_reference, body: null, accepts: 'document' } }),
    parseLabel: () => ({ outcome: 'ready', media_type: 'application/pdf', from: { document: true } }),
  } } })`

beforeAll(async () => {
  carrier = createServer(async (request, reply) => {
    const body = await bodyOf(request)
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '', body })
    if (request.url?.startsWith('/labels/')) return void reply.writeHead(200, { 'content-type': 'application/pdf' }).end('%PDF-1.7 label')
    const { id } = JSON.parse(body) as { id: string }
    const reference = made.get(id) ?? `R${made.size + 1}`
    made.set(id, reference)
    reply.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ reference }))
  })
  await new Promise<void>((listening) => carrier.listen(0, '127.0.0.1', listening))
  house = await House.open()
  await house.startApi()
  startWorker()
  shop = await house.addShop({ slug: 'lockers' })
  variantId = (await stockShop(house, shop, [{ handle: 'tea', price: '10.00', stock: 1_000 }])).get('tea')!
  installId = await installCarrier()
})

afterAll(async () => {
  expect(await house.invariants()).toEqual([])
  await house.close()
  carrier.closeAllConnections()
  carrier.close()
})

function startWorker(further: Record<string, string> = {}): void {
  const { port } = carrier.address() as AddressInfo
  house.startWorker({ SOUK_CARRIER_HOSTS: JSON.stringify({ [HOST]: `http://127.0.0.1:${port}` }), ...further })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function installCarrier(): Promise<string> {
  const shipment = ['id', 'pickup_point_id', 'parcels.grams', 'carrier_reference'].map((field) => `shipment.${field}`)
  const manifest = {
    name: 'lockers',
    version: '1.0.0',
    title: 'Lockers',
    sdk: '^1.0.0',
    contracts: { fulfillment: '^1' },
    input: { 'fulfillment@1': ['grams', ...shipment] },
    hosts: [{ host: HOST, methods: ['GET', 'POST'] }],
    secrets: { api_key: { title: 'API key', hosts: [HOST] } },
  }
  expectStatus(await shop.staff.post('/v1/admin/plugins/releases', { manifest, bundle: BUNDLE }), 201)
  const { id } = expectStatus(
    await shop.staff.post<{ id: string }>('/v1/admin/plugins/installs', { plugin: 'lockers', version: '1.0.0' }),
    201,
  )
  const secret = await shop.staff.call(`/v1/admin/plugins/installs/${id}/secrets/api_key`, { method: 'PUT', body: { value: SECRET } })
  expect(secret.status).toBe(204)
  return id
}

async function ship(key: string): Promise<string> {
  const cart = await openCart(shop, [{ variant_id: variantId, quantity: 1 }])
  const headers = { 'cart-token': cart.token }
  const method = `${installId}:s`
  const changed = await shop.buyer.call<typeof cart>(`/v1/carts/${cart.id}`, {
    method: 'PATCH',
    body: { shipping_option: method },
    headers,
  })
  const priced = expectStatus(changed, 200)
  expect(priced.totals.total.amount).toBe(1_290)
  const order = expectStatus(await checkOut(shop, { ...cart, totals: priced.totals }, key), 201)
  const body = { install_id: installId, sender: { ...ADDRESS, name: 'Shop' }, parcels: [{ grams: 900 }] }
  const wanted = await shop.staff.post<{ id: string }>(`/v1/admin/orders/${order.id}/shipments`, body, { 'idempotency-key': key })
  return expectStatus(wanted, 202).id
}

async function shipped(id: string): Promise<Record<string, unknown>> {
  const read = async () => (await shop.staff.get(`/v1/admin/shipments/${id}`)).body
  await expect.poll(async () => (await read()).status, { timeout: 180_000, interval: 200 }).toBe('labelled')
  return read()
}

it('sends an order by a carrier plugin, label and all, and shows the plugin no secret', async () => {
  const shipment = await shipped(await ship('first'))
  expect(shipment).toMatchObject({ method: 's', pickup_point_id: 'L7', carrier_reference: 'R1', tracking_number: 'T-1' })
  const label = await shop.staff.get(`/v1/admin/shipments/${String(shipment.id)}/label`)
  expect([label.headers['content-type'], label.text]).toEqual(['application/pdf', '%PDF-1.7 label'])
  expect(asked.find(({ url }) => url === '/shipments')).toMatchObject({
    authorization: `Bearer ${SECRET}`,
    body: JSON.stringify({ id: shipment.id, to: 'L7', grams: 900 }),
  })
  const kept =
    await house.query`select (select string_agg(c::text, '') from plugin_call c) as calls, (select string_agg(s::text, '') from plugin_secret s) as secrets`
  expect(JSON.stringify(kept)).not.toContain(SECRET)
})

it.each(['shipment.before_carrier', 'shipment.after_carrier'])(
  'makes one shipment with the carrier when the worker is killed %s',
  async (point) => {
    await house.worker.stop()
    startWorker({ SOUK_CRASH_AT: point })
    const id = await ship(point)
    await house.worker.finished()
    const before = made.size
    startWorker()
    await shipped(id)
    expect(made.size - before).toBe(point === 'shipment.before_carrier' ? 1 : 0)
    expect(made.has(id)).toBe(true)
  },
)
