import { newId } from '@souk/core/ids.ts'
import type { ApiMerchant } from './api.ts'
import type { Values } from './valid-requests.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Post = (url: string, payload: object) => Promise<any>

/**
 * A plugin that is installed and being rolled out, with a secret and a call in its log; and one that is only pushed. It is turned
 * off: the log of calls is written behind the answers, and would move while rows are compared.
 */
export async function addPlugins(post: Post, shop: ApiMerchant, { name, canary }: { name: string; canary: string }): Promise<Values> {
  const push = (plugin: string, version: string) =>
    post('/v1/admin/plugins/releases', {
      manifest: { name: plugin, version, contracts: { discount: '^1', fulfillment: '^1' }, title: canary },
      bundle: `${canary} ${plugin} ${version}`,
    })
  const release = await push(name, '1.0.0')
  await push(`${name}-spare`, '1.0.0')
  const install = await post('/v1/admin/plugins/installs', { plugin: name, version: '1.0.0', configuration: { text: canary } })
  const next = await push(name, '1.1.0')
  const callIds = [newId(), newId()]
  await shop.inMerchant(async (tx) => {
    await tx.sql`
      update plugin_install set state = 'disabled', note = ${canary}, candidate_release_id = ${next.id}, candidate_ppm = 500000, last_good_release_id = ${release.id}
      where merchant_id = ${tx.merchantId} and id = ${install.id}`
    await tx.sql`
      insert into plugin_secret (merchant_id, install_id, name, sealed) values (${tx.merchantId}, ${install.id}, 'api_key', ${`${canary} sealed`})`
    await tx.sql`
      insert into plugin_call (merchant_id, id, install_id, release_id, plugin, version, hook, outcome, reason, detail, input, configuration, output,
        logs, cpu_us, wall_us, called_at)
      select ${tx.merchantId}::uuid, id, ${install.id}::uuid, ${release.id}::uuid, ${name}, '1.0.0', 'discount@1.run', 'failed',
        'threw', ${canary}, ${JSON.stringify({ canary })}::jsonb, ${JSON.stringify({ canary })}::jsonb, ${JSON.stringify({ canary })}::jsonb,
        ${JSON.stringify([canary])}::jsonb, 1, 1, now()
      from unnest(${callIds}::uuid[]) as call (id)`
  })
  return { release_id: release.id, install_id: install.id, call_id: callIds[0]!, plugin: `${name}-spare` }
}

/** A shipment with its label. */
export async function addShipment(shop: ApiMerchant, given: { orderId: string; installId: string; canary: string }): Promise<Values> {
  const { orderId, installId, canary } = given
  const id = newId()
  const sender = { name: canary, line1: canary, city: canary, country: 'DE' }
  await shop.inMerchant(
    (tx) => tx.sql`
      insert into shipment (merchant_id, id, order_id, install_id, method, pickup_point_id, status, sender, parcels, carrier_reference,
        tracking_number, tracking_url, label_type, label, tracking_events, failure, requested_by)
      values (${tx.merchantId}, ${id}, ${orderId}, ${installId}, ${canary}, ${canary}, 'labelled', ${JSON.stringify(sender)}::jsonb,
        ${JSON.stringify([{ id: canary, grams: 1 }])}::jsonb, ${canary}, ${canary}, ${`https://${canary}.example`}, 'application/pdf',
        ${Buffer.from(canary)}, ${JSON.stringify([{ at: '2026-01-01T00:00:00Z', status: 'announced', text: canary, place: null }])}::jsonb,
        ${JSON.stringify({ code: 'none', message: canary })}::jsonb, '{"kind":"buyer"}')`,
  )
  return { shipment_id: id }
}
