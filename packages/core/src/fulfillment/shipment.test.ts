import type { CarrierRequestV1 } from '@souk/plugins-sdk/contracts/carrier-request.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { installPlugin } from '../plugins/install-plugin.ts'
import { PluginRuntime } from '../plugins/plugin-runtime.ts'
import type { ProviderCall } from '../plugins/port.ts'
import { pushRelease } from '../plugins/releases.ts'
import { SECRETS_PURPOSE, setSecret } from '../plugins/secrets.ts'
import { SecretBox } from '../secret-box.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import { addPlacedOrder } from '../testing/placed-order.ts'
import { testManifest, testPluginPort } from '../testing/plugin-port.ts'
import { cancelFulfillment } from './cancel-fulfillment.ts'
import { loadFulfillment } from './fulfillment.ts'
import { openFulfillment } from './open-fulfillments.ts'
import { performShipment, trackShipment } from './perform-shipment.ts'
import { packFulfillment } from './pick-fulfillment.ts'
import { cancelShipment, requestShipment } from './request-shipment.ts'
import { shipFulfillment } from './ship-fulfillment.ts'
import { loadLabel, loadShipment } from './shipment.ts'

const actor: Actor = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' }
const by = { actor, now: new Date() }
const PRICED = JSON.stringify({ lines: [], adjustments: [], shipping: null, notes: [] })
let orders = 0
const SENDER = { name: 'Shop', line1: 'Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }
const request = (path: string): { request: CarrierRequestV1 } => ({
  request: { host: 'api.lockers.example', method: 'POST', path, body: null, accepts: 'text' },
})

/** What the carrier plugin of these tests does at each hook. */
const HOOKS: Record<string, unknown> = {
  createShipment: request('/shipments'),
  parseShipment: { outcome: 'created', carrier_reference: 'L-1', tracking_number: 'T-1', tracking_url: 'https://lockers.example/T-1' },
  fetchLabel: request('/labels'),
  parseLabel: { outcome: 'ready', media_type: 'application/pdf', from: { document: true } },
  track: request('/tracking'),
  parseTracking: { outcome: 'known', status: 'delivered', events: [] },
  cancelShipment: request('/cancellations'),
  parseCancellation: { outcome: 'cancelled' },
}

let shop: TestShop
beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())
afterEach(() => onCrashPoint(() => {}))

async function shipping(hooks: Record<string, unknown> = HOOKS) {
  const merchant = await shop.addMerchant()
  const { inMerchant } = merchant
  const port = testPluginPort()
  port.behaviours.set('v1', (call: ProviderCall) => (call.hook in hooks ? { output: hooks[call.hook] } : { reason: 'hook_missing' }))
  await pushRelease(inMerchant, port, { manifest: testManifest('1.0.0', ['fulfillment']), bundle: 'v1' }, by)
  const install = await installPlugin(inMerchant, port, { plugin: 'volume-tiers', versionRange: '^1', configuration: {} }, by)
  const secretBox = new SecretBox(shop.keys, SECRETS_PURPOSE)
  await inMerchant((tx) => setSecret(tx, secretBox, { installId: install.id, name: 'api_key', value: 'geheim' }, by))
  const sent: { path: string; secrets: Record<string, string> }[] = []
  const carrier = {
    perform: async ({ request: wanted, secrets }: { request: CarrierRequestV1; secrets: Record<string, string> }) => {
      sent.push({ path: wanted.path, secrets })
      return { response: { status: 200, headers: {}, body: '{}', body_bytes: 2 }, bytes: Buffer.from('%PDF') }
    },
    labelOf: (_answer: unknown, bytes: Uint8Array) => bytes,
  }
  const carriers = new PluginRuntime({ port, isBlocked: () => false, onError: () => {} })
  const deps = { carriers, port: carrier, secretBox }
  const orderId = await addOrder(merchant)
  const ask = () =>
    inMerchant((tx) => requestShipment(tx, { orderId, installId: install.id, method: 's', sender: SENDER, parcels: [{ grams: 900 }] }, by))
  const read = (id: string) => inMerchant.read((tx) => loadShipment(tx, id))
  return {
    ...merchant,
    port,
    deps,
    sent,
    orderId,
    install,
    ask,
    read,
    perform: (id: string) => performShipment(inMerchant, deps, { shipmentId: id }),
  }
}

async function addOrder(merchant: Awaited<ReturnType<TestShop['addMerchant']>>, status = 'placed'): Promise<string> {
  const goods = await addGoods(merchant)
  const orderId = newId()
  const address = JSON.stringify({ ...SENDER, name: 'Ada' })
  await merchant.inMerchant(async (tx) => {
    await tx.sql`
      insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, shipping_address,
        subtotal, discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result, cancelled_at)
      values (${tx.merchantId}, ${orderId}, ${BigInt(++orders)}, ${newId()}, ${status}, 'pending', 'unfulfilled', 'EUR', 'ada@buyer.example', ${address}::jsonb,
        1000, 0, 0, 0, true, 1000, '{}', ${PRICED}::jsonb, ${status === 'cancelled' ? by.now : null})`
    await tx.sql`
      insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku, quantity,
        unit_price, subtotal, discount_total, tax_total, total)
      values (${tx.merchantId}, ${newId()}, ${orderId}, 1, ${goods.productId}, ${goods.variantId}, 'Tea', '', 'T', 1, 1000, 1000, 0, 0, 1000)`
  })
  return orderId
}

