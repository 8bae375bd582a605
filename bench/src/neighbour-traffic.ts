import { setTimeout as sleep } from 'node:timers/promises'
import { enqueue } from '@souk/core/jobs.ts'
import type { House, Shop } from '@souk/proofs/house.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { openDoor } from './door.ts'

// What the others do while one merchant does too much: buyers look at products and begin carts that a plugin has its say about, and small jobs
// are enqueued. All of it at fixed moments: a slow answer delays none of the next, and its time counts from when it was due.

export interface Neighbour {
  shop: Shop
  variantId: string
  inMerchant: InMerchant
  close(): Promise<void>
}

export interface Seen {
  requests: number[]
  jobs: number[]
  asked: number
  failures: Record<string, number>
}

/** Of each neighbour. */
const REQUEST_EVERY_MS = 50
const CART_EVERY = 5
const JOB_EVERY = 4
const JOBS_DONE_WITHIN_MS = 10_000
const LOOKED_EVERY_MS = 100
const JOB_KEY = 'bench'

export async function openNeighbour(house: House, shop: Shop, variantId: string): Promise<Neighbour> {
  return { shop, variantId, ...(await openDoor(house, shop)) }
}

/** Has the database note how long jobs of the neighbours were in the queue. */
export async function noteJobs(house: House): Promise<void> {
  await house.query`create table bench_job_done (milliseconds float8 not null)`
  await house.query`
    create function bench_note_job() returns trigger language plpgsql security definer set search_path = public as $$
    begin
      insert into bench_job_done values (extract(epoch from clock_timestamp() - old.created_at) * 1000);
      return null;
    end $$`
  await house.query`
    create trigger bench_note_job after delete on graphile_worker._private_jobs
    for each row when (old.key like '%:bench-%') execute function bench_note_job()`
}

export async function watch(house: House, neighbours: readonly Neighbour[], seconds: number): Promise<Seen> {
  await house.query`truncate bench_job_done`
  const seen: Seen = { requests: [], jobs: [], asked: 0, failures: {} }
  const asked: Promise<void>[] = []
  let jobs = 0
  const begun = performance.now()
  for (let n = 0; n * REQUEST_EVERY_MS < seconds * 1_000; n++) {
    const due = begun + n * REQUEST_EVERY_MS
    await sleep(Math.max(0, due - performance.now()))
    for (const neighbour of neighbours) {
      asked.push(ask(neighbour, n, due, seen))
      if (n % JOB_EVERY !== 0) continue
      jobs += 1
      asked.push(addJob(neighbour))
    }
  }
  await Promise.all(asked)
  seen.jobs = await jobTimes(house, jobs)
  seen.asked += jobs
  if (seen.jobs.length < jobs) seen.failures['job not done'] = jobs - seen.jobs.length
  return seen
}

async function ask({ shop, variantId }: Neighbour, n: number, due: number, seen: Seen): Promise<void> {
  seen.asked += 1
  const isCart = n % CART_EVERY === 0
  const answer = await (isCart
    ? shop.buyer.post('/v1/carts', { lines: [{ variant_id: variantId, quantity: 3 }] })
    : shop.buyer.get('/v1/products')
  ).catch(() => undefined)
  const failure = answer?.status !== (isCart ? 201 : 200) ? `status ${answer?.status}` : isCart ? withoutPlugin(answer.body) : undefined
  if (failure === undefined) seen.requests.push(performance.now() - due)
  else seen.failures[failure] = (seen.failures[failure] ?? 0) + 1
}

/** A cart whose plugin was left out is sold at another price than the shop wants. */
function withoutPlugin(cart: Record<string, unknown>): string | undefined {
  const notes = (cart.notes ?? []) as { reason?: string }[]
  return notes.length === 0 ? undefined : `plugin ${notes[0]!.reason}`
}

async function addJob({ inMerchant }: Neighbour): Promise<void> {
  await inMerchant((tx) => enqueue(tx, 'clear_payment_callbacks', {}, { key: `${JOB_KEY}-${crypto.randomUUID()}` }))
}

async function jobTimes(house: House, expected: number): Promise<number[]> {
  const end = performance.now() + JOBS_DONE_WITHIN_MS
  for (;;) {
    const rows = await house.query<{ milliseconds: number }>`select milliseconds from bench_job_done`
    if (rows.length >= expected || performance.now() > end) return rows.map(({ milliseconds }) => milliseconds)
    await sleep(LOOKED_EVERY_MS)
  }
}
