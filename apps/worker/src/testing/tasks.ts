import { setTimeout as sleep } from 'node:timers/promises'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { z } from 'zod'
import { merchantTask } from '../merchant-task.ts'

const POLL_MS = 25

/** Where test tasks leave their traces. One row a step, so that what ran twice is seen twice. */
export const TRACE_TABLE = `
  create table trace (merchant_id uuid not null, id uuid not null default uuidv7(), label text not null, step text not null, process integer not null,
    primary key (merchant_id, id));
  select app.protect('trace');
  create table gate (label text primary key);
  grant select on gate to souk_app;`

const label = { label: z.string() }

/** Tasks that stand for real ones: quick, long, failing, and one that works in several transactions. */
export const testTasks = {
  quick: merchantTask(label, (inMerchant, job) => trace(inMerchant, job.label, 'done')),
  /** Waits in the middle until its gate is opened, in many short transactions. */
  long: merchantTask(label, async (inMerchant, job) => {
    await trace(inMerchant, job.label, 'begun')
    while (!(await isOpen(inMerchant, job.label))) await sleep(POLL_MS)
    await trace(inMerchant, job.label, 'done')
  }),
  /** Waits for its gate inside a transaction that has already written. */
  one_transaction: merchantTask(label, (inMerchant, job) =>
    inMerchant(async (tx) => {
      await tx.sql`insert into trace (merchant_id, label, step, process) values (${tx.merchantId}, ${job.label}, 'done', ${process.pid})`
      while ((await tx.sql`select 1 from gate where label = ${job.label}`).length === 0) await sleep(POLL_MS)
    }),
  ),
  /** Never comes back, and never comes to the door again. */
  deaf: merchantTask(label, async (inMerchant, job) => {
    await trace(inMerchant, job.label, 'begun')
    await new Promise(() => {})
  }),
  failing: merchantTask(label, async (inMerchant, job) => {
    await trace(inMerchant, job.label, 'begun')
    throw new Error(`cannot digest "secret of ${job.label}"`)
  }),
}

async function trace(inMerchant: InMerchant, what: string, step: string): Promise<void> {
  await inMerchant(
    (tx) => tx.sql`
    insert into trace (merchant_id, label, step, process) values (${tx.merchantId}, ${what}, ${step}, ${process.pid})`,
  )
}

async function isOpen(inMerchant: InMerchant, name: string): Promise<boolean> {
  const rows = await inMerchant((tx) => tx.sql`select 1 from gate where label = ${name}`)
  return rows.length > 0
}
