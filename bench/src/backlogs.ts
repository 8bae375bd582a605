import { setTimeout as sleep } from 'node:timers/promises'
import { enqueue } from '@souk/core/jobs.ts'
import { queueMail } from '@souk/core/mail/queue-mail.ts'
import { TRIAL } from '@souk/core/mail/test-mail.ts'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { cpuOf, cpuOfTree, memoryOf } from './cpu.ts'
import { openDoor } from './door.ts'
import { MailServer } from './mail-server.ts'
import { noteJobs } from './neighbour-traffic.ts'
import { table } from './report.ts'

// One merchant has a backlog in the queue: many small jobs, or mails for a server that is slow, refuses, or never answers. How long jobs and
// mails of two neighbours wait meanwhile, what the worker and the database take, and when all of it is done. Nobody has a plan.

const JOBS = Number(process.env.BENCH_JOBS ?? 100_000)
const MAILS = Number(process.env.BENCH_MAILS ?? 20_000)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20)
/** Some of them alone: `BENCH_ONLY=jobs,hanging`. */
const ONLY = process.env.BENCH_ONLY?.split(',')
const BATCH = 500
const NEIGHBOURS = 2
const JOB_EVERY_MS = 250
const MAIL_EVERY_JOBS = 4
/** What has not been done so long after it was enqueued counts as so late. */
const WAITED_FOR_MS = 10_000
const DRAINED_WITHIN_MS = 1_800_000

interface Neighbour {
  shop: Shop
  inMerchant: InMerchant
  close(): Promise<void>
}

interface Seen {
  name: string
  jobs: number[]
  mails: number[]
  /** Of a core. */
  workerCpu: number
  postgresCpu: number
  workerMiB: number
  look: string
}

const house = await House.open()
const mailServer = await MailServer.listen()
try {
  await house.startApi()
  const neighbours: Neighbour[] = []
  for (let n = 1; n <= NEIGHBOURS; n++) neighbours.push(await open(`neighbour-${n}`))
  await noteJobs(house)
  house.startWorker({ SOUK_SMTP_URL: mailServer.url })
  await watch('warm-up', neighbours, 3)
  const seen: Seen[] = [await watch('alone', neighbours, SECONDS)]
  if (isWanted('jobs')) seen.push(await besideJobs(neighbours))
  for (const manner of ['slow', 'refusing', 'hanging'] as const) if (isWanted(manner)) seen.push(await besideMails(manner, neighbours))
  print(seen)
  await Promise.all(neighbours.map((neighbour) => neighbour.close()))
} finally {
  await house.close()
  await mailServer.close()
}

function isWanted(name: string): boolean {
  return ONLY?.includes(name) ?? true
}

async function open(slug: string): Promise<Neighbour> {
  const shop = await house.addShop({ slug })
  return { shop, ...(await openDoor(house, shop)) }
}

async function besideJobs(neighbours: readonly Neighbour[]): Promise<Seen> {
  const whale = await open('whale-jobs')
  const begun = performance.now()
  await inBatches(JOBS, (count) =>
    whale.inMerchant(
      (tx) => tx.sql`select queue.enqueue('clear_payment_callbacks', '{}', null, null, 10) from generate_series(1, ${count}::int)`,
    ),
  )
  note(`${JOBS} jobs enqueued in ${since(begun)} s`)
  const seen = await watch(`${JOBS} jobs of one`, neighbours, SECONDS)
  await drained(whale, begun)
  await whale.close()
  return seen
}

/** As core's queueMail has them, many in a statement. */
async function besideMails(manner: MailServer['manner'], neighbours: readonly Neighbour[]): Promise<Seen> {
  const whale = await open(`whale-mails-${manner}`)
  mailServer.manner = manner
  const begun = performance.now()
  await inBatches(MAILS, (count) =>
    whale.inMerchant(
      (tx) => tx.sql`
        with mail as (
          insert into mail_message (merchant_id, id, key, template, recipient, data, created_at)
          select ${tx.merchantId}, uuidv7(), gen_random_uuid()::text, 'order_placed', 'buyer@example.com', ${JSON.stringify(TRIAL)}::jsonb, now()
          from generate_series(1, ${count}::int)
          returning id
        )
        select queue.enqueue('send_mail', jsonb_build_object('mailId', id), id::text, null, 10) from mail`,
    ),
  )
  note(`${MAILS} mails queued in ${since(begun)} s, their server is ${manner}`)
  const seen = await watch(`${MAILS} mails of one, a ${manner} server`, neighbours, SECONDS)
  const [left] = await house.query<{ settled: number }>`
    select count(*) filter (where status <> 'queued')::int as settled from mail_message where merchant_id = ${whale.shop.id}::text::uuid`
  note(`${left!.settled} of them were settled by then`)
  mailServer.manner = 'quick'
  await house.query`delete from graphile_worker._private_jobs where locked_at is null and payload ->> 'merchantId' = ${whale.shop.id}`
  await drained(whale, begun)
  await whale.close()
  return seen
}

async function inBatches(total: number, add: (count: number) => Promise<unknown>): Promise<void> {
  for (let left = total; left > 0; left -= BATCH) await add(Math.min(left, BATCH))
}

