import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus } from '@souk/proofs/client.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { cpuOf, memoryOf } from './cpu.ts'
import { openDoor } from './door.ts'
import { recordChanges } from './record-changes.ts'
import { table } from './report.ts'
import { WebhookReceivers } from './webhook-receivers.ts'

// Merchants with a backlog of events for receivers that take the connection and never answer, while a neighbour's webhooks go out: how long
// after the event each is there, alone and beside them.

const EVENTS = Number(process.env.BENCH_EVENTS ?? 20_000)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 15)
const WHALES = 3
const DEAD_ENDPOINTS = 3
const EVENTS_A_BATCH = 500
const EVENT_EVERY_MS = 100
const TAKEN_WITHIN_MS = 120_000
const HOST = 'hooks.example'

const house = await House.open()
const doors: { close(): Promise<void> }[] = []
const receivers = await WebhookReceivers.listen()
try {
  await house.startApi()
  house.startWorker({ SOUK_WEBHOOK_HOSTS: JSON.stringify({ [HOST]: receivers.origin }) })
  const neighbour = await open('neighbour', ['live'])
  await watch(neighbour, 2)
  const rows = [await rowOf('alone', neighbour)]
  for (let n = 1; n <= WHALES; n++) {
    const whale = await open(
      `whale-${n}`,
      Array.from({ length: DEAD_ENDPOINTS }, () => 'dead'),
    )
    for (let left = EVENTS; left > 0; left -= EVENTS_A_BATCH) await recordChanges(whale, Math.min(left, EVENTS_A_BATCH))
  }
  rows.push(await rowOf(`beside ${WHALES} with ${EVENTS} events each for ${DEAD_ENDPOINTS} receivers that hang`, neighbour))
  table(['neighbour’s webhooks', 'sent', 'p50', 'p95', 'longest', 'worker CPU', 'worker memory'], rows)
} finally {
  await Promise.all(doors.map((door) => door.close()))
  await house.close()
  await receivers.close()
}

async function open(slug: string, paths: readonly string[]): Promise<InMerchant> {
  const shop = await house.addShop({ slug })
  for (const path of paths) await addEndpoint(shop, path)
  const door = await openDoor(house, shop)
  doors.push(door)
  return door.inMerchant
}

async function addEndpoint(shop: Shop, path: string): Promise<void> {
  const body = { url: `https://${HOST}/${path}`, events: ['product.*'], description: path }
  expectStatus(await shop.staff.post('/v1/admin/webhook-endpoints', body, { 'idempotency-key': randomUUID() }), 201)
}

async function watch(inMerchant: InMerchant, seconds: number): Promise<number[]> {
  const begun = performance.now()
  let count = 0
  for (; count * EVENT_EVERY_MS < seconds * 1_000; count++) {
    await sleep(Math.max(0, begun + count * EVENT_EVERY_MS - performance.now()))
    await recordChanges(inMerchant, 1)
  }
  return receivers.taken(count, TAKEN_WITHIN_MS)
}

async function rowOf(name: string, inMerchant: InMerchant): Promise<string[]> {
  const { pid } = house.worker
  const [before, begun] = [await cpuOf(pid), performance.now()]
  const lags = (await watch(inMerchant, SECONDS)).toSorted((a, b) => a - b)
  const cpu = ((await cpuOf(pid)) - before) / (performance.now() - begun)
  const at = (share: number) => `${lags[Math.min(lags.length - 1, Math.floor(lags.length * share))]} ms`
  return [name, String(lags.length), at(0.5), at(0.95), at(1), `${(cpu * 100).toFixed(0)} %`, `${(await memoryOf(pid)).nowMiB} MiB`]
}
