import { setTimeout as sleep } from 'node:timers/promises'
import { House, type Shop } from '@souk/proofs/house.ts'
import { HONEST, installDiscount } from '@souk/proofs/shop-plugins.ts'
import { FLOODS, type Flood, type Flooded, type Limits, TIMES } from './neighbour-floods.ts'
import { type Neighbour, noteJobs, openNeighbour, type Seen, watch } from './neighbour-traffic.ts'
import { table } from './report.ts'
import { productFile, someVariants } from './shop.ts'

// One merchant does fifty times what its plan allows, by requests, jobs, imports and plugins in turn. What becomes of three others: alone,
// beside it while its plan limits nothing, and beside it with the plan. The others have the standard plan all the time. Sender, processes and
// database share the machine; the sender gives way to all of them.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 15)
/** Some of them alone: `BENCH_ONLY=jobs,plugins`. */
const ONLY = process.env.BENCH_ONLY?.split(',')
const PRODUCTS = 50
const NEIGHBOURS = 3
const WARM_UP_SECONDS = 2
/** The flood begins before the others are looked at, and ends after. */
const FLOOD_AROUND_SECONDS = 2
const SETTLE_MS = 1_000

interface Run {
  name: string
  seen: Seen
  flooded?: Flooded
}

const house = await House.open()
try {
  await house.startApi()
  house.startWorker()
  const neighbours = await openNeighbours()
  await noteJobs(house)
  await house.query`vacuum analyze`
  const [standard] = await house.query<{ limits: Limits }>`select limits from platform.plan where name = 'standard'`
  await watch(house, neighbours, WARM_UP_SECONDS)
  for (const flood of FLOODS.filter(({ name }) => ONLY?.includes(name) ?? true)) {
    const alone = { name: 'alone', seen: await watch(house, neighbours, SECONDS) }
    const without = await beside(flood, {}, neighbours)
    const withQuota = await beside(flood, merged(standard!.limits, flood.quota), neighbours)
    print(flood, [alone, { name: 'beside it, no limits', ...without }, { name: 'beside it, its plan', ...withQuota }])
  }
  await Promise.all(neighbours.map((neighbour) => neighbour.close()))
} finally {
  await house.close()
}

async function openNeighbours(): Promise<Neighbour[]> {
  const neighbours: Neighbour[] = []
  for (let n = 1; n <= NEIGHBOURS; n++) {
    const shop = await openShop(`neighbour-${n}`)
    await installDiscount(shop, 'honest', HONEST)
    neighbours.push(await openNeighbour(house, shop, (await someVariants(shop, 1))[0]!))
  }
  return neighbours
}

async function openShop(slug: string): Promise<Shop> {
  const shop = await house.addShop({ slug })
  await house.importProducts(shop, productFile(PRODUCTS))
  return shop
}

/** A new merchant each time: what one has used of its day is not another's. */
async function beside(flood: Flood, limits: Limits, neighbours: readonly Neighbour[]): Promise<{ seen: Seen; flooded: Flooded }> {
  const whale = await openShop(`whale-${flood.name.toLowerCase()}-${Object.keys(limits).length}`)
  const send = await flood.open(house, whale)
  await setLimits(whale.id, limits)
  const sent = send(SECONDS + FLOOD_AROUND_SECONDS)
  await sleep((FLOOD_AROUND_SECONDS / 2) * 1_000)
  const seen = await watch(house, neighbours, SECONDS)
  const flooded = await sent
  await forget(whale)
  return { seen, flooded }
}

async function setLimits(merchantId: string, limits: Limits): Promise<void> {
  const text = JSON.stringify(limits)
  await house.query`
    insert into platform.plan (name, limits) values ('whale', ${text}::text::jsonb) on conflict (name) do update set limits = excluded.limits`
  await house.query`update platform.merchant set plan = 'whale' where id = ${merchantId}::text::uuid`
  await sleep(SETTLE_MS)
}

/** Nothing of it goes on into the next run. */
async function forget({ id }: Shop): Promise<void> {
  await house.query`
    update catalog_import set status = 'failed', finished_at = now()
    where merchant_id = ${id}::text::uuid and status in ('receiving', 'queued', 'running')`
  await house.query`delete from graphile_worker._private_jobs where locked_at is null and payload ->> 'merchantId' = ${id}`
  for (;;) {
    const running =
      await house.query`select 1 from graphile_worker._private_jobs where locked_at is not null and payload ->> 'merchantId' = ${id}`
    if (running.length === 0) break
    await sleep(SETTLE_MS / 10)
  }
  await sleep(SETTLE_MS)
}

function merged(standard: Limits, quota: Limits): Limits {
  return { ...standard, ...quota, concurrency: { ...standard.concurrency, ...quota.concurrency } }
}

function print(flood: Flood, runs: readonly Run[]): void {
  console.log(`\n${flood.name}: one merchant ${flood.sends} (${TIMES} times). ${NEIGHBOURS} others, ${SECONDS} s a run.\n`)
  const [alone] = runs
  const head = ['run', 'others succeed', 'p50', 'p95', 'of alone', 'p99', 'jobs p95', 'of alone', 'it: sent', 'served', 'refused or later']
  table(
    head,
    runs.map(({ name, seen, flooded }) => {
      const failed = Object.values(seen.failures).reduce((sum, count) => sum + count, 0)
      const times = (of: 'requests' | 'jobs') => `${(at(seen[of], 0.95) / at(alone!.seen[of], 0.95)).toFixed(1)}x`
      const ms = (of: 'requests' | 'jobs', share: number) => `${at(seen[of], share).toFixed(1)} ms`
      return [
        name,
        `${(100 - (failed / seen.asked) * 100).toFixed(2)} %`,
        ...[ms('requests', 0.5), ms('requests', 0.95), times('requests'), ms('requests', 0.99), ms('jobs', 0.95), times('jobs')],
        ...[flooded?.sent, flooded?.served, flooded?.refused].map((count) => (count === undefined ? '-' : String(count))),
      ]
    }),
  )
  for (const { name, seen, flooded } of runs) {
    const told = Object.entries({ others: seen.failures, it: flooded?.other ?? {} }).flatMap(([who, counts]) =>
      Object.entries(counts).map(([what, count]) => `${who}: ${count} ${what}`),
    )
    if (told.length > 0) console.log(`${name}: ${told.join(', ')}`)
  }
}

function at(milliseconds: readonly number[], share: number): number {
  const sorted = milliseconds.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
