import { setTimeout as pause } from 'node:timers/promises'
import { enqueue, type TaskName } from '@souk/core/jobs.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { openDoor } from './door.ts'
import { table } from './report.ts'

// Jobs a second through one worker, from the commit that enqueues them until the last has left the queue. Each opens its
// merchant's door, where it finds nothing to do. The limit takes as many from a bare table, by as many takers at once.

const JOBS = Number(process.env.BENCH_JOBS ?? 5_000)
const WARM_UP_JOBS = 200
/** Takers: the worker's default, and more. */
const AT_ONCE = [4, 16]
const LOOKED_EVERY_MS = 10
const DONE_WITHIN_MS = 300_000
/** Deletes what is older than weeks, of which there is none. */
const TASK = 'clear_payment_callbacks' satisfies TaskName

export interface JobFigures {
  atOnce: number
  limitPerSecond: number
  perSecond: number
}

/** Starts the worker of the house anew, once for each row. */
export async function measureJobs(house: House): Promise<JobFigures[]> {
  const shop = await house.addShop({ slug: 'working' })
  const door = await openDoor(house, shop)
  const sql = postgres(house.adminUrl, { max: Math.max(...AT_ONCE), onnotice: () => {} })
  await sql`create table bench_job (id bigint primary key generated always as identity, locked_at timestamptz)`
  const figures: JobFigures[] = []
  try {
    for (const atOnce of AT_ONCE) {
      const limitPerSecond = await measureLimit(sql, atOnce)
      if (house.worker.isRunning) await house.worker.stop()
      house.startWorker({ WORKER_JOBS_AT_ONCE: String(atOnce) })
      await work(sql, door.inMerchant, shop, WARM_UP_JOBS)
      const perSecond = await work(sql, door.inMerchant, shop, JOBS)
      figures.push({ atOnce, limitPerSecond, perSecond })
      console.error(`jobs, ${atOnce} at once: ${perSecond.toFixed(0)}/s of ${limitPerSecond.toFixed(0)}/s`)
    }
    return figures
  } finally {
    await house.worker.stop()
    await Promise.all([sql.end(), door.close()])
  }
}

/** Enqueues so many at one moment, and answers how many a second were done. */
async function work(sql: postgres.Sql, inMerchant: InMerchant, shop: Shop, count: number): Promise<number> {
  await inMerchant(async (tx) => void (await Promise.all(Array.from({ length: count }, () => enqueue(tx, TASK, {})))))
  const begun = performance.now()
  while (performance.now() - begun < DONE_WITHIN_MS) {
    // Those with a key are the daily ones, which wait for their hour.
    const [row] = await sql<{ left: boolean }[]>`
      select exists (
        select from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
        where t.identifier = ${TASK} and j.key is null and j.payload ->> 'merchantId' = ${shop.id}) as left`
    if (!row!.left) return count / ((performance.now() - begun) / 1_000)
    await pause(LOOKED_EVERY_MS)
  }
  throw new Error(`${count} jobs were not done within ${DONE_WITHIN_MS} ms`)
}

/** Three statements for each: take it, look at a row, and take it out of the table. */
async function measureLimit(sql: postgres.Sql, takers: number): Promise<number> {
  await sql`insert into bench_job (locked_at) select null from generate_series(1, ${JOBS})`
  await sql`analyze bench_job`
  const begun = performance.now()
  await Promise.all(Array.from({ length: takers }, () => takeAll(sql)))
  return JOBS / ((performance.now() - begun) / 1_000)
}

async function takeAll(sql: postgres.Sql): Promise<void> {
  for (;;) {
    const [job] = await sql<{ id: string }[]>`
      update bench_job set locked_at = now() where id = (
        select id from bench_job where locked_at is null order by id limit 1 for update skip locked)
      returning id`
    if (!job) return
    await sql`select 1 from merchant_counter limit 1`
    await sql`delete from bench_job where id = ${job.id}`
  }
}

export function printJobs(figures: readonly JobFigures[]): void {
  table(
    ['jobs with nothing to do, at once', 'limit /s', 'jobs /s', 'ratio'],
    figures.map(({ atOnce, limitPerSecond, perSecond }) => [
      String(atOnce),
      limitPerSecond.toFixed(0),
      perSecond.toFixed(0),
      (perSecond / limitPerSecond).toFixed(2),
    ]),
  )
}

/** A house of its own: `node src/jobs.ts`. */
async function benchJobs(): Promise<void> {
  const house = await House.open()
  try {
    await house.startApi()
    printJobs(await measureJobs(house))
    const broken = await house.invariants()
    if (broken.length > 0) throw new Error(`the house is not in order after the run: ${JSON.stringify(broken)}`)
  } finally {
    await house.close()
  }
}

if (import.meta.main) await benchJobs()
