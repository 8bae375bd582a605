import type { CarrierRequestV1, CarrierResponseV1, RequestOutputV1 } from '@souk/plugins-sdk/contracts/carrier-request.ts'
import type { ParseLabelOutputV1, ShipmentInputV1 } from '@souk/plugins-sdk/contracts/fulfillment.ts'
import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import { type Order, type OrderLine, orderQueries, toOrder } from '../orders/order.ts'
import { type InstalledPlugin, installsQuery, toInstalls } from '../plugins/installs-in-force.ts'
import type { PluginRuntime } from '../plugins/plugin-runtime.ts'
import { openSecrets } from '../plugins/secrets.ts'
import type { SecretBox } from '../secret-box.ts'
import { type Fulfillment, loadFulfillment } from './fulfillment.ts'
import type { Place, Shipment } from './shipment.ts'

export type AskingCarrier = Pick<PluginRuntime, 'ask'>

/** What stands between the shop and a carrier's servers. The process that owns the network answers. */
export interface CarrierPort {
  /**
   * Performs a request that a plugin described, against the hosts its manifest declares, with the secrets filled in. An
   * answer that did not come has status 0. Throws for a request that may not be made.
   */
  perform(given: { manifest: unknown; request: CarrierRequestV1; secrets: Record<string, string> }): Promise<{
    response: CarrierResponseV1
    bytes: Uint8Array
  }>
  labelOf(answer: Extract<ParseLabelOutputV1, { outcome: 'ready' }>, bytes: Uint8Array): Uint8Array | undefined
}

export type CarrierAnswer<Answer> = { kind: 'answer'; answer: Answer; bytes: Uint8Array } | { kind: 'nothing' }

/** A plugin failed where nobody waits: the job comes again. */
export class CarrierUnavailable extends Error {}

/**
 * One exchange with a carrier: the plugin writes the request, the port performs it, the plugin reads the answer. No
 * transaction is open meanwhile. `nothing`: the plugin has no such hook, or says there is nothing to ask.
 */
export async function askCarrier<Answer>(
  inMerchant: InMerchant,
  deps: { carriers: AskingCarrier; port: CarrierPort; secretBox: SecretBox },
  shipment: Shipment,
  requestHook: string,
  parseHook: string,
): Promise<CarrierAnswer<Answer>> {
  if (inMerchant.merchant.sandbox) throw new CarrierUnavailable('this is a sandbox: it asks no carrier')
  const { install, input, secrets } = await gather(inMerchant, deps.secretBox, shipment)
  if (!install) throw new CarrierUnavailable('the plugin is not installed, or was turned off')
  const ask = async (hook: string, given: unknown) => {
    const question = { install, point: 'fulfillment' as const, hook, input: given, stickyKey: shipment.orderId }
    const { answer } = await deps.carriers.ask(inMerchant, question)
    if (!answer.ok && answer.reason === 'hook_missing') return undefined
    if (!answer.ok) throw new CarrierUnavailable(`${answer.reason}: ${answer.detail}`)
    return answer.output
  }
  const wanted = (await ask(requestHook, input)) as RequestOutputV1 | undefined
  if (wanted === undefined || 'nothing_to_do' in wanted) return { kind: 'nothing' }
  crashPoint('shipment.before_carrier')
  const request = { manifest: install.serving.manifest, request: wanted.request, secrets }
  const { response, bytes } = await callingOut('carrier', () => deps.port.perform(request))
  crashPoint('shipment.after_carrier')
  const answer = (await ask(parseHook, { ...input, response })) as Answer | undefined
  if (answer === undefined) throw new CarrierUnavailable(`the plugin has no ${parseHook} for its ${requestHook}`)
  return { kind: 'answer', answer, bytes }
}

async function gather(
  inMerchant: InMerchant,
  box: SecretBox,
  shipment: Shipment,
): Promise<{ install: InstalledPlugin | undefined; input: ShipmentInputV1; secrets: Record<string, string> }> {
  return inMerchant.read(async (tx) => {
    const [order, contents, installs, secrets, grams] = await Promise.all([
      Promise.all(orderQueries(tx, shipment.orderId)).then(toOrder),
      shipment.fulfillmentId === null ? undefined : loadFulfillment(tx, shipment.fulfillmentId),
      installsQuery(tx),
      openSecrets(tx, box, shipment.installId),
      tx.sql<{ id: string; grams: bigint }[]>`
        select v.id, v.grams from order_line l join variant v on v.merchant_id = l.merchant_id and v.id = l.variant_id
        where l.merchant_id = ${tx.merchantId} and l.order_id = ${shipment.orderId}`,
    ])
    const install = toInstalls(installs).find((each) => each.installId === shipment.installId)
    const weights = new Map(grams.map((row) => [row.id, Number(row.grams)]))
    const lines = contents ? partOf(order, contents) : order.lines
    return { install, secrets, input: shipmentInput(shipment, { ...order, lines }, weights, contents ? worthOf(lines) : order.total) }
  })
}

/** The lines that go with a fulfillment, as far as they do. */
function partOf(order: Order, { lines }: Fulfillment): OrderLine[] {
  return order.lines.flatMap((line) => {
    const quantity = lines.find(({ lineId }) => lineId === line.id)?.quantity ?? 0n
    return quantity === 0n ? [] : [{ ...line, quantity, total: (line.total * quantity) / (line.quantity === 0n ? 1n : line.quantity) }]
  })
}

function worthOf(lines: readonly OrderLine[]): bigint {
  return lines.reduce((sum, { total }) => sum + total, 0n)
}

function shipmentInput(shipment: Shipment, order: Order, weights: ReadonlyMap<string, number>, worth: bigint): ShipmentInputV1 {
  return {
    as_of: new Date().toISOString(),
    shipment: {
      id: shipment.id,
      order_number: String(order.number),
      method: shipment.method,
      pickup_point_id: shipment.pickupPointId,
      currency: order.currency,
      declared_value: Number(worth),
      recipient: place({ ...order.shippingAddress!, email: order.email }),
      sender: place(shipment.sender),
      parcels: shipment.parcels,
      items: order.lines.map((line) => ({
        sku: line.sku.slice(0, 255),
        title: line.productTitle.slice(0, 500),
        quantity: Number(line.quantity),
        grams: weights.get(line.variantId) ?? 0,
        unit_price: Number(line.unitPrice),
      })),
      carrier_reference: shipment.carrierReference,
      tracking_number: shipment.trackingNumber,
    },
  }
}

function place({ name, company, line1, line2, postcode, city, region, country, email, phone }: Place) {
  return {
    name,
    company: company ?? null,
    line1,
    line2: line2 ?? null,
    postcode: postcode ?? null,
    city,
    region: region ?? null,
    country,
    email: email ?? null,
    phone: phone ?? null,
  }
}
