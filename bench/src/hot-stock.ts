import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createProduct } from '@souk/core/catalog/create-product.ts'
import { buyCart, fillCart } from '@souk/core/testing/buying.ts'
import { House } from '@souk/proofs/house.ts'
import { type InMerchant, Router } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { cpuOfTree } from './cpu.ts'
import type { Rush, RushResult } from './hot-buyers.ts'
import { repeat } from './load.ts'
import { table } from './report.ts'

// What everybody wants at once: claims of one SKU by the buyers of two processes, what is told when it is sold out, and what
// other goods' checkouts notice of it. The measured single-counter form is the limit of the same run.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)
const BUYERS = 32
const PROCESSES = 2
const NEIGHBOURS = 2
const RUSH_PER_SECOND = 1_000
const ACTOR = { kind: 'job', task: 'bench' } as const

interface Row {
  name: string
  latencies: number[]
  seconds: number
  processes: RushResult[]
  postgresMs: number
}

const house = await House.open()
const crowd: ChildProcess[] = []
try {
  await house.startApi()
  const shop = await house.addShop({ slug: 'rush' })
  await house.api.stop()
  const url = house.url('souk_app')
  const router = new Router({ directoryUrl: url, baseDomain: 'localhost', cellUrls: { 'shared-1': url } })
  const inMerchant = router.inMerchant((await router.directory.refresh(shop.id))!)
  await openCounter()
  for (let n = 0; n < PROCESSES; n++) crowd.push(await startBuyers(url, shop.id))

  const rows: Row[] = []
  await measure('warm-up', { form: 'in turn', variantId: await goods(inMerchant, 1_000_000) }, 2)
  await house.query`vacuum analyze`
  rows.push(await measure('one counter row, one statement', { form: 'counter', variantId: shop.id }))
  rows.push(
    await measure('a reservation each in a transaction of its own', { form: 'alone', variantId: await goods(inMerchant, 1_000_000) }),
  )
  rows.push(await measure('in turn', { form: 'in turn', variantId: await goods(inMerchant, 1_000_000) }))
  rows.push(await measure('in turn, 128 buyers', { form: 'in turn', variantId: await goods(inMerchant, 1_000_000), buyers: 128 }))
  rows.push(await measure('sold out', { form: 'in turn', variantId: await goods(inMerchant, 0) }))
  printClaims(rows)
  await printNeighbours(inMerchant)
  await router.close()
  const broken = await house.invariants()
  if (broken.length > 0) throw new Error(`the house is not in order after the run: ${JSON.stringify(broken)}`)
} finally {
  for (const child of crowd) child.disconnect()
  await house.close()
}

async function openCounter(): Promise<void> {
  const admin = postgres(house.adminUrl, { max: 1, onnotice: () => {} })
  await admin`create table bench_hot (id int primary key, on_hand bigint not null, reserved bigint not null default 0) with (fillfactor = 50)`
  await admin`insert into bench_hot (id, on_hand) values (1, 1000000000)`
  await admin`grant select, update on bench_hot to souk_app`
  await admin.end()
}

async function startBuyers(url: string, merchantId: string): Promise<ChildProcess> {
  const child = fork(new URL('hot-buyers.ts', import.meta.url), [url, merchantId])
  await once(child, 'message')
  return child
}

async function goods(inMerchant: InMerchant, quantity: number): Promise<string> {
  const input = { title: 'Thing', status: 'active', published: true, variants: [{ price: 1000n, tracked: true, quantity }] } as const
  const product = await inMerchant((tx) =>
    createProduct(tx, { ...input, variants: [...input.variants] }, { actor: ACTOR, now: new Date() }),
  )
  return product.variants[0]!.id
}

