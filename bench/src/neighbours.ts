import { setTimeout as sleep } from 'node:timers/promises'
import { House, type Shop } from '@souk/proofs/house.ts'
import autocannon from 'autocannon'
import { productFile, someVariants } from './shop.ts'

// One merchant sends fifty times what its plan allows. What becomes of the others: alone, beside it without any limit, beside it with
// the standard plan (places before the pool), and beside it with a rate as well. On one machine the sender takes CPU too: the runs
// are to be compared with each other.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 15)
const PRODUCTS = 200
const NEIGHBOURS = ['neighbour-a', 'neighbour-b', 'neighbour-c']
/** Of each neighbour, whatever the answers take: one list of products, and every fifth time a new cart. */
const NEIGHBOUR_EVERY_MS = 50
const CART_EVERY = 5
const QUOTA = { per_second: 20, burst: 40 }
const TIMES = 50
const WHALE_CONNECTIONS = 100

interface Seen {
  milliseconds: number[]
  failed: number
}

interface Run {
  name: string
  others: Seen
  whale: { served: number; refused: number; failed: number } | undefined
}

const house = await House.open()
try {
  await house.startApi()
  house.startWorker()
  const whale = await openShop('whale')
  const others: Shop[] = []
  for (const slug of NEIGHBOURS) others.push(await openShop(slug))
  await house.worker.stop()
  await house.query`vacuum analyze`
  const [variant] = await someVariants(whale, 1)
  const carts = new Map(await Promise.all(others.map(async (shop) => [shop, (await someVariants(shop, 1))[0]!] as const)))
  const [standard] = await house.query<{ limits: object }>`select limits from platform.plan where name = 'standard'`
  const standardLimits = standard!.limits

  const measure = async (name: string, limits: object | undefined): Promise<Run> => {
    if (limits) await setLimits(whale.id, limits)
    const sent = limits ? flood(whale, variant!) : undefined
    await sleep(1_000)
    const seen = await watch(others, carts)
    const result = await sent
    const refused = result?.statusCodeStats?.['429']?.count ?? 0
    const whaleSaw = result && { served: result['2xx'], refused, failed: result.non2xx - refused + result.errors }
    console.error(`${name}: measured`)
    return { name, others: seen, whale: whaleSaw }
  }
  await measure('warm-up', undefined)
  const runs = [
    await measure('alone', undefined),
    await measure('beside it, no limits', {}),
    await measure('beside it, places (standard)', standardLimits),
    await measure('beside it, places and rate', { ...standardLimits, requests: QUOTA }),
  ]
  print(runs)
} finally {
  await house.close()
}

async function openShop(slug: string): Promise<Shop> {
  const shop = await house.addShop({ slug })
  await house.importProducts(shop, productFile(PRODUCTS))
  return shop
}

/** Its plan is its own; the others have the standard one in every run. */
async function setLimits(merchantId: string, limits: object): Promise<void> {
  const text = JSON.stringify(limits)
  await house.query`
    insert into platform.plan (name, limits) values ('whale', ${text}::text::jsonb) on conflict (name) do update set limits = excluded.limits`
  await house.query`update platform.merchant set plan = 'whale' where id = ${merchantId}::text::uuid`
  await sleep(1_000)
}

function flood(shop: Shop, variant: string): Promise<autocannon.Result> {
  const headers = { host: `${shop.slug}.localhost`, 'content-type': 'application/json' }
  return autocannon({
    url: house.origin,
    connections: WHALE_CONNECTIONS,
    overallRate: QUOTA.per_second * TIMES,
    duration: SECONDS + 2,
    workers: 1,
    requests: [{ method: 'POST', path: '/v1/carts', headers, body: JSON.stringify({ lines: [{ variant_id: variant, quantity: 1 }] }) }],
  })
}

/** Requests at fixed moments: a slow answer delays none of the next, and its time counts from when it was due. */
async function watch(shops: Shop[], variants: ReadonlyMap<Shop, string>): Promise<Seen> {
  const seen: Seen = { milliseconds: [], failed: 0 }
  const started = performance.now()
  const asked: Promise<void>[] = []
  for (let n = 0; n * NEIGHBOUR_EVERY_MS < SECONDS * 1_000; n++) {
    const due = started + n * NEIGHBOUR_EVERY_MS
    await sleep(Math.max(0, due - performance.now()))
    for (const shop of shops) asked.push(ask(shop, variants.get(shop)!, n, due, seen))
  }
  await Promise.all(asked)
  return seen
}

async function ask(shop: Shop, variant: string, n: number, due: number, seen: Seen): Promise<void> {
  const isCart = n % CART_EVERY === 0
  const answer = await (isCart
    ? shop.buyer.post('/v1/carts', { lines: [{ variant_id: variant, quantity: 1 }] })
    : shop.buyer.get('/v1/products')
  ).catch(() => undefined)
  if (answer?.status !== (isCart ? 201 : 200)) seen.failed += 1
  else seen.milliseconds.push(performance.now() - due)
}

function print(runs: Run[]): void {
  const rows = runs.map(({ name, others, whale }) => {
    const sorted = others.milliseconds.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
    return { name, success: sorted.length / (sorted.length + others.failed), p50: at(0.5), p95: at(0.95), p99: at(0.99), whale }
  })
  const alone = rows[0]!
  const a = (count: number | undefined) => (count === undefined ? '-' : `${(count / (SECONDS + 2)).toFixed(0)}/s`)
  console.log(
    `One merchant sends ${QUOTA.per_second * TIMES}/s, ${TIMES} times a quota of ${QUOTA.per_second}/s; ${NEIGHBOURS.length} others, ${SECONDS} s a run.`,
  )
  console.log('| run | others succeed | p50 | p95 | p99 | p95 of alone | it: served | it: 429 | it: failed |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  for (const { name, success, p50, p95, p99, whale } of rows) {
    const times = `${(p95 / alone.p95).toFixed(1)}x`
    const ms = [p50, p95, p99].map((value) => `${value.toFixed(1)} ms`).join(' | ')
    console.log(
      `| ${name} | ${(success * 100).toFixed(2)} % | ${ms} | ${times} | ${a(whale?.served)} | ${a(whale?.refused)} | ${a(whale?.failed)} |`,
    )
  }
}
