import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Job } from 'graphile-worker'

/**
 * Puts a job that a move has left behind into the queue of the cell where its merchant lives by now, unless an equal one is there: what is due
 * is looked for at the new home as well, and both together would do the same thing twice at once.
 */
export async function handOn(inMerchant: InMerchant, job: Job): Promise<void> {
  const { merchantId, ...payload } = job.payload as { merchantId: string } & Record<string, unknown>
  const prefix = `${merchantId}:${job.task_identifier}:`
  const text = JSON.stringify(payload)
  await inMerchant(async (tx) => {
    if (job.key?.startsWith(prefix)) {
      const key = job.key.slice(prefix.length)
      await tx.sql`
        select queue.enqueue_unless_queued(${job.task_identifier}, ${text}::jsonb, ${key}, null::timestamptz, ${job.max_attempts}::int)`
    } else {
      await tx.sql`select queue.enqueue(${job.task_identifier}, ${text}::jsonb, null::text, null::timestamptz, ${job.max_attempts}::int)`
    }
  })
}
