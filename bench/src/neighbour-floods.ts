import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { House, Shop } from '@souk/proofs/house.ts'
import { discountBundle, installDiscount } from '@souk/proofs/shop-plugins.ts'
import { openDoor } from './door.ts'
import type { OpenLoop, OpenLoopSeen } from './open-loop.ts'
import { productFile, someVariants } from './shop.ts'

// Four ways of doing fifty times what a plan allows: requests, jobs, imports and plugins.

/** What a plan says. */
export type Limits = Record<string, Record<string, number>>

/** What became of what was sent. */
export interface Flooded {
  sent: number
  served: number
  refused: number
  other: Record<string, number>
}

export interface Flood {
  name: string
  /** What it does, in a sentence. */
  sends: string
  /** What a plan says that allows a fiftieth of it. */
  quota: Limits
  open(house: House, shop: Shop): Promise<(seconds: number) => Promise<Flooded>>
}

export const TIMES = 50
const REQUESTS_PER_SECOND = 20
const JOBS_PER_SECOND = 10
const JOBS_BATCHES_PER_SECOND = 10
const IMPORT_PRODUCTS = 100
const VARIANTS_EACH = 3
const PLUGIN_CALLS = 10
const SECONDS_PER_MINUTE = 60

export const FLOODS: Flood[] = [
  {
    name: 'API',
    sends: `begins ${REQUESTS_PER_SECOND * TIMES} carts a second, with a quota of ${REQUESTS_PER_SECOND} requests`,
    quota: { requests: { per_second: REQUESTS_PER_SECOND, burst: 2 * REQUESTS_PER_SECOND } },
    open: async (house, shop) => {
      const request = await cartRequest(shop)
      return async (seconds) => answered(await openLoop(house, request, REQUESTS_PER_SECOND * TIMES, seconds), '201')
    },
  },
  {
    name: 'jobs',
    sends: `enqueues ${JOBS_PER_SECOND * TIMES} jobs a second, with a quota of ${JOBS_PER_SECOND * SECONDS_PER_MINUTE} a minute and one at a time`,
    quota: { concurrency: { jobs: 1 }, jobs: { per_minute: JOBS_PER_SECOND * SECONDS_PER_MINUTE } },
    open: async (house, shop) => (seconds) => enqueueMany(house, shop, seconds),
  },
  {
    name: 'imports',
    sends: `uploads ${TIMES} files of ${IMPORT_PRODUCTS * VARIANTS_EACH} rows, with a quota of as many rows an hour as one of them has`,
    quota: { imports: { at_once: 1, rows_per_hour: IMPORT_PRODUCTS * VARIANTS_EACH } },
    open: async (house, shop) => {
      const { authorization = '' } = await house.signIn(shop.buyer)
      const head = { 'content-type': 'text/csv', authorization }
      const request = requestOf(shop, '/v1/admin/imports?file_name=products.csv', head, productFile(IMPORT_PRODUCTS))
      return async (seconds) => answered(await openLoop(house, request, TIMES / seconds, seconds), '202')
    },
  },
  {
    name: 'plugins',
    sends: `has a plugin that burns the processor asked ${PLUGIN_CALLS * TIMES} times, with a quota of ${PLUGIN_CALLS} calls a day`,
    quota: { plugins: { calls_per_day: PLUGIN_CALLS } },
    open: async (house, shop) => {
      await installDiscount(
        shop,
        'burns',
        discountBundle('let x = 0; for (let i = 0; i < 2e6; i++) x = (x + i) % 7; return { operations: [] }'),
      )
      const request = await cartRequest(shop)
      return async (seconds) => {
        const sent = PLUGIN_CALLS * TIMES
        const seen = answered(await openLoop(house, request, sent / seconds, seconds), '201')
        const calls = await callsOf(house, shop)
        return { ...seen, served: calls, refused: sent - calls, other: { ...seen.other, 'carts begun': seen.served } }
      }
    },
  },
]

async function cartRequest(shop: Shop): Promise<string> {
  const [variant_id] = await someVariants(shop, 1)
  return requestOf(shop, '/v1/carts', { 'content-type': 'application/json' }, JSON.stringify({ lines: [{ variant_id, quantity: 1 }] }))
}

function requestOf(shop: Shop, path: string, headers: Record<string, string>, body: string): string {
  const all = { host: `${shop.slug}.localhost`, 'content-length': String(Buffer.byteLength(body)), ...headers }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`).toString('base64')
}

async function openLoop(house: House, request: string, perSecond: number, seconds: number): Promise<OpenLoopSeen> {
  const child = fork(new URL('open-loop.ts', import.meta.url))
  child.send({ port: Number(new URL(house.origin).port), request, perSecond, seconds } satisfies OpenLoop)
  const [seen] = (await once(child, 'message')) as [OpenLoopSeen]
  return seen
}

function answered({ byStatus, unsent, lost }: OpenLoopSeen, good: string): Flooded {
  const { [good]: served = 0, '429': refused = 0, ...rest } = byStatus
  const other = { ...rest, ...(unsent > 0 && { unsent }), ...(lost > 0 && { lost }) }
  return { sent: Object.values(byStatus).reduce((sum, count) => sum + count, unsent + lost), served, refused, other }
}

/** What is not done by the end is done later: none of it is lost. */
async function enqueueMany(house: House, shop: Shop, seconds: number): Promise<Flooded> {
  const { inMerchant, close } = await openDoor(house, shop)
  const batch = (JOBS_PER_SECOND * TIMES) / JOBS_BATCHES_PER_SECOND
  const begun = performance.now()
  let sent = 0
  for (let n = 0; n < seconds * JOBS_BATCHES_PER_SECOND; n++) {
    await sleep(Math.max(0, begun + (n * 1_000) / JOBS_BATCHES_PER_SECOND - performance.now()))
    await inMerchant(
      (tx) => tx.sql`
        select queue.enqueue('clear_payment_callbacks', '{}', 'flood-' || ${n}::int || '-' || i, null, 10) from generate_series(1, ${batch}::int) as i`,
    )
    sent += batch
  }
  await close()
  const [row] = await house.query<{ left: number }>`
    select count(*)::int as left from graphile_worker._private_jobs where key like ${`${shop.id}:%:flood-%`}`
  const left = row?.left ?? 0
  return { sent, served: sent - left, refused: left, other: {} }
}

async function callsOf(house: House, shop: Shop): Promise<number> {
  // The log of calls is written a moment after them.
  await sleep(1_500)
  const [row] = await house.query<{ calls: number }>`
    select coalesce(sum(calls), 0)::int as calls from plugin_usage where merchant_id = ${shop.id}::text::uuid`
  return row?.calls ?? 0
}
