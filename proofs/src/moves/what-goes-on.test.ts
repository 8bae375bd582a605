import { createInterface } from 'node:readline'
import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectStatus } from '../client.ts'
import { KEPT_PATH, Receiver } from '../faults/receiver.ts'
import { checkOut, type Good, openCart, productFile } from '../goods.ts'
import { CELLS, MovingWorld } from './moving-world.ts'

// What a merchant has under way when it moves goes on where it arrives: nobody begins again.

const WITHIN_MS = 1_200_000
const SOON = { timeout: 120_000, interval: 50 }
const HOOKS_HOST = 'hooks.example'
const PRODUCTS = 4_000
const MOVES_MAX = 5

let world: MovingWorld
let receiver: Receiver

beforeAll(async () => {
  receiver = await Receiver.listen()
  const hooks = { [HOOKS_HOST]: `http://127.0.0.1:${receiver.port}` }
  world = await MovingWorld.open({ further: { SOUK_WEBHOOK_HOSTS: JSON.stringify(hooks) } })
}, WITHIN_MS)
afterAll(async () => {
  await world.close()
  await receiver.close()
})

test('a cart, a key, an import, webhooks and a stream of events go on where the merchant has moved to', {
  timeout: WITHIN_MS,
}, async () => {
  const { moved: shop, house } = world
  receiver.secret = openEndpoint()
  await receiver.secret
  const start = (await sequencesAtHome(0)).at(-1)!
  const stream = new EventStream(house.origin, `${shop.slug}.localhost`, await house.signIn(shop.buyer), start)
  const ordered = await openCart(shop, [{ variant_id: shop.variants[0]!, quantity: 1 }])
  const before = expectStatus(await checkOut(shop, ordered, 'before-the-move'), 201)
  const kept = await openCart(shop, [{ variant_id: shop.variants[1]!, quantity: 2 }])

  const imported = await moveDuringAnImport()

  expect(expectStatus(await checkOut(shop, ordered, 'before-the-move'), 201), 'what the old home had answered').toEqual(before)
  expect(expectStatus(await checkOut(shop, kept, 'after-the-move'), 201).number).toBe(before.number + 1)
  expect(await house.importFinished(shop, imported)).toMatchObject({ status: 'done', failed: 0, created: PRODUCTS })

  const happened = await sequencesAtHome(start)
  expect(happened, 'numbers without a gap').toEqual(happened.map((_, index) => start + 1 + index))
  await expect.poll(() => stream.seen.length, SOON).toBeGreaterThanOrEqual(happened.length)
  expect(stream.seen, 'the stream of events').toEqual(happened)
  const untold = () => {
    const told = new Set(receiver.taken.map(({ body }) => (JSON.parse(body) as { sequence: number }).sequence))
    return happened.filter((sequence) => !told.has(sequence))
  }
  await expect.poll(untold, SOON).toEqual([])
  expect(receiver.taken.filter(({ isGenuine }) => !isGenuine)).toEqual([])
  await stream.end()
  expect(await house.invariants()).toEqual([])
})

/** Uploads a file and moves the shop, until a switch came while the import was under way. Answers that import. */
async function moveDuringAnImport(): Promise<string> {
  const { moved: shop } = world
  for (let move = 1; ; move++) {
    const to = (await world.home()) === CELLS[0] ? CELLS[1] : CELLS[0]
    const { id: moveId } = await world.move(to)
    await world.until(moveId, ['verifying', 'fencing', 'switched', 'watching'])
    const raw = { type: 'text/csv', content: productFile(goods(move), 'a supplier') }
    const { id } = expectStatus(await shop.staff.call('/v1/admin/imports?file_name=goods.csv', { method: 'POST', raw }), 202)
    await world.until(moveId, ['switched', 'watching'])
    const [row] = await world.house.cell(to).query<{ done: number }>`
      select products_done::int as done from catalog_import where id = ${String(id)}::uuid`
    await world.until(moveId, ['watching'])
    await world.finish(moveId)
    await world.until(moveId, ['done'])
    if (row !== undefined && row.done > 0 && row.done < PRODUCTS) return String(id)
    if (move === MOVES_MAX) throw new Error(`none of ${MOVES_MAX} moves came while a file was read: ${JSON.stringify(row)}`)
    await world.house.importFinished(shop, String(id))
  }
}

function goods(file: number): Good[] {
  return Array.from({ length: PRODUCTS }, (_, n) => ({ handle: `file-${file}-${n}`, price: '3.00', stock: 1 }))
}

async function sequencesAtHome(after: number): Promise<number[]> {
  const rows = await world.house.cell(await world.home()).query<{ sequence: number }>`
    select sequence::int from event where merchant_id = ${world.moved.id}::uuid and sequence > ${String(after)}::bigint order by sequence`
  return rows.map(({ sequence }) => sequence)
}

async function openEndpoint(): Promise<string> {
  const body = { url: `https://${HOOKS_HOST}${KEPT_PATH}`, events: ['*'], description: 'everything' }
  return expectStatus(await world.moved.staff.post<{ secret: string }>('/v1/admin/webhook-endpoints', body), 201).secret
}

/** Reads the shop's events as they come; when a stream ends it asks for the rest, as browsers do. */
class EventStream {
  readonly seen: number[] = []
  readonly #reading: Promise<void>
  readonly #stop = new AbortController()

  constructor(origin: string, host: string, headers: Record<string, string>, after: number) {
    this.#reading = this.#read(`${origin}/v1/admin/events/stream?for_seconds=600`, { host, ...headers }, after)
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#reading
  }

  async #read(url: string, headers: Record<string, string>, after: number): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const last = String(this.seen.at(-1) ?? after)
      const answer = await request(url, { headers: { ...headers, 'last-event-id': last }, signal }).catch(() => undefined)
      if (answer?.statusCode !== 200) continue
      const lines = createInterface({ input: answer.body })
      try {
        for await (const line of lines) if (line.startsWith('id: ')) this.seen.push(Number(line.slice(4)))
      } catch {
        // It ended, by them or by us.
      }
    }
  }
}
