import type { TokenKeys } from '@souk/core/capability.ts'
import { listQueue, QUEUE_FILTERS, type QueueName } from '@souk/core/fulfillment/queues.ts'
import type { Scope } from '@souk/core/merchant/scopes.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { fulfillmentSchema, presentFulfillment } from '../wire/fulfillment.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'

const query = z.strictObject({
  ...pageQuery,
  location_id: idSchema.optional(),
  assigned: z
    .enum(QUEUE_FILTERS)
    .default('anybody')
    .meta({ description: 'What you have taken, what nobody has, or all. Couriers see their own.' }),
})

const QUEUES: { path: string; queue: QueueName; scope: Scope; summary: string }[] = [
  { path: '/v1/admin/queues/to-pick', queue: 'to_pick', scope: 'fulfillment:read', summary: 'What is to be picked, the oldest first' },
  {
    path: '/v1/admin/queues/to-pack',
    queue: 'to_pack',
    scope: 'fulfillment:read',
    summary: 'What is picked and to be packed, the oldest first',
  },
  {
    path: '/v1/admin/queues/to-deliver',
    queue: 'to_deliver',
    scope: 'deliveries:write',
    summary: 'What our own couriers are to bring, the oldest first',
  },
]

/** Work to be done, for those who do it. */
export function staffQueueRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  for (const { path, queue, scope, summary } of QUEUES) {
    app.get(
      path,
      { config: { gate: 'staff', scopes: [scope], summary }, schema: { querystring: query, response: { 200: pageOf(fulfillmentSchema) } } },
      async ({ inMerchant, principal, query: { location_id: locationId, assigned, limit, cursor } }) => {
        const viewer = { actor: principal.actor, seesAll: principal.scopes.has('fulfillment:read') }
        const wish = { locationId, assigned, limit, cursor }
        const { fulfillments, nextCursor } = await inMerchant.read((tx) => listQueue(tx, keys, queue, wish, viewer))
        return { data: fulfillments.map(presentFulfillment), next_cursor: nextCursor }
      },
    )
  }
}
