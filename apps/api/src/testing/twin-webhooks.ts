import { newId } from '@souk/core/ids.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import { createEndpoint, testEndpoint } from '@souk/core/webhooks/change-endpoints.ts'
import { planDeliveries } from '@souk/core/webhooks/plan.ts'
import { WEBHOOK_SECRETS_PURPOSE } from '@souk/core/webhooks/secrets.ts'
import type { ApiMerchant, TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

/** An endpoint with what it was told: one delivery is over, one is not. */
export async function addWebhooks({ shop: { keys } }: TestApi, shop: ApiMerchant, { canary }: { canary: string }): Promise<Values> {
  const by = { actor: { kind: 'staff', id: newId() }, now: new Date(), reason: canary } as const
  const box = new SecretBox(keys, WEBHOOK_SECRETS_PURPOSE)
  const { endpointId, deliveryId } = await shop.inMerchant(async (tx) => {
    const { endpoint } = await createEndpoint(
      tx,
      { box, urlFault: async () => undefined },
      {
        url: `https://${canary}.example/hook`,
        description: `${canary} stock system`,
        eventTypes: ['webhook.*', `${canary}.*`],
        headers: { 'x-shop': canary },
        enabled: true,
      },
      by,
    )
    for (let sent = 0; sent < 2; sent += 1) await testEndpoint(tx, endpoint.id, by)
    await planDeliveries(tx, endpoint.id)
    const [over] = await tx.sql<[{ id: string }]>`
      update webhook_delivery set status = 'delivered', attempts = 1, ended_at = now()
      where merchant_id = ${tx.merchantId} and id = (
        select id from webhook_delivery where merchant_id = ${tx.merchantId} and endpoint_id = ${endpoint.id} order by sequence limit 1)
      returning id`
    await tx.sql`
      insert into webhook_attempt (merchant_id, delivery_id, number, started_at, duration_ms, status_code, answer)
      values (${tx.merchantId}, ${over.id}, 1, now(), 12, 200, ${`${canary} took it`})`
    return { endpointId: endpoint.id, deliveryId: over.id }
  })
  return { endpoint_id: endpointId, delivery_id: deliveryId, subject_id: endpointId }
}

/** Bodies that operations on webhooks take. */
export const WEBHOOK_BODIES: Record<string, () => object | undefined> = {
  'POST /v1/admin/webhook-endpoints': () => ({
    url: 'https://another.example/hook',
    events: ['order.*'],
    headers: { 'x-shop': 'another' },
  }),
  'PATCH /v1/admin/webhook-endpoints/{endpoint_id}': () => ({ description: 'Another', events: ['*'] }),
  'POST /v1/admin/webhook-endpoints/{endpoint_id}/rotate-secret': () => ({ reason: 'leaked' }),
  'POST /v1/admin/webhook-endpoints/{endpoint_id}/test': () => undefined,
  'POST /v1/admin/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/replay': () => undefined,
  'POST /v1/admin/webhook-endpoints/{endpoint_id}/replays': () => ({ since: '2026-01-01T00:00:00Z' }),
}