/** Jobs and mails of the neighbours at fixed moments. */
async function watch(name: string, neighbours: readonly Neighbour[], seconds: number): Promise<Seen> {
  await house.query`truncate bench_job_done`
  const startedAt = new Date()
  const { pid } = house.worker
  const before = await used(pid)
  const begun = performance.now()
  let jobs = 0
  for (let n = 0; n * JOB_EVERY_MS < seconds * 1_000; n++) {
    await sleep(Math.max(0, begun + n * JOB_EVERY_MS - performance.now()))
    for (const { inMerchant } of neighbours) {
      await inMerchant(async (tx) => {
        await enqueue(tx, 'clear_payment_callbacks', {}, { key: `bench-${crypto.randomUUID()}` })
        if (n % MAIL_EVERY_JOBS === 0) await aMail(tx)
      })
      jobs += 1
    }
  }
  const after = await used(pid)
  const look = await explainLook()
  const elapsedMs = performance.now() - begun
  await sleep(WAITED_FOR_MS)
  const done = (await house.query<{ milliseconds: number }>`select milliseconds from bench_job_done`).map((row) => row.milliseconds)
  const mails = await house.query<{ milliseconds: number }>`
    select extract(epoch from coalesce(settled_at, now()) - created_at)::float8 * 1000 as milliseconds
    from mail_message where created_at >= ${startedAt.toISOString()}::text::timestamptz and key like 'bench-%'`
  const seen = {
    name,
    jobs: [...done, ...Array.from({ length: Math.max(0, jobs - done.length) }, () => Number.POSITIVE_INFINITY)],
    mails: mails.map(({ milliseconds }) => milliseconds),
    workerCpu: (after.worker - before.worker) / elapsedMs,
    postgresCpu: (after.postgres - before.postgres) / elapsedMs,
    workerMiB: (await memoryOf(pid)).nowMiB,
    look,
  }
  note(rowOf(seen).join(' | '))
  return seen
}

async function aMail(tx: Parameters<typeof queueMail>[0]): Promise<void> {
  await queueMail(tx, {
    template: 'order_placed',
    to: 'a@example.com',
    locale: null,
    data: TRIAL,
    key: `bench-${crypto.randomUUID()}`,
    now: new Date(),
  })
}

async function used(pid: number): Promise<{ worker: number; postgres: number }> {
  return { worker: await cpuOf(pid), postgres: await cpuOfTree(findPostmaster(house.dataDir)!.pid) }
}

/** How a look for a job is planned in the queue as it is, by its role, and what it reads. It takes nothing. */
async function explainLook(): Promise<string> {
  const sql = postgres(house.url('souk_queue'), { max: 1 })
  try {
    await sql`begin`
    const rows = await sql<{ 'QUERY PLAN': string }[]>`
      explain (analyze, buffers, summary off, costs off)
      select id from graphile_worker._private_jobs as jobs
      where is_available and run_at <= now() and task_id = any((select array_agg(id) from graphile_worker._private_tasks)::int[])
        and (job_queue_id is null or job_queue_id in (
          select id from graphile_worker._private_job_queues q where q.is_available for update skip locked))
      order by priority, run_at limit 1 for update skip locked`
    await sql`rollback`
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    const [, scan = 'no scan'] = /((?:Index Scan using \w+|\w+ Scan) on _private_jobs)/.exec(plan) ?? []
    const [, pages = '?'] = /Buffers: shared hit=(\d+)/.exec(plan) ?? []
    const [, took = '?'] = /actual time=[\d.]+\.\.([\d.]+)/.exec(plan) ?? []
    return `${scan.replace(/ on .*/, '')}, ${pages} pages, ${took} ms`
  } finally {
    await sql.end()
  }
}

async function drained({ shop }: Neighbour, begun: number): Promise<void> {
  const end = performance.now() + DRAINED_WITHIN_MS
  let peakMiB = 0
  for (;;) {
    const [row] = await house.query<{ left: number }>`
      select count(*)::int as left from graphile_worker._private_jobs j
      where payload ->> 'merchantId' = ${shop.id} and coalesce(key, '') not like '%:daily'`
    peakMiB = Math.max(peakMiB, (await memoryOf(house.worker.pid)).nowMiB)
    if (row!.left === 0) break
    if (performance.now() > end) throw new Error(`${row!.left} jobs were not done within ${DRAINED_WITHIN_MS} ms`)
    await sleep(500)
  }
  note(`drained ${since(begun)} s after it began; the worker had at most ${peakMiB} MiB`)
}

function since(begun: number): string {
  return ((performance.now() - begun) / 1_000).toFixed(1)
}

function note(text: string): void {
  console.error(text)
}

function print(seen: readonly Seen[]): void {
  table(
    [
      'backlog',
      'others’ jobs p50',
      'p95',
      'longest',
      'others’ mails p50',
      'longest',
      'worker CPU',
      'PostgreSQL CPU',
      'worker memory',
      'a look',
    ],
    seen.map(rowOf),
  )
}

function rowOf({ name, jobs, mails, workerCpu, postgresCpu, workerMiB, look }: Seen): string[] {
  return [
    name,
    ...[0.5, 0.95, 1].map((share) => ms(jobs, share)),
    ...[0.5, 1].map((share) => ms(mails, share)),
    `${(workerCpu * 100).toFixed(0)} %`,
    `${(postgresCpu * 100).toFixed(0)} %`,
    `${workerMiB} MiB`,
    look,
  ]
}

function ms(milliseconds: readonly number[], share: number): string {
  const sorted = milliseconds.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return Number.isFinite(value) ? `${value.toFixed(0)} ms` : `over ${WAITED_FOR_MS} ms`
}