describe('a shipment', () => {
  it('is made with the carrier, labelled, and told of in events', async () => {
    const { ask, perform, read, inMerchant, sent, port } = await shipping()
    const { id } = await ask()
    await perform(id)
    expect(await read(id)).toMatchObject({
      status: 'labelled',
      carrierReference: 'L-1',
      trackingNumber: 'T-1',
      labelType: 'application/pdf',
    })
    expect((await inMerchant.read((tx) => loadLabel(tx, id))).bytes.toString()).toBe('%PDF')
    expect(sent).toEqual([
      { path: '/shipments', secrets: { api_key: 'geheim' } },
      { path: '/labels', secrets: { api_key: 'geheim' } },
    ])
    expect(JSON.stringify(port.calls.map((call) => call.input))).not.toContain('geheim')
    const [events] = await inMerchant.readOnce((tx) => [
      tx.sql`select type from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id} order by sequence`,
    ])
    expect(events!.map((event) => event.type)).toEqual(['shipment.requested', 'shipment.created', 'shipment.labelled'])
  })

  it('is done without a label by a carrier that has none', async () => {
    const { createShipment, parseShipment } = HOOKS
    const { ask, perform, read } = await shipping({ createShipment, parseShipment })
    const { id } = await ask()
    await perform(id)
    expect(await read(id)).toMatchObject({ status: 'labelled', labelType: null })
  })

  it.each(['shipment.before_carrier', 'shipment.after_carrier'] as const)('comes to one end after a crash at %s', async (point) => {
    for (const nth of [1, 2]) {
      const { ask, perform, read, sent } = await shipping()
      const { id } = await ask()
      let left = nth
      onCrashPoint((passed) => {
        if (passed === point && --left === 0) throw new Error('crashed')
      })
      await expect(perform(id)).rejects.toThrow('crashed')
      onCrashPoint(() => {})
      await perform(id)
      expect(await read(id)).toMatchObject({ status: 'labelled', carrierReference: 'L-1' })
      expect(sent.length).toBeLessThanOrEqual(3)
    }
  })

  it('is written once when two workers make it at the same moment', async () => {
    const { ask, perform, inMerchant } = await shipping()
    const { id } = await ask()
    await Promise.all([perform(id), perform(id), perform(id)])
    const [events] = await inMerchant.readOnce((tx) => [
      tx.sql`select type from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id}`,
    ])
    expect(events).toHaveLength(3)
  })

  it('that the carrier refuses has failed, with its words', async () => {
    const no = { outcome: 'failed', code: 'too_heavy', message: 'The parcel is too heavy.', retry: false }
    const { ask, perform, read } = await shipping({ ...HOOKS, parseShipment: no })
    const { id } = await ask()
    await perform(id)
    expect(await read(id)).toMatchObject({ status: 'failed', failure: { code: 'too_heavy', message: 'The parcel is too heavy.' } })
  })

  it('that the carrier wants later stays, and the job comes again', async () => {
    const later = { outcome: 'failed', code: 'busy', message: 'Later.', retry: true }
    const { ask, perform, read } = await shipping({ ...HOOKS, parseShipment: later })
    const { id } = await ask()
    await expect(perform(id)).rejects.toThrow('try again')
    expect((await read(id)).status).toBe('requested')
  })

  it('is called off with the carrier too', async () => {
    const { ask, perform, read, inMerchant, sent } = await shipping()
    const { id } = await ask()
    await perform(id)
    await inMerchant((tx) => cancelShipment(tx, id, by))
    await perform(id)
    expect((await read(id)).status).toBe('cancelled')
    expect(sent.at(-1)!.path).toBe('/cancellations')
    await expect(inMerchant((tx) => cancelShipment(tx, id, by))).rejects.toMatchObject({ code: 'invalid_state' })
  })

  it('is tracked until it is delivered', async () => {
    const { ask, perform, read, inMerchant, deps, sent } = await shipping()
    const { id } = await ask()
    await perform(id)
    await trackShipment(inMerchant, deps, { shipmentId: id })
    await trackShipment(inMerchant, deps, { shipmentId: id })
    expect(await read(id)).toMatchObject({ trackingStatus: 'delivered' })
    expect(sent.filter(({ path }) => path === '/tracking')).toHaveLength(1)
  })
})