async function measure(name: string, given: Partial<Rush> & Pick<Rush, 'form' | 'variantId'>, seconds = SECONDS): Promise<Row> {
  const buyers = (given.buyers ?? BUYERS) / PROCESSES
  const rush: Rush = { ...given, buyers, seconds }
  const postmaster = Number((await readFile(join(house.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
  const before = await cpuOfTree(postmaster)
  const begun = performance.now()
  const processes = await Promise.all(crowd.map((child) => asked(child, rush)))
  const elapsed = (performance.now() - begun) / 1_000
  const latencies = processes.flatMap((result) => result.latencies).sort((one, other) => one - other)
  const row = { name, latencies, seconds: elapsed, processes, postgresMs: (await cpuOfTree(postmaster)) - before }
  console.error(`${name}: ${(latencies.length / elapsed).toFixed(0)}/s`)
  return row
}

async function asked(child: ChildProcess, rush: Rush): Promise<RushResult> {
  const answer = once(child, 'message')
  child.send(rush)
  return ((await answer) as [RushResult])[0]
}

function printClaims(rows: readonly Row[]): void {
  const limit = rows[0]!
  table(
    [
      'claims of one SKU',
      'a second',
      'to the counter',
      'p50 ms',
      'p99 ms',
      'granted / refused',
      'share of each process',
      'claimers CPU us',
      'PostgreSQL CPU us',
    ],
    rows.map((row) => {
      const count = row.latencies.length
      const rate = count / row.seconds
      const sum = (of: (result: RushResult) => number) => row.processes.reduce((total, result) => total + of(result), 0)
      return [
        row.name,
        rate.toFixed(0),
        (rate / (limit.latencies.length / limit.seconds)).toFixed(2),
        at(row.latencies, 0.5).toFixed(1),
        at(row.latencies, 0.99).toFixed(1),
        `${sum((result) => result.granted)} / ${sum((result) => result.refused)}`,
        row.processes.map((result) => `${Math.round((result.latencies.length * 100) / count)} %`).join(' '),
        ((sum((result) => result.cpuMs) * 1_000) / count).toFixed(0),
        ((row.postgresMs * 1_000) / count).toFixed(0),
      ]
    }),
  )
}

/** Whole checkouts of other goods of the same merchant: alone, beside a rush, and beside buyers who find it sold out. */
async function printNeighbours(inMerchant: InMerchant): Promise<void> {
  const seller = { inMerchant, merchant: inMerchant.merchant, locationId: '' }
  const others = await Promise.all(Array.from({ length: 20 }, () => goods(inMerchant, 1_000_000)))
  const buyOther = async (worker: number) => {
    const variantId = others[(worker * 7 + Math.floor(Math.random() * others.length)) % others.length]!
    const cart = await fillCart(seller, [{ goods: { variantId, productId: '' } }])
    await buyCart(seller, cart.id)
  }
  await repeat(NEIGHBOURS, 2, buyOther)
  const alone = await repeat(NEIGHBOURS, SECONDS, buyOther)
  const perSecond = RUSH_PER_SECOND / PROCESSES
  const beside = async (name: string, quantity: number) => {
    const rush = { form: 'in turn', variantId: await goods(inMerchant, quantity), perSecond } as const
    const [row, checkouts] = await Promise.all([measure(name, rush), repeat(NEIGHBOURS, SECONDS, buyOther)])
    return { name, rush: row.latencies.length / row.seconds, checkouts }
  }
  const measured = [
    { name: 'alone', rush: 0, checkouts: alone },
    await beside('beside a rush', 1_000_000),
    await beside('beside buyers who find it sold out', 0),
  ]
  console.log()
  table(
    [
      `checkouts of other goods, ${NEIGHBOURS} at a time`,
      'claims of the hot one a second',
      'checkouts a second',
      'p50 ms',
      'p99 ms',
      'p99 to alone',
    ],
    measured.map(({ name, rush, checkouts }) => [
      name,
      rush.toFixed(0),
      checkouts.perSecond.toFixed(0),
      checkouts.p50Ms.toFixed(1),
      checkouts.p99Ms.toFixed(1),
      (checkouts.p99Ms / alone.p99Ms).toFixed(2),
    ]),
  )
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
