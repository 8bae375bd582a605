import type { Tx } from '@souk/tenant-router/tx.ts'

/**
 * The imports that a worker should be busy with. One whose job was given up is not among them: it waits for somebody to
 * retry that job.
 */
export async function unfinishedImports(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select i.id from catalog_import i
    where i.merchant_id = ${tx.merchantId} and i.status in ('queued', 'running')
      and not exists (
        select 1 from dead_job d
        where d.merchant_id = ${tx.merchantId} and d.task = 'run_import' and d.payload ->> 'importId' = i.id::text
      )
    order by i.id`
  return rows.map((row) => row.id)
}
