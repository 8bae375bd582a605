import { type Order, orderQueries, toOrder } from '@souk/core/orders/order.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { EventFeeds, type EventSubscription } from '../event-feeds.ts'
import { assertScopes, credentialOf } from '../gates/principal.ts'
import { errorFields } from '../log.ts'
import type { Deps } from '../server.ts'
import { HEARTBEAT, HEARTBEAT_MS, STREAM_ROUTE, sendStream, sse, streamQuery } from '../server-sent-events.ts'
import { presentEvent } from '../wire/event.ts'
import { idSchema } from '../wire/id.ts'

const SEQUENCE = /^\d{1,18}$/
const STAFF_SCOPES = ['events:read'] as const

const afterQuery = z
  .string()
  .regex(SEQUENCE, 'invalid_cursor')
  .transform(BigInt)
  .optional()
  .meta({ description: 'Events after this number; from now on, if neither it nor Last-Event-ID is given.' })

/** A stream that is being written. */
interface Open {
  subscription: EventSubscription
  /** By monotonic time, as is `checkedAt`. */
  endsAt: number
  checkedAt: number
  /** Whether whoever asked may still have it. */
  mayGoOn(): Promise<boolean>
}

/** What happens, as it happens: an order for its buyer, the whole shop for staff. */
export function streamRoutes(fastify: FastifyInstance, { principals, router, log, now }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const feeds = new EventFeeds((error) => log.warn(errorFields(error), 'the events of a merchant were not read, trying on'))
  fastify.addHook('preClose', async () => feeds.close())

  app.get(
    '/v1/orders/:order_id/stream',
    {
      config: { gate: 'store', capability: 'order', summary: 'Follow the status of an order, by server-sent events' },
      handlerTimeout: STREAM_ROUTE.handlerTimeout,
      schema: { params: z.strictObject({ order_id: idSchema }), querystring: z.strictObject(streamQuery), response: STREAM_ROUTE.response },
    },
    async ({ inMerchant, params: { order_id: orderId }, query: { for_seconds } }, reply) => {
      const subscription = feeds.open(inMerchant, orderId)
      try {
        // What happens after this is seen by the stream, what happened before by this first look.
        await subscription.start
        const order = await readOrder(inMerchant, orderId)
        const open = opened(subscription, for_seconds, () => isServed(router, inMerchant))
        return sendStream(reply, subscription, orderStates(inMerchant, order, open)) as never
      } catch (error) {
        subscription.close()
        throw error
      }
    },
  )

  app.get(
    '/v1/admin/events/stream',
    {
      config: {
        gate: 'staff',
        scopes: STAFF_SCOPES,
        summary: 'Follow what happens in the shop, by server-sent events, from any position on',
      },
      handlerTimeout: STREAM_ROUTE.handlerTimeout,
      schema: { querystring: z.strictObject({ ...streamQuery, after: afterQuery }), response: STREAM_ROUTE.response },
    },
    async (request, reply) => {
      const { inMerchant, principal, query } = request
      const credential = credentialOf(request)
      const after = lastEventId(request.headers['last-event-id']) ?? query.after
      const subscription = feeds.open(inMerchant, principal.id)
      const mayGoOn = async () => {
        const known = await principals.ofMerchant(inMerchant, credential, now())
        assertScopes(known, STAFF_SCOPES)
        return isServed(router, inMerchant)
      }
      return sendStream(reply, subscription, shopEvents(opened(subscription, query.for_seconds, mayGoOn), after)) as never
    },
  )
}

async function* shopEvents(open: Open, after: bigint | undefined): AsyncGenerator<string> {
  const { subscription } = open
  const start = await subscription.start
  let position = after ?? start
  for (;;) {
    const waitMs = await nextWait(open)
    if (waitMs === undefined) return
    const events = await subscription.next(position, waitMs)
    const last = events.at(-1)
    if (!last && waitMs === 0) return
    yield last ? events.map((event) => sse({ id: String(event.sequence), data: presentEvent(event) })).join('') : HEARTBEAT
    position = last?.sequence ?? position
  }
}

async function* orderStates(inMerchant: InMerchant, first: Order, open: Open): AsyncGenerator<string> {
  const { subscription } = open
  let position = await subscription.start
  let order = first
  yield sse({ name: 'order', data: stateOf(order) })
  while (!isOver(order)) {
    const waitMs = await nextWait(open)
    if (waitMs === undefined) return
    const events = await subscription.next(position, waitMs)
    const last = events.at(-1)
    if (!last && waitMs === 0) return
    position = last?.sequence ?? position
    if (events.some(({ aggregateId }) => aggregateId === order.id)) {
      const before = order
      order = await readOrder(inMerchant, order.id)
      if (JSON.stringify(stateOf(order)) !== JSON.stringify(stateOf(before))) yield sse({ name: 'order', data: stateOf(order) })
    } else if (!last) yield HEARTBEAT
  }
  // A client that would come again by itself is told not to.
  yield sse({ name: 'end', data: { reason: 'final' } })
}

/** How long the next events may be waited for: 0 when time is up and only what is there is sent. Undefined: the stream ends. */
async function nextWait(open: Open): Promise<number | undefined> {
  const now = performance.now()
  if (open.subscription.closing) return undefined
  if (now - open.checkedAt >= HEARTBEAT_MS) {
    open.checkedAt = now
    if (!(await open.mayGoOn().catch(() => false))) return undefined
  }
  return Math.max(0, Math.min(HEARTBEAT_MS, open.endsAt - now))
}

function opened(subscription: EventSubscription, seconds: number, mayGoOn: Open['mayGoOn']): Open {
  const now = performance.now()
  return { subscription, endsAt: now + seconds * 1_000, checkedAt: now, mayGoOn }
}

async function isServed(router: Router, { merchant }: InMerchant): Promise<boolean> {
  return (await router.directory.byId(merchant.id))?.status === 'active'
}

async function readOrder(inMerchant: InMerchant, orderId: string): Promise<Order> {
  return toOrder(await inMerchant.readOnce((tx) => orderQueries(tx, orderId)))
}

function stateOf({ id, number, status, paymentStatus, fulfillmentStatus }: Order) {
  return { id, number: Number(number), status, payment_status: paymentStatus, fulfillment_status: fulfillmentStatus }
}

/** Nothing is expected to happen to it any more. */
function isOver({ status, paymentStatus }: Order): boolean {
  if (status === 'cancelled' || status === 'returned') return ['voided', 'refunded', 'failed'].includes(paymentStatus)
  return status === 'delivered' && paymentStatus === 'paid'
}

function lastEventId(header: string | string[] | undefined): bigint | undefined {
  if (header === undefined || header === '') return undefined
  if (typeof header !== 'string' || !SEQUENCE.test(header))
    throw new Refusal('invalid_cursor', { detail: 'Last-Event-ID is none of ours.' })
  return BigInt(header)
}
