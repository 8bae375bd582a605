import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expectStatus } from '@souk/proofs/client.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import postgres from 'postgres'
import { Agent, request } from 'undici'
import { openDoor } from './door.ts'
import { recordChanges } from './record-changes.ts'
import { table } from './report.ts'
import { WebhookReceivers } from './webhook-receivers.ts'

// How long after something happened a merchant's own program knows of it: so many events a second of one merchant, each about
// something else, to one receiver that takes them at once. In turns without and with a second endpoint whose receiver never
// answers, so that whatever else the machine does falls on both. The limit writes a row for each event and sends it itself.

const PER_SECOND = 500
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5)
const ROUNDS = 3
const TICK_MS = 20
const HOST = 'hooks.example'
const SENT_WITHIN_MS = 120_000
/** As the worker has to one endpoint. */
const CONNECTIONS = 8

type Record = (count: number) => Promise<void>

export interface WebhookFigures {
  limit: number[]
  alone: number[]
  besideDead: number[]
  /** Events that were recorded a second. */
  perSecond: number
}

/** Starts the worker of the house anew, with receivers in this process. */
export async function measureWebhooks(house: House): Promise<WebhookFigures> {
  const receivers = await WebhookReceivers.listen()
  const shop = await house.addShop({ slug: 'telling' })
  const door = await openDoor(house, shop)
  try {
    if (house.worker.isRunning) await house.worker.stop()
    house.startWorker({ SOUK_WEBHOOK_HOSTS: JSON.stringify({ [HOST]: receivers.origin }) })
    await openEndpoint(shop, 'live')
    const figures: WebhookFigures = { limit: [], alone: [], besideDead: [], perSecond: 0 }
    const tell = (count: number) => recordChanges(door.inMerchant, count)
    await measured(receivers, tell, 1)
    const rates: number[] = []
    const round = async (into: number[], record: Record) => {
      const { lags, perSecond } = await measured(receivers, record, SECONDS)
      into.push(...lags)
      rates.push(perSecond)
    }
    const limit = await openLimit(house, receivers)
    for (let n = 0; n < ROUNDS; n++) {
      await round(figures.limit, limit.record)
      await round(figures.alone, tell)
      const dead = await openEndpoint(shop, 'dead')
      await round(figures.besideDead, tell)
      expectStatus(await shop.staff.call(`/v1/admin/webhook-endpoints/${dead}`, { method: 'DELETE' }), 204)
    }
    await limit.close()
    return { ...figures, perSecond: Math.min(...rates) }
  } finally {
    await house.worker.stop()
    await door.close()
    await receivers.close()
  }
}

/** At a steady rate, each tick what is due by then; until the last one has been taken. */
async function measured(receivers: WebhookReceivers, record: Record, seconds: number): Promise<{ lags: number[]; perSecond: number }> {
  const wanted = Math.round(PER_SECOND * seconds)
  const begun = performance.now()
  let recorded = 0
  while (recorded < wanted) {
    const due = Math.min(wanted, Math.ceil(((performance.now() - begun) / 1_000) * PER_SECOND)) - recorded
    if (due > 0) await record(due)
    recorded += due
    await pause(TICK_MS)
  }
  const perSecond = recorded / ((performance.now() - begun) / 1_000)
  return { lags: await receivers.taken(wanted, SENT_WITHIN_MS), perSecond }
}

async function openEndpoint(shop: Shop, which: 'live' | 'dead'): Promise<string> {
  const body = { url: `https://${HOST}/${which}`, events: ['product.*'], description: which }
  const headers = { 'idempotency-key': randomUUID() }
  return expectStatus(await shop.staff.post<{ id: string }>('/v1/admin/webhook-endpoints', body, headers), 201).id
}

/** No log that is followed, no signatures, nothing written of what came of it: one durable row and one request for each event. */
async function openLimit(house: House, receivers: WebhookReceivers): Promise<{ record: Record; close(): Promise<void> }> {
  const sql = postgres(house.adminUrl, { max: 1, onnotice: () => {} })
  await sql`create table bench_told (id uuid primary key, data jsonb not null, occurred_at timestamptz not null)`
  const agent = new Agent({ connections: CONNECTIONS })
  const sending = new Set<Promise<void>>()
  const send = async (body: string) => {
    const answer = await request(`${receivers.origin}/live`, { method: 'POST', body, dispatcher: agent })
    await answer.body.dump()
  }
  return {
    record: async (count) => {
      const timestamp = new Date().toISOString()
      const rows = Array.from({ length: count }, () => ({
        id: randomUUID(),
        data: { title: 'A thing that was changed' },
        occurred_at: timestamp,
      }))
      await sql`
        insert into bench_told select id, data, occurred_at
        from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as e (id uuid, data jsonb, occurred_at timestamptz)`
      for (const row of rows) {
        const sent = send(JSON.stringify({ ...row, timestamp })).finally(() => sending.delete(sent))
        sending.add(sent)
      }
    },
    close: async () => {
      await Promise.all(sending)
      await Promise.all([agent.close(), sql.end()])
    },
  }
}

export function printWebhooks({ limit, alone, besideDead, perSecond }: WebhookFigures): void {
  const calm = at(alone, 0.99)
  table(
    [`webhooks of ${PER_SECOND} events a second`, 'webhooks', 'p50 ms', 'p99 ms', 'p99 to alone'],
    (
      [
        ['a row and a request', limit],
        ['one endpoint alone', alone],
        ['beside an endpoint that never answers', besideDead],
      ] as const
    ).map(([name, lags]) => [
      name,
      String(lags.length),
      at(lags, 0.5).toFixed(0),
      at(lags, 0.99).toFixed(0),
      (at(lags, 0.99) / calm).toFixed(2),
    ]),
  )
  console.log(`\nrecorded in the slowest round: ${perSecond.toFixed(0)} events a second`)
}

function at(lags: readonly number[], share: number): number {
  const sorted = lags.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** A house of its own: `node src/webhooks.ts`. */
async function benchWebhooks(): Promise<void> {
  const house = await House.open()
  try {
    await house.startApi()
    printWebhooks(await measureWebhooks(house))
    const broken = await house.invariants()
    if (broken.length > 0) throw new Error(`the house is not in order after the run: ${JSON.stringify(broken)}`)
  } finally {
    await house.close()
  }
}

if (import.meta.main) await benchWebhooks()