describe('a shipment of a fulfillment', () => {
  /** A fulfillment of one of two pieces, and what asks a carrier to take it. */
  async function opened(hooks = HOOKS) {
    const shipped = await shipping(hooks)
    const { inMerchant, install } = shipped
    const goods = await addGoods(shipped, { onHand: 5n })
    const { orderId, lineIds } = await addPlacedOrder(shipped, [{ goods, quantity: 2n }])
    const wanted = { locationId: shipped.locationId, lines: [{ lineId: lineIds[0]!, quantity: 1n }] }
    const { id } = await inMerchant(async (tx) => openFulfillment(tx, await holdOrder(tx, orderId), wanted, by))
    const ask = (fulfillmentId = id) =>
      inMerchant((tx) =>
        requestShipment(tx, { orderId, installId: install.id, fulfillmentId, method: 's', sender: SENDER, parcels: [{ grams: 900 }] }, by),
      )
    const fulfillment = () => inMerchant.read((tx) => loadFulfillment(tx, id))
    return { ...shipped, goods, orderId, id, ask, fulfillment }
  }

  it('tells the carrier of its goods alone, and goes as the carrier says', async () => {
    const { ask, perform, fulfillment, inMerchant, deps, port, orderId, goods } = await opened()
    const shipment = await ask()
    await perform(shipment.id)
    expect(await fulfillment()).toMatchObject({ status: 'to_pick', shipmentId: shipment.id, trackingNumber: 'T-1' })
    const told = port.calls.find(({ hook }) => hook === 'createShipment')!.input as {
      shipment: { items: object[]; declared_value: number }
    }
    expect(told.shipment).toMatchObject({ items: [{ quantity: 1 }], declared_value: 1_000 })
    await Promise.all([1, 2].map(() => trackShipment(inMerchant, deps, { shipmentId: shipment.id })))
    expect(await fulfillment()).toMatchObject({ status: 'delivered' })
    const { state } = await inMerchant((tx) => readOrderState(tx, orderId))
    expect(state).toMatchObject({ status: 'part_fulfilled', lines: [{ fulfilled: 1n, delivered: 1n }] })
    const [level] = await inMerchant.read(
      (tx) => tx.sql`select on_hand, allocated from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`,
    )
    expect(level).toEqual({ on_hand: 4n, allocated: 1n })
  })

  it('leaves the house when the carrier has it, whatever had been noted, and once', async () => {
    const underWay = { outcome: 'known', status: 'in_transit', events: [] }
    const { ask, perform, fulfillment, inMerchant, deps, id } = await opened({ ...HOOKS, parseTracking: underWay })
    const shipment = await ask()
    await perform(shipment.id)
    await inMerchant((tx) => packFulfillment(tx, id, by))
    await inMerchant((tx) => shipFulfillment(tx, id, {}, by))
    await trackShipment(inMerchant, deps, { shipmentId: shipment.id })
    expect(await fulfillment()).toMatchObject({ status: 'shipped' })
  })

  it('is the only one, and has to be called off before its goods are taken apart', async () => {
    const { ask, perform, inMerchant, id, fulfillment } = await opened()
    const shipments = await Promise.allSettled([ask(), ask(), ask()])
    const made = shipments.filter((each) => each.status === 'fulfilled')
    expect(made).toHaveLength(1)
    await expect(inMerchant((tx) => cancelFulfillment(tx, id, by))).rejects.toMatchObject({
      details: { extra: { current_state: 'shipping' } },
    })
    const shipmentId = made[0]!.value.id
    await inMerchant((tx) => cancelShipment(tx, shipmentId, by))
    await perform(shipmentId)
    expect(await fulfillment()).toMatchObject({ shipmentId: null })
    expect((await inMerchant((tx) => cancelFulfillment(tx, id, by))).status).toBe('cancelled')
    await expect(ask()).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(ask(newId())).rejects.toMatchObject({ code: 'not_found', details: { errors: [{ pointer: '/fulfillment_id' }] } })
  })
})

describe('a request for a shipment', () => {
  it('is refused without a method that somebody chose, and for a plugin that is no carrier', async () => {
    const { inMerchant, orderId, install } = await shipping()
    const wanted = { orderId, installId: install.id, sender: SENDER, parcels: [{ grams: 1 }] }
    await expect(inMerchant((tx) => requestShipment(tx, wanted, by))).rejects.toMatchObject({
      details: { errors: [{ pointer: '/method', code: 'not_offered' }] },
    })
  })

  it('is refused for an order that was cancelled', async () => {
    const { inMerchant, install, ...merchant } = await shipping()
    const orderId = await addOrder({ ...merchant, inMerchant }, 'cancelled')
    const wanted = { orderId, installId: install.id, method: 's', sender: SENDER, parcels: [{ grams: 1 }] }
    await expect(inMerchant((tx) => requestShipment(tx, wanted, by))).rejects.toMatchObject({
      code: expect.stringMatching(/invalid_state|not_found/),
    })
  })
})
